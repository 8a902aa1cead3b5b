import type { Query } from '#database';
import type { Position } from '#kernel';
import type { JournaledMessage, JournalKind } from './journal-entry.js';

export interface Cursor {
  readonly lane: number;
  readonly partition: number;
  /** The last message transformed. */
  readonly seq: number;
  /** Hash of that message's ledger entry; 32 zero bytes before the first. */
  readonly entryHash: Buffer;
  /** The last message journaled. */
  readonly head: number;
}

/**
 * Takes partitions for this transaction: one transformer at a time, over all lanes, so that the resources of a patient
 * are written by one. Answers those it got; what another worker holds is left out.
 */
export async function lockPartitions(tx: Query, partitions: readonly number[]): Promise<number[]> {
  const rows = await tx.query<{ partition: number }>(
    'SELECT partition FROM partition_lock WHERE partition = ANY($1) ORDER BY partition FOR UPDATE SKIP LOCKED',
    [partitions],
    'lock-partitions',
  );
  return rows.map((row) => row.partition);
}

/**
 * As `lockPartitions`, for whatever partitions are behind their journal and free, at most `most`, among every `of`-th from
 * `index` (0-based) on.
 */
export async function lockPartitionsBehind(
  tx: Query,
  { index, of }: { readonly index: number; readonly of: number },
  most: number,
): Promise<number[]> {
  const rows = await tx.query<{ partition: number }>(
    `SELECT p.partition FROM partition_lock p WHERE p.partition % $2 = $3 AND EXISTS (
       SELECT FROM cursor c JOIN journal_head h USING (lane, partition)
       WHERE c.partition = p.partition AND h.seq > c.seq)
     ORDER BY p.partition LIMIT $1 FOR UPDATE OF p SKIP LOCKED`,
    [most, of, index],
    'lock-partitions-behind',
  );
  return rows.map((row) => row.partition);
}

/** The cursors of `partitions`, every lane's, in order of partition and lane. Call under `lockPartitions`. */
export async function readCursors(tx: Query, partitions: readonly number[]): Promise<Cursor[]> {
  const rows = await tx.query<{
    lane: number;
    partition: number;
    seq: number;
    entry_hash: Buffer;
    head: number;
  }>(
    `SELECT lane, partition, c.seq, c.entry_hash, h.seq AS head FROM cursor c JOIN journal_head h USING (lane, partition)
     WHERE c.partition = ANY($1) ORDER BY partition, lane`,
    [partitions],
    'read-cursors',
  );
  return rows.map(({ entry_hash, ...row }) => ({ ...row, entryHash: entry_hash }));
}

/** Moves each cursor to a message and the hash of its ledger entry. */
export async function moveCursors(
  tx: Query,
  to: readonly (Position & { entryHash: Buffer })[],
): Promise<void> {
  await tx.query(
    `UPDATE cursor c SET seq = n.seq, entry_hash = n.entry_hash
     FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bytea[]) AS n(lane, partition, seq, entry_hash)
     WHERE c.lane = n.lane AND c.partition = n.partition`,
    [
      to.map((row) => row.lane),
      to.map((row) => row.partition),
      to.map((row) => row.seq),
      to.map((row) => row.entryHash),
    ],
    'move-cursors',
  );
}

interface JournalRow {
  lane: number;
  partition: number;
  seq: number;
  kind: JournalKind;
  flags: number;
  channel: number;
  received_at: Date;
  refers_lane: number | null;
  refers_partition: number | null;
  refers_seq: number | null;
  raw: Buffer;
}

/** What one read of the journal may bring into memory, beyond its first message. */
const MAX_READ_BYTES = 8 * 1024 * 1024;

/**
 * What waits behind `cursors`, up to the heads they were read with, at most `limit` messages and 8 MiB (but always one), in
 * order of arrival over all lanes and of seq within a lane. A replay comes with the bytes of the message it refers to.
 *
 * The heads of one statement are one moment: a message that a sender sent after the acknowledgment of another is never
 * read without that other, whichever lanes the two are in. Reading beyond them could.
 */
export async function readWaiting(
  tx: Query,
  cursors: readonly Cursor[],
  limit: number,
): Promise<JournaledMessage[]> {
  const rows = await tx.query<JournalRow>(
    `WITH waiting AS (
       SELECT j.*, max(j.received_at) OVER (PARTITION BY j.lane, j.partition ORDER BY j.seq) AS arrived
       FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bigint[]) AS c(lane, partition, seq, head)
       CROSS JOIN LATERAL (
         SELECT lane, partition, seq, received_at, octet_length(raw) AS bytes FROM journal
         WHERE lane = c.lane AND partition = c.partition AND seq > c.seq AND seq <= c.head
         ORDER BY seq LIMIT $5) AS j
     ), measured AS (
       SELECT *, sum(bytes) OVER (ORDER BY arrived, lane, partition, seq) - bytes AS before
       FROM waiting
     )
     SELECT j.lane, j.partition, j.seq, j.kind, j.flags, j.channel, j.received_at, j.refers_lane, j.refers_partition,
            j.refers_seq, j.raw
     FROM (SELECT * FROM measured WHERE before < $6 ORDER BY arrived, lane, partition, seq LIMIT $5) AS chosen
     JOIN journal j USING (lane, partition, seq) ORDER BY chosen.arrived, lane, partition, seq`,
    [
      cursors.map((cursor) => cursor.lane),
      cursors.map((cursor) => cursor.partition),
      cursors.map((cursor) => cursor.seq),
      cursors.map((cursor) => cursor.head),
      limit,
      MAX_READ_BYTES,
    ],
    'read-waiting',
  );
  const messages = rows.map(messageOf);
  return Promise.all(
    messages.map(async (message) => (message.kind === 1 ? withBytes(tx, message) : message)),
  );
}

/** One message by its position; undefined when the journal does not hold it (any more). */
export async function readMessage(tx: Query, position: Position): Promise<JournaledMessage | undefined> {
  const { lane, partition, seq } = position;
  const rows = await tx.query<JournalRow>(
    'SELECT * FROM journal WHERE lane = $1 AND partition = $2 AND seq = $3',
    [lane, partition, seq],
    'read-message',
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  const message = messageOf(row);
  return message.kind === 1 ? withBytes(tx, message) : message;
}

async function withBytes(tx: Query, replay: JournaledMessage): Promise<JournaledMessage> {
  if (replay.refers === undefined) return replay;
  const original = await readMessage(tx, replay.refers);
  return { ...replay, raw: original?.raw ?? replay.raw };
}

function messageOf(row: JournalRow): JournaledMessage {
  const { lane, partition, refers_lane, refers_partition, refers_seq } = row;
  const refers =
    refers_lane === null || refers_partition === null || refers_seq === null
      ? undefined
      : { lane: refers_lane, partition: refers_partition, seq: refers_seq };
  return {
    position: { lane, partition, seq: row.seq },
    kind: row.kind,
    controlIdReused: (row.flags & 1) === 1,
    channel: row.channel,
    receivedAtMs: row.received_at.getTime(),
    refers,
    raw: row.raw,
  };
}

/** Every (lane, partition) whose journal is ahead of its cursor: what the sweeper tries. */
export async function partitionsBehind(
  database: Query,
): Promise<{ lane: number; partition: number; waiting: number }[]> {
  return database.query(
    `SELECT h.lane, h.partition, (h.seq - c.seq)::int AS waiting
     FROM journal_head h JOIN cursor c USING (lane, partition) WHERE h.seq > c.seq`,
    [],
    'partitions-behind',
  );
}
