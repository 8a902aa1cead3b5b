import type { Query } from '#database';
import type { EngineError, Position } from '#kernel';

/** One ordered stream of deliveries: a destination's share of one partition. */
export interface DeliveryShare {
  readonly destination: number;
  readonly partition: number;
}

/** A delivery that is neither sent nor dead. */
export interface WaitingDelivery {
  readonly number: number;
  /** Of its pack. */
  readonly position: Position;
  /** Times this number has failed so far. */
  readonly attempts: number;
}

/** How far a share has come. Written in one statement: a reader sees all of it or nothing. */
export interface DeliveryProgress {
  /** The last number that is sent or dead; 0 before the first. */
  readonly number: number;
  readonly sent?: { readonly first: number; readonly last: number; readonly attempts: number };
  readonly dead?: { readonly position: Position; readonly attempts: number; readonly error: EngineError };
  /** Of number + 1. */
  readonly failure?: {
    readonly attempts: number;
    readonly error: EngineError;
    readonly retryAfterMs: number;
  };
}

interface DeliveryRow {
  share: number;
  number: number;
  lane: number;
  seq: number;
  attempts: number;
}

/**
 * The next deliveries of many shares, of each in order of number and at most `limit`, in the order of `shares`. None of a
 * share that waits for its next attempt.
 */
export async function readDeliveries(
  query: Query,
  shares: readonly DeliveryShare[],
  limit: number,
): Promise<WaitingDelivery[][]> {
  const rows = await query.query<DeliveryRow>(
    `SELECT s.ord::int AS share, d.number, d.lane, d.seq, COALESCE(c.attempts, 0) AS attempts
     FROM unnest($1::smallint[], $2::smallint[]) WITH ORDINALITY AS s(destination, partition, ord)
     LEFT JOIN delivery_cursor c ON c.destination = s.destination AND c.partition = s.partition
     CROSS JOIN LATERAL (
       SELECT number, lane, seq FROM delivery WHERE destination = s.destination AND partition = s.partition
         AND number > COALESCE(c.number, 0) ORDER BY number LIMIT $3) AS d
     WHERE c.next_attempt_at IS NULL OR c.next_attempt_at <= now()
     ORDER BY s.ord, d.number`,
    [shares.map((share) => share.destination), shares.map((share) => share.partition), limit],
    'read-deliveries',
  );
  const waiting = shares.map((): WaitingDelivery[] => []);
  for (const { share, number, lane, seq, attempts } of rows) {
    const { partition } = shares[share - 1] ?? { partition: 0 };
    const before = waiting[share - 1];
    before?.push({
      number,
      position: { lane, partition, seq },
      attempts: before.length === 0 ? attempts : 0,
    });
  }
  return waiting;
}

export interface DeliveryMove {
  readonly share: DeliveryShare;
  readonly progress: DeliveryProgress;
}

/**
 * Moves the cursors of many shares at once, each at most once. Answers in the same order whether the cursor moved:
 * false when it was further already, that is, when another process worked on the share.
 */
export async function moveDeliveryCursors(query: Query, moves: readonly DeliveryMove[]): Promise<boolean[]> {
  const column = <T>(of: (move: DeliveryMove) => T | undefined) => moves.map((move) => of(move) ?? null);
  const rows = await query.query<DeliveryShare>(
    `WITH move AS MATERIALIZED (
       SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::int[], $5::float8[], $6::text[],
                            $7::bigint[], $8::bigint[], $9::int[], $10::smallint[], $11::bigint[], $12::int[], $13::text[], $14::text[])
         AS m(destination, partition, number, attempts, retry_ms, error, first_number, last_number, sent_attempts,
              dead_lane, dead_seq, dead_attempts, dead_code, dead_reason)
     ), moved AS (
       INSERT INTO delivery_cursor AS c (destination, partition, number, attempts, next_attempt_at, last_error)
       SELECT destination, partition, number, attempts, now() + retry_ms * interval '1 millisecond', error FROM move
       ON CONFLICT (destination, partition) DO UPDATE SET number = excluded.number, attempts = excluded.attempts,
         next_attempt_at = excluded.next_attempt_at, last_error = excluded.last_error
       WHERE c.number <= excluded.number
       RETURNING c.destination, c.partition
     ), sent AS (
       INSERT INTO delivery_sent (destination, partition, first_number, last_number, at, attempts)
       SELECT destination, partition, first_number, last_number, now(), sent_attempts
       FROM move JOIN moved USING (destination, partition) WHERE first_number IS NOT NULL
     ), dead AS (
       INSERT INTO delivery_dead (destination, partition, number, lane, seq, attempts, at, code, reason)
       SELECT destination, partition, number, dead_lane, dead_seq, dead_attempts, now(), dead_code, dead_reason
       FROM move JOIN moved USING (destination, partition) WHERE dead_code IS NOT NULL
     )
     SELECT destination, partition FROM moved`,
    [
      column((move) => move.share.destination),
      column((move) => move.share.partition),
      column((move) => move.progress.number),
      column((move) => move.progress.failure?.attempts ?? 0),
      column((move) => move.progress.failure?.retryAfterMs),
      column((move) => errorText(move.progress.failure?.error)),
      column((move) => move.progress.sent?.first),
      column((move) => move.progress.sent?.last),
      column((move) => move.progress.sent?.attempts),
      column((move) => move.progress.dead?.position.lane),
      column((move) => move.progress.dead?.position.seq),
      column((move) => move.progress.dead?.attempts),
      column((move) => move.progress.dead?.error.code),
      column((move) => move.progress.dead?.error.message),
    ],
    'move-delivery-cursors',
  );
  const moved = new Set(rows.map(shareKey));
  return moves.map((move) => moved.has(shareKey(move.share)));
}

/** What `last_error` holds: the code, and the sentence for people, which never has content of a message (I6). */
function errorText(error: EngineError | undefined): string | undefined {
  return error && `${error.code}: ${error.message}`;
}

/** Something to send, and the next attempt is due. */
const BEHIND =
  'h.number > COALESCE(c.number, 0) AND (c.next_attempt_at IS NULL OR c.next_attempt_at <= now())';

/** The shares of these destinations that have something to send and whose next attempt is due. */
export async function behindDeliveries(
  query: Query,
  destinations: readonly number[],
): Promise<DeliveryShare[]> {
  return query.query<DeliveryShare>(
    `SELECT h.destination, h.partition FROM delivery_head h LEFT JOIN delivery_cursor c USING (destination, partition)
     WHERE h.destination = ANY($1::smallint[]) AND ${BEHIND}`,
    [destinations],
    'behind-deliveries',
  );
}

/** Which of these shares have something to send and are due. */
export async function stillBehind(query: Query, shares: readonly DeliveryShare[]): Promise<DeliveryShare[]> {
  return query.query<DeliveryShare>(
    `SELECT h.destination, h.partition FROM unnest($1::smallint[], $2::smallint[]) AS s(destination, partition)
     JOIN delivery_head h USING (destination, partition) LEFT JOIN delivery_cursor c USING (destination, partition)
     WHERE ${BEHIND}`,
    [shares.map((share) => share.destination), shares.map((share) => share.partition)],
    'still-behind',
  );
}

/** Deliveries of one partition taken in one go: no partition keeps the others waiting. */
const TAKE_PER_PARTITION = 64;

/**
 * Takes the next deliveries of a destination over all partitions and moves its cursors past them, in the caller's
 * transaction: for a destination that numbers its events itself. The caller holds a lock that lets one transaction at
 * a time do this for the destination. In order within a partition; partitions take turns.
 */
export async function takeDeliveries(tx: Query, destination: number): Promise<Position[]> {
  return tx.query<Position>(
    `WITH behind AS (
       SELECT h.partition, COALESCE(c.number, 0) AS number
       FROM delivery_head h LEFT JOIN delivery_cursor c USING (destination, partition)
       WHERE h.destination = $1 AND h.number > COALESCE(c.number, 0)
     ), fresh AS MATERIALIZED (
       SELECT b.partition, d.number, d.lane, d.seq, d.number - b.number AS turn
       FROM behind b CROSS JOIN LATERAL (
         SELECT number, lane, seq FROM delivery
         WHERE destination = $1 AND partition = b.partition AND number > b.number ORDER BY number LIMIT $2) AS d
     ), moved AS (
       INSERT INTO delivery_cursor AS c (destination, partition, number)
       SELECT $1, partition, max(number) FROM fresh GROUP BY partition
       ON CONFLICT (destination, partition) DO UPDATE SET number = excluded.number
     )
     SELECT lane, partition, seq FROM fresh ORDER BY turn, partition`,
    [destination, TAKE_PER_PARTITION],
    'take-deliveries',
  );
}

/** The pack of one message as a notification needs it. */
export interface StoredPack {
  readonly storedAtMs: number;
  /** For a `PackUnfolder` that reads them in this order; undefined when the store does not hold it any more. */
  readonly folded: Buffer | undefined;
}

/** The packs at these positions, in the same order: as many from the first on as `maxBytes` holds, but always one. */
export async function readPacks(
  query: Query,
  positions: readonly Position[],
  maxBytes: number,
): Promise<StoredPack[]> {
  // A block that the next pack shares is not sent again. What is large is put together last, for the rows that are sent.
  const rows = await query.query<{ stored_at: Date | null; folded: Buffer | null }>(
    `SELECT stored_at, CASE WHEN fresh THEN place || block_bytes ELSE place END AS folded FROM (
       SELECT *, sum(size) OVER (ORDER BY ord) - size AS before FROM (
         SELECT *, CASE WHEN fresh THEN COALESCE(octet_length(block_bytes), 0) ELSE 0 END AS size FROM (
           SELECT a.ord, p.stored_at, p.place, p.block_bytes,
                  ROW(p.lane, p.partition, p.block) IS DISTINCT FROM
                    ROW(lag(p.lane) OVER w, lag(p.partition) OVER w, lag(p.block) OVER w) AS fresh
           FROM unnest($1::smallint[], $2::smallint[], $3::bigint[]) WITH ORDINALITY AS a(lane, partition, seq, ord)
           LEFT JOIN folded_pack p ON p.lane = a.lane AND p.partition = a.partition AND p.seq = a.seq
           WINDOW w AS (ORDER BY a.ord)
         ) AS found
       ) AS sized
     ) AS measured WHERE before < $4 ORDER BY ord`,
    [
      positions.map((position) => position.lane),
      positions.map((position) => position.partition),
      positions.map((position) => position.seq),
      maxBytes,
    ],
    'read-delivered-packs',
  );
  return rows.map((row) => ({ storedAtMs: row.stored_at?.getTime() ?? 0, folded: row.folded ?? undefined }));
}

/** How long ago a message was stored, by the database's clock; 0 when the store does not hold it any more. */
export async function storedForMs(query: Query, { lane, partition, seq }: Position): Promise<number> {
  const rows = await query.query<{ age_ms: number }>(
    `SELECT (extract(epoch FROM now() - stored_at) * 1000)::float8 AS age_ms
     FROM pack WHERE lane = $1 AND partition = $2 AND seq = $3`,
    [lane, partition, seq],
    'stored-for',
  );
  return rows[0]?.age_ms ?? 0;
}

/** Any number from 0 that stands for a share; -1 as partition stands for the whole destination. */
export function shareKey({ destination, partition }: DeliveryShare): number {
  return destination * 0x10000 + (partition & 0xffff);
}
