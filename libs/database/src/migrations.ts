import { EngineError } from '#kernel';
import type { Database } from './database.js';

/** One step of the schema. `id` orders and names it for ever ('journal-1'); `sql` runs once, in a transaction. */
export interface Migration {
  readonly id: string;
  readonly sql: string;
}

/** Any fixed number: what processes that start together agree to lock. */
const MIGRATION_LOCK = 7_310_001;

/**
 * Applies in order what the database has not seen yet, each with its mark in one transaction, under a lock, so any
 * number of processes may start at once. A crash leaves whole migrations only.
 */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<string[]> {
  return database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await tx.query(
      'CREATE TABLE IF NOT EXISTS migration (id text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const rows = await tx.query<{ id: string }>('SELECT id FROM migration');
    const applied = new Set(rows.map((row) => row.id));
    const fresh = migrations.filter((migration) => !applied.has(migration.id));
    for (const { id, sql } of fresh) {
      await tx.query(sql);
      await tx.query('INSERT INTO migration (id) VALUES ($1)', [id]);
    }
    return fresh.map((migration) => migration.id);
  });
}

/**
 * Refuses a server that could forget what it confirmed (I1): `fsync`, `full_page_writes` and `synchronous_commit`
 * must be on. Throws `misconfigured` and names the setting.
 */
export async function requireDurableCommits(database: Database): Promise<void> {
  const rows = await database.query<{ name: string; setting: string }>(
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')",
  );
  for (const { name, setting } of rows) {
    // 'local' waits for this server's own fsync, which is what an acknowledgment promises.
    const durable = name === 'synchronous_commit' ? setting !== 'off' : setting === 'on';
    if (durable) continue;
    throw new EngineError(
      'misconfigured',
      'DATABASE_NOT_DURABLE',
      `PostgreSQL runs with ${name} = ${setting}: an acknowledged message could be lost. Set ${name} = on and start again.`,
    );
  }
}
