import type { Query } from '#database';
import type { Position } from '#kernel';
import type { JournaledMessage, JournalKind } from './journal-entry.js';

export interface Cursor {
  readonly lane: number;
  /** The last message transformed. */
  readonly seq: number;
  /** Hash of that message's ledger entry; 32 zero bytes before the first. */
  readonly entryHash: Buffer;
  /** The last message journaled. */
  readonly head: number;
}

/**
 * Takes a partition for this transaction: one transformer at a time, over all lanes, so that the resources of a
 * patient are written by one. False when another has it, or, with `wait`, only after it is free.
 */
export async function lockPartition(tx: Query, partition: number, wait = false): Promise<boolean> {
  const rows = await tx.query(
    `SELECT partition FROM partition_lock WHERE partition = $1 FOR UPDATE ${wait ? '' : 'SKIP LOCKED'}`,
    [partition],
    wait ? 'lock-partition-wait' : 'lock-partition',
  );
  return rows.length === 1;
}

/** The cursors of a partition that are behind their journal, in order of lane. Call under `lockPartition`. */
export async function cursorsBehind(tx: Query, partition: number): Promise<Cursor[]> {
  const rows = await tx.query<{ lane: number; seq: number; entry_hash: Buffer; head: number }>(
    `SELECT c.lane, c.seq, c.entry_hash, h.seq AS head
     FROM cursor c JOIN journal_head h USING (lane, partition)
     WHERE c.partition = $1 AND h.seq > c.seq ORDER BY c.lane`,
    [partition],
    'cursors-behind',
  );
  return rows.map((row) => ({ lane: row.lane, seq: row.seq, entryHash: row.entry_hash, head: row.head }));
}

/** One cursor with its head, under `lockPartition`. */
export async function readCursor(tx: Query, lane: number, partition: number): Promise<Cursor | undefined> {
  const rows = await tx.query<{ seq: number; entry_hash: Buffer; head: number }>(
    `SELECT c.seq, c.entry_hash, h.seq AS head FROM cursor c JOIN journal_head h USING (lane, partition)
     WHERE c.lane = $1 AND c.partition = $2`,
    [lane, partition],
    'read-cursor',
  );
  const row = rows[0];
  return row && { lane, seq: row.seq, entryHash: row.entry_hash, head: row.head };
}

export async function moveCursor(tx: Query, to: Position, entryHash: Buffer): Promise<void> {
  await tx.query(
    'UPDATE cursor SET seq = $3, entry_hash = $4 WHERE lane = $1 AND partition = $2',
    [to.lane, to.partition, to.seq, entryHash],
    'move-cursor',
  );
}

interface JournalRow {
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
 * The messages after `after`, in order, at most `limit` and at most 8 MiB (but always one). A replay comes with the
 * bytes of the message it refers to.
 */
export async function readAfter(tx: Query, after: Position, limit: number): Promise<JournaledMessage[]> {
  const { lane, partition, seq } = after;
  const rows = await tx.query<JournalRow>(
    `SELECT seq, kind, flags, channel, received_at, refers_lane, refers_partition, refers_seq, raw FROM (
       SELECT *, sum(octet_length(raw)) OVER (ORDER BY seq) - octet_length(raw) AS before FROM (
         SELECT * FROM journal WHERE lane = $1 AND partition = $2 AND seq > $3 ORDER BY seq LIMIT $4) AS next
     ) AS measured WHERE before < $5 ORDER BY seq`,
    [lane, partition, seq, limit, MAX_READ_BYTES],
    'read-after',
  );
  const messages = rows.map((row) => messageOf(row, lane, partition));
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
  const message = messageOf(row, lane, partition);
  return message.kind === 1 ? withBytes(tx, message) : message;
}

async function withBytes(tx: Query, replay: JournaledMessage): Promise<JournaledMessage> {
  if (replay.refers === undefined) return replay;
  const original = await readMessage(tx, replay.refers);
  return { ...replay, raw: original?.raw ?? replay.raw };
}

function messageOf(row: JournalRow, lane: number, partition: number): JournaledMessage {
  const { refers_lane, refers_partition, refers_seq } = row;
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
