import type { Query } from '#database';
import { assert, type Position } from '#kernel';
import { channelId } from './journal.js';
import { journalKind } from './journal-entry.js';
import { openPartitions } from './lane.js';

/**
 * The lane of writes through the FHIR API, above those of sources. It has no owner: every process with the API writes it, and
 * a write, its outcome and the cursor are one transaction under the lock of its partition, so it is never behind.
 */
const WRITE_LANE = 1_024;

/** A write through the FHIR API. */
export interface JournaledWrite {
  readonly partition: number;
  readonly receivedAtMs: number;
  readonly raw: Buffer;
}

/** That lane, as one process writes it. */
export class WriteLane {
  private constructor(
    /** The number of the channel that the journal names for its writes. */
    readonly channel: number,
  ) {}

  /** Makes the lane ready. `channel` is its name. */
  static async open(database: Query, channel: string): Promise<WriteLane> {
    await openPartitions(database, WRITE_LANE);
    return new WriteLane(await channelId(database, channel));
  }

  /**
   * Waits for the partition and appends a write in the caller's transaction, which must also store its outcome and move the
   * cursor. `entryHash` is that of the write before in its partition.
   */
  async append(
    tx: Query,
    { partition, receivedAtMs, raw }: JournaledWrite,
  ): Promise<{ readonly position: Position; readonly entryHash: Buffer }> {
    await tx.query(
      'SELECT FROM partition_lock WHERE partition = $1 FOR UPDATE',
      [partition],
      'lock-write-partition',
    );
    const rows = await tx.query<{ seq: number; entry_hash: Buffer }>(
      `WITH head AS (
         UPDATE journal_head SET seq = seq + 1 WHERE lane = $1 AND partition = $2 RETURNING seq
       ), written AS (
         INSERT INTO journal (lane, partition, seq, kind, flags, channel, received_at, raw)
         SELECT $1, $2, head.seq, $3, 0, $4, to_timestamp($5::float8), $6 FROM head RETURNING seq
       )
       SELECT w.seq, c.entry_hash FROM written w JOIN cursor c ON c.lane = $1 AND c.partition = $2 AND c.seq = w.seq - 1`,
      [WRITE_LANE, partition, journalKind.fhirWrite, this.channel, receivedAtMs / 1000, raw],
      'append-write',
    );
    const [row] = rows;
    assert(row !== undefined, 'JOURNAL_WRITE_LANE_BEHIND');
    return { position: { lane: WRITE_LANE, partition, seq: row.seq }, entryHash: row.entry_hash };
  }
}
