import type { Query } from '#database';

const LEFT_TO_DO = `
SELECT (SELECT coalesce(sum(h.seq - coalesce(c.seq, 0)), 0)
        FROM journal_head h LEFT JOIN cursor c USING (lane, partition)) AS messages,
       (SELECT coalesce(sum(h.number - coalesce(c.number, 0)), 0)
        FROM delivery_head h LEFT JOIN delivery_cursor c USING (destination, partition)) AS deliveries,
       (SELECT count(*) FROM pack) - (SELECT coalesce(max(size), 0) FROM ledger_checkpoint) AS entries`;

/** What an engine has taken and not yet finished. */
export interface LeftToDo {
  /** Journaled, and nothing became of it yet. */
  readonly messages: number;
  /** Of destinations and subscriptions. */
  readonly deliveries: number;
  /** Not in a signed tree yet. */
  readonly entries: number;
}

/** Asks the database. Rejects while it is away. */
export async function leftToDo(database: Query): Promise<LeftToDo> {
  const [row] = await database.query<Record<keyof LeftToDo, string | number>>(LEFT_TO_DO);
  if (row === undefined) throw new Error('no answer');
  return {
    messages: Number(row.messages),
    deliveries: Number(row.deliveries),
    entries: Number(row.entries),
  };
}
