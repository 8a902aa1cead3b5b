import type { Database } from '#database';

/** What was refused is kept for the operator, the newest this many; a hostile peer cannot fill the disk with it. */
const MAX_REFUSALS = 10_000;
const TRIM_EVERY = 100;

/** The bytes of a refused arrival with the reason, committed before the refusal is answered. */
export async function keepRefusal(
  database: Database,
  refusal: { channel: number; receivedAtMs: number; code: string; reason: string; raw: Buffer },
): Promise<void> {
  const rows = await database.query<{ id: number }>(
    `INSERT INTO refusal (channel, received_at, code, reason, raw)
     VALUES ($1, to_timestamp($2::float8 / 1000), $3, $4, $5) RETURNING id`,
    [refusal.channel, refusal.receivedAtMs, refusal.code, refusal.reason, refusal.raw],
    'keep-refusal',
  );
  const id = rows[0]?.id ?? 0;
  if (id % TRIM_EVERY === 0) await database.query('DELETE FROM refusal WHERE id <= $1', [id - MAX_REFUSALS]);
}
