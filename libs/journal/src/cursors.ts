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
 * The messages after each of `after`, in order, at most `limit` and 8 MiB in all (but always one). A replay comes with the
 * bytes of the message it refers to.
 */
export async function readAfter(
  tx: Query,
  after: readonly Position[],
  limit: number,
): Promise<JournaledMessage[]> {
  const rows = await tx.query<JournalRow>(
    `SELECT lane, partition, seq, kind, flags, channel, received_at, refers_lane, refers_partition, refers_seq, raw FROM (
       SELECT j.*, a.ord, sum(octet_length(j.raw)) OVER (ORDER BY a.ord, j.seq) - octet_length(j.raw) AS before
       FROM unnest($1::smallint[], $2::smallint[], $3::bigint[]) WITH ORDINALITY AS a(lane, partition, seq, ord)
       CROSS JOIN LATERAL (
         SELECT * FROM journal WHERE lane = a.lane AND partition = a.partition AND seq > a.seq ORDER BY seq LIMIT $4) AS j
       ORDER BY a.ord, j.seq LIMIT $4) AS next
     WHERE before < $5 ORDER BY ord, seq`,
    [
      after.map((position) => position.lane),
      after.map((position) => position.partition),
      after.map((position) => position.seq),
      limit,
      MAX_READ_BYTES,
    ],
    'read-after',
  );
  const messages = rows.map(messageOf);
  return Promise.all(messages.map((message) => (message.kind === 1 ? withBytes(tx, message) : message)));
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
