import type { Migration } from '#database';

/**
 * delivery_dead: a delivery that no retry can help; its stream went on without it. `code` and `reason` are those of the
 * last error. The tables it goes on from (destination, delivery, delivery_head, delivery_cursor, delivery_sent) are in
 * store's first migration, because the transform transaction inserts their rows; ids of migrations never change.
 */
export const deliveryMigrations: readonly Migration[] = [
  {
    id: 'store-2',
    sql: `
CREATE TABLE delivery_dead (
  destination smallint NOT NULL,
  partition smallint NOT NULL,
  number bigint NOT NULL,
  lane smallint NOT NULL,
  seq bigint NOT NULL,
  attempts int NOT NULL,
  at timestamptz NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (destination, partition, number)
);
`,
  },
];
