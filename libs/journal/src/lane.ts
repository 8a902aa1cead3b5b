import type { Database, Query, Session } from '#database';
import { EngineError } from '#kernel';

/** How many ordered shares a lane has. Fixed for the life of a database: it decides which share a patient is in. */
export const PARTITION_COUNT = 64;
/** Most writers at one time. The lane after these is that of writes through the FHIR API (write-lane.ts). */
const MAX_LANES = 1024;
/** First key of the advisory locks that say who owns which lane. */
export const LANE_LOCK_CLASS = 7_310_002;

export interface Lane {
  readonly id: number;
  /** The connection that holds the lane and commits for it: when it ends, so do its transaction and its ownership. */
  readonly session: Session;
  /** The last seq by partition, as read when the lane was taken; the owner moves them on with its commits. */
  readonly heads: Map<number, number>;
}

/**
 * Takes the lowest free lane. Ownership is a session advisory lock on the very connection that commits, so a writer
 * that lost its connection cannot commit any more, and whoever takes the lane next sees all that was committed.
 */
export async function takeLane(database: Database): Promise<Lane> {
  const session = await database.session();
  try {
    const rows = await session.query<{ lane: number }>(
      `SELECT lane FROM generate_series(0, $2::int - 1) AS lane WHERE pg_try_advisory_lock($1, lane) LIMIT 1`,
      [LANE_LOCK_CLASS, MAX_LANES],
    );
    const lane = rows[0]?.lane;
    if (lane === undefined) {
      throw new EngineError(
        'unavailable',
        'JOURNAL_LANES_TAKEN',
        `all ${MAX_LANES} journal lanes have a writer`,
      );
    }
    await openPartitions(session, lane);
    const heads = await session.query<{ partition: number; seq: number }>(
      'SELECT partition, seq FROM journal_head WHERE lane = $1',
      [lane],
    );
    return { id: lane, session, heads: new Map(heads.map(({ partition, seq }) => [partition, seq])) };
  } catch (error) {
    await session.close().catch(() => {}); // the first error is the one that tells
    throw error;
  }
}

/** The heads, cursors and locks of a lane, where they are not there yet. */
export async function openPartitions(session: Query, lane: number): Promise<void> {
  const partitions = 'SELECT p FROM generate_series(0, $1::int - 1) AS p';
  await session.query(`INSERT INTO partition_lock (${partitions}) ON CONFLICT DO NOTHING`, [PARTITION_COUNT]);
  await session.query(
    `INSERT INTO journal_head (lane, partition, seq)
     SELECT $2, p, 0 FROM (${partitions}) AS share ON CONFLICT DO NOTHING`,
    [PARTITION_COUNT, lane],
  );
  await session.query(
    `INSERT INTO cursor (lane, partition, seq, entry_hash)
     SELECT $2, p, 0, decode(repeat('00', 32), 'hex') FROM (${partitions}) AS share ON CONFLICT DO NOTHING`,
    [PARTITION_COUNT, lane],
  );
}
