import type { Query } from '#database';
import { readMessageHeader } from '#hl7v2';
import { formatPosition, type Position } from '#kernel';
import type { StoreEntry } from './check-logs.js';

/** Enough for any MSH that a test sends. */
const HEAD_BYTES = 512;

/** What the store holds of every message that came in over MLLP, or of those of one channel. */
export async function readStore(database: Query, channel?: string): Promise<StoreEntry[]> {
  const rows = await database.query<Position & { head: Buffer; done: boolean }>(
    `SELECT j.lane, j.partition, j.seq, substring(j.raw FOR ${HEAD_BYTES}) AS head, p.seq IS NOT NULL AS done
     FROM journal j JOIN channel_name n ON n.id = j.channel LEFT JOIN pack p USING (lane, partition, seq)
     WHERE j.kind = 0 AND ($1::text IS NULL OR n.name = $1)`,
    [channel ?? null],
  );
  return rows.map((row) => ({
    position: formatPosition(row),
    controlId: readMessageHeader(row.head).controlId,
    hasOutcome: row.done,
  }));
}
