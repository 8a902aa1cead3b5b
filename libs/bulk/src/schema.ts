import type { Migration } from '#database';

/**
 * bulk_job: what was asked for and how far it is. `plan` is settled when the work begins; `progress` is written after the part of
 * the files that it tells of is on disk. `step` counts the writes of `progress`, so that of two who work only one goes on. `owner`: who may ask after it.
 */
export const bulkMigrations: readonly Migration[] = [
  {
    id: 'bulk-1',
    sql: `
CREATE TABLE bulk_job (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  state text NOT NULL DEFAULT 'open',
  request jsonb NOT NULL,
  plan jsonb,
  progress jsonb,
  step int NOT NULL DEFAULT 0,
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);
`,
  },
  { id: 'bulk-2', sql: 'ALTER TABLE bulk_job ADD COLUMN owner text' },
];
