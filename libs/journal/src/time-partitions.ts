import type { Database } from '#database';

/** Months made ahead, so that a new month never begins in the catch-all partition. */
const MONTHS_AHEAD = 2;

/**
 * Makes the journal's monthly partitions from the month of `nowMs` on. Retention then is `DROP TABLE
 * journal_2026_11`, which costs nothing. Rows of a month without a partition go to journal_other and are not lost.
 */
export async function ensureTimePartitions(database: Database, nowMs: number): Promise<void> {
  const now = new Date(nowMs);
  for (let ahead = 0; ahead < MONTHS_AHEAD; ahead++) {
    const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1));
    const to = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead + 1, 1));
    const name = `journal_${from.toISOString().slice(0, 7).replace('-', '_')}`;
    const known = await database.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [
      name,
    ]);
    if (known[0]?.found) continue;
    await database.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [7_310_003]);
      const overdue = await tx.query<{ some: boolean }>(
        'SELECT EXISTS (SELECT FROM journal_other WHERE received_at >= $1 AND received_at < $2) AS some',
        [from, to],
      );
      if (overdue[0]?.some) return; // its rows are in journal_other already; they stay there
      await tx.query(
        `CREATE TABLE IF NOT EXISTS ${name} PARTITION OF journal
         FOR VALUES FROM ('${from.toISOString()}') TO ('${to.toISOString()}')`,
      );
    });
  }
}
