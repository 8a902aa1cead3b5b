import type { Query } from '#database';
import type { Position } from '#kernel';

/** Where a message stands in the tree. */
export interface TracedLeaf {
  /** Index of its leaf, from 0. */
  readonly index: number;
  /** The first signed checkpoint that covers it; undefined while the leaf is placed and not yet signed for. */
  readonly checkpoint: { readonly size: number; readonly atMs: number } | undefined;
}

/** What the ledger's tables know about single messages. Reads only; a proof says more. */
export class LedgerTrace {
  constructor(private readonly database: Query) {}

  /** The leaf of a message; undefined while it waits to be anchored. */
  async leaf(position: Position): Promise<TracedLeaf | undefined> {
    const [row] = await this.database.query<{ index: number; size: number | null; at: Date | null }>(
      `SELECT r.index, c.size, c.at FROM (
         SELECT first_index + $3::bigint - first_seq AS index, first_seq, count FROM ledger_range
         WHERE lane = $1 AND partition = $2 AND first_seq <= $3 ORDER BY first_seq DESC LIMIT 1) AS r
       LEFT JOIN LATERAL (
         SELECT size, at FROM ledger_checkpoint WHERE size > r.index ORDER BY size LIMIT 1) AS c ON true
       WHERE $3 < r.first_seq + r.count`,
      [position.lane, position.partition, position.seq],
    );
    if (row === undefined) return undefined;
    const { index, size, at } = row;
    return { index, checkpoint: size === null || at === null ? undefined : { size, atMs: at.getTime() } };
  }

  /** The newest signed checkpoint and how many stored messages the tree does not hold yet. */
  async state(): Promise<{ size: number; atMs: number | undefined; waiting: number }> {
    const [newest] = await this.database.query<{ size: number; at: Date }>(
      'SELECT size, at FROM ledger_checkpoint ORDER BY size DESC LIMIT 1',
    );
    const [behind] = await this.database.query<{ waiting: number }>(
      `SELECT coalesce(sum(c.seq - coalesce(l.seq, 0)), 0)::bigint AS waiting
       FROM cursor c LEFT JOIN ledger_cursor l USING (lane, partition)`,
    );
    return { size: newest?.size ?? 0, atMs: newest?.at.getTime(), waiting: behind?.waiting ?? 0 };
  }
}
