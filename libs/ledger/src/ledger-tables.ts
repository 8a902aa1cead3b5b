import type { Query } from '#database';
import { assert, EngineError, formatPosition, isEngineError, type Position } from '#kernel';
import { decodeBundle } from '#merkle';

/** A stream, (lane, partition), whose messages the tree does not hold all. */
export interface WaitingStream {
  readonly lane: number;
  readonly partition: number;
  /** The last message in the tree. */
  readonly after: number;
  readonly waiting: number;
}

/** Consecutive messages of one stream with their entries, the exact leaves. */
export interface EntryRun {
  readonly lane: number;
  readonly partition: number;
  readonly firstSeq: number;
  readonly entries: readonly Buffer[];
}

export interface IndexRange {
  readonly firstIndex: number;
  readonly lane: number;
  readonly partition: number;
  readonly firstSeq: number;
  readonly count: number;
}

/** Every stream whose cursor is ahead of the tree, the shortest queue first. */
export async function waitingStreams(database: Query): Promise<WaitingStream[]> {
  return database.query<WaitingStream>(
    `SELECT c.lane, c.partition, coalesce(l.seq, 0) AS after, c.seq - coalesce(l.seq, 0) AS waiting
     FROM cursor c LEFT JOIN ledger_cursor l USING (lane, partition)
     WHERE c.seq > coalesce(l.seq, 0) ORDER BY waiting`,
    [],
    'ledger-waiting',
  );
}

/**
 * The next `take` entries of each stream, in one statement, as far as they follow on without a gap. They come as C2SP
 * bundles, one value per stream: a row per entry costs ten times as much.
 */
export async function readEntries(
  database: Query,
  streams: readonly (Position & { readonly take: number })[],
): Promise<EntryRun[]> {
  const rows = await database.query<{ ord: number; bundle: Buffer }>(
    `SELECT s.ord::int, p.bundle FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::int[]) WITH ORDINALITY
       AS s(lane, partition, first_seq, take, ord)
     CROSS JOIN LATERAL (
       SELECT string_agg(int2send((octet_length(entry) - 65536 * (octet_length(entry) / 32768))::smallint) || entry,
                         ''::bytea ORDER BY seq) AS bundle
       FROM (SELECT seq, entry, row_number() OVER (ORDER BY seq) AS place FROM pack
             WHERE pack.lane = s.lane AND pack.partition = s.partition AND pack.seq >= s.first_seq
             ORDER BY seq LIMIT s.take) AS next
       WHERE seq = s.first_seq + place - 1
     ) AS p WHERE p.bundle IS NOT NULL ORDER BY s.ord`,
    [
      streams.map((stream) => stream.lane),
      streams.map((stream) => stream.partition),
      streams.map((stream) => stream.seq),
      streams.map((stream) => stream.take),
    ],
    'ledger-entries',
  );
  return rows.map(({ ord, bundle }) => {
    const stream = streams[ord - 1];
    const entries = decodeBundle(bundle);
    assert(stream !== undefined && entries !== undefined, 'LEDGER_ENTRIES_UNREADABLE');
    return { lane: stream.lane, partition: stream.partition, firstSeq: stream.seq, entries };
  });
}

/** How many leaves have been given to messages: the size of the tree that the files will have. */
export async function assignedSize(database: Query): Promise<number> {
  const rows = await database.query<{ size: number }>(
    'SELECT first_index + count AS size FROM ledger_range ORDER BY first_index DESC LIMIT 1',
  );
  return rows[0]?.size ?? 0;
}

/**
 * Gives the messages their leaves and moves the cursors, in one statement: durable when it resolves. `unavailable`
 * LEDGER_TAKEN_OVER when another sequencer has taken them already.
 */
export async function assignLeaves(database: Query, ranges: readonly IndexRange[]): Promise<void> {
  try {
    await database.query(
      `WITH batch AS MATERIALIZED (
         SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::bigint[], $5::int[])
           AS b(first_index, lane, partition, first_seq, count)
       ), assigned AS (
         INSERT INTO ledger_range (first_index, lane, partition, first_seq, count) SELECT * FROM batch
       )
       INSERT INTO ledger_cursor (lane, partition, seq) SELECT lane, partition, first_seq + count - 1 FROM batch
       ON CONFLICT (lane, partition) DO UPDATE SET seq = excluded.seq`,
      [
        ranges.map((range) => range.firstIndex),
        ranges.map((range) => range.lane),
        ranges.map((range) => range.partition),
        ranges.map((range) => range.firstSeq),
        ranges.map((range) => range.count),
      ],
      'ledger-assign',
    );
  } catch (error) {
    if (!isEngineError(error) || error.code !== 'DATABASE_CONFLICT') throw error;
    throw new EngineError(
      'unavailable',
      'LEDGER_TAKEN_OVER',
      'another process has appended to the ledger of this database meanwhile',
      { cause: error },
    );
  }
}

/** Ranges from leaf `index` on, in order, at most `limit`. */
export async function rangesFrom(database: Query, index: number, limit: number): Promise<IndexRange[]> {
  const rows = await database.query<{
    first_index: number;
    lane: number;
    partition: number;
    first_seq: number;
    count: number;
  }>(
    `SELECT first_index, lane, partition, first_seq, count FROM ledger_range
     WHERE first_index >= $1 ORDER BY first_index LIMIT $2`,
    [index, limit],
    'ledger-ranges',
  );
  return rows.map(({ first_index: firstIndex, first_seq: firstSeq, ...rest }) => ({
    firstIndex,
    firstSeq,
    ...rest,
  }));
}

/** The leaf of a message; undefined while it has none. */
export async function leafOf(
  database: Query,
  { lane, partition, seq }: Position,
): Promise<number | undefined> {
  const rows = await database.query<{ first_index: number; first_seq: number; count: number }>(
    `SELECT first_index, first_seq, count FROM ledger_range
     WHERE lane = $1 AND partition = $2 AND first_seq <= $3 ORDER BY first_seq DESC LIMIT 1`,
    [lane, partition, seq],
    'ledger-leaf',
  );
  const range = rows[0];
  if (range === undefined || seq >= range.first_seq + range.count) return undefined;
  return range.first_index + seq - range.first_seq;
}

/** The message of a leaf; undefined when no range holds it. */
export async function messageOf(database: Query, index: number): Promise<Position | undefined> {
  const rows = await database.query<{
    lane: number;
    partition: number;
    first_seq: number;
    first_index: number;
    count: number;
  }>(
    `SELECT lane, partition, first_seq, first_index, count FROM ledger_range
     WHERE first_index <= $1 ORDER BY first_index DESC LIMIT 1`,
    [index],
    'ledger-message',
  );
  const range = rows[0];
  if (range === undefined || index >= range.first_index + range.count) return undefined;
  return {
    lane: range.lane,
    partition: range.partition,
    seq: range.first_seq + index - range.first_index,
  };
}

export interface RecordedHead {
  readonly size: number;
  readonly root: Buffer;
  readonly note: string;
  readonly at: Date;
}

/** Keeps a signed head beside the file; keeping it twice changes nothing. */
export async function recordHead(
  database: Query,
  head: { size: number; root: Buffer; note: string },
  atMs: number,
): Promise<void> {
  await database.query(
    `INSERT INTO ledger_checkpoint (size, root, note, at) VALUES ($1, $2, $3, to_timestamp($4::float8))
     ON CONFLICT (size) DO NOTHING`,
    [head.size, head.root, head.note, atMs / 1000],
    'ledger-record-head',
  );
}

/** Heads with `over` < size <= `upTo`, smallest first, at most `limit`. */
export async function recordedHeads(
  database: Query,
  over: number,
  upTo: number,
  limit: number,
): Promise<RecordedHead[]> {
  return database.query<RecordedHead>(
    'SELECT size, root, note, at FROM ledger_checkpoint WHERE size > $1 AND size <= $2 ORDER BY size LIMIT $3',
    [over, upTo, limit],
    'ledger-heads',
  );
}

/** The largest head at or below a size. */
export async function newestHead(database: Query, upTo: number): Promise<RecordedHead | undefined> {
  const rows = await database.query<RecordedHead>(
    'SELECT size, root, note, at FROM ledger_checkpoint WHERE size <= $1 ORDER BY size DESC LIMIT 1',
    [upTo],
  );
  return rows[0];
}

/** The error for a message whose ledger entry should be there and is not. */
export function entryMissing(position: Position): EngineError {
  return new EngineError(
    'misconfigured',
    'LEDGER_ENTRY_MISSING',
    `message ${formatPosition(position)} has no ledger entry, though later ones have been stored: its row was deleted. Run 'suture audit' and restore it from a backup.`,
  );
}
