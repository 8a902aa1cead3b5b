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

/** All bytes travel as one blob with lengths, as those of messages do; `base` is the number before the first of a partition. */
const APPEND_WRITES_SQL = `
WITH input AS MATERIALIZED (
  SELECT u.*, sum(len) OVER (ORDER BY ord) - len AS off, row_number() OVER (PARTITION BY partition ORDER BY ord) AS nth
  FROM unnest($5::smallint[], $6::float8[], $7::int[]) WITH ORDINALITY AS u(partition, received, len, ord)
), head AS (
  UPDATE journal_head h SET seq = h.seq + added.n
  FROM (SELECT partition, count(*) AS n FROM input GROUP BY partition) AS added
  WHERE h.lane = $1 AND h.partition = added.partition RETURNING h.partition, h.seq - added.n AS base
), written AS (
  INSERT INTO journal (lane, partition, seq, kind, flags, channel, received_at, raw)
  SELECT $1, i.partition, head.base + i.nth, $2, 0, $3, to_timestamp(i.received),
         substring($4::bytea FROM i.off::int + 1 FOR i.len)
  FROM input i JOIN head USING (partition)
)
SELECT i.ord::int, head.base + i.nth AS seq, c.entry_hash
FROM input i JOIN head USING (partition)
JOIN cursor c ON c.lane = $1 AND c.partition = i.partition AND c.seq = head.base`;

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
   * Waits for the partitions and appends writes, in their order, in the caller's transaction, which must also store their
   * outcomes and move the cursors. Answers their positions, and of each partition the hash of the entry before them.
   */
  async append(
    tx: Query,
    writes: readonly JournaledWrite[],
  ): Promise<{ readonly positions: readonly Position[]; readonly entryHashes: ReadonlyMap<number, Buffer> }> {
    const partitions = writes.map(({ partition }) => partition);
    const locked = tx.query(
      // In one order, so that two of them wait for each other rather than deadlock.
      'SELECT FROM partition_lock WHERE partition = ANY($1) ORDER BY partition FOR UPDATE',
      [[...new Set(partitions)]],
      'lock-write-partitions',
    );
    // A statement of its own, which sees what was committed before the lock was had; sent with it all the same.
    const appended = tx.query<{ ord: number; seq: number; entry_hash: Buffer }>(
      APPEND_WRITES_SQL,
      [
        WRITE_LANE,
        journalKind.fhirWrite,
        this.channel,
        Buffer.concat(writes.map(({ raw }) => raw)),
        partitions,
        writes.map(({ receivedAtMs }) => receivedAtMs / 1000),
        writes.map(({ raw }) => raw.length),
      ],
      'append-writes',
    );
    const [, rows] = await Promise.all([locked, appended]);
    assert(rows.length === writes.length, 'JOURNAL_WRITE_LANE_BEHIND');
    const positions: Position[] = [];
    const entryHashes = new Map<number, Buffer>();
    for (const { ord, seq, entry_hash } of rows) {
      const partition = partitions[ord - 1] ?? 0;
      positions[ord - 1] = { lane: WRITE_LANE, partition, seq };
      entryHashes.set(partition, entry_hash);
    }
    return { positions, entryHashes };
  }
}
