import { accessMigrations } from '#access';
import { bulkMigrations } from '#bulk';
import type { Migration } from '#database';
import { deliveryMigrations } from '#delivery';
import { journalMigrations } from '#journal';
import { ledgerMigrations } from '#ledger';
import { storeMigrations } from '#store';
import { subscriptionsMigrations } from '#subscriptions';

/** One row that names this installation for ever, so that two of them never share idempotency keys or a log's name. */
const platformMigrations: readonly Migration[] = [
  {
    id: 'platform-1',
    sql: `CREATE TABLE installation (id uuid PRIMARY KEY);
          INSERT INTO installation VALUES (gen_random_uuid());`,
  },
];

/** Every table of the engine, lower rows first. */
export const migrations: readonly Migration[] = [
  ...platformMigrations,
  ...journalMigrations,
  ...storeMigrations,
  ...deliveryMigrations,
  ...accessMigrations,
  ...ledgerMigrations,
  ...subscriptionsMigrations,
  ...bulkMigrations,
];
