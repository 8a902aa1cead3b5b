import type { Migration } from '#database';

/**
 * ledger_cursor: how far the tree has taken each (lane, partition); no row means nothing yet.
 * ledger_range: which message each leaf is; leaves first_index .. first_index + count - 1 are the messages first_seq ..
 * first_seq + count - 1. The two unique keys fence: of two sequencers only one can take the next leaf or message.
 * ledger_checkpoint: every tree head that was signed; a second memory beside the file, which recovery compares.
 */
export const ledgerMigrations: readonly Migration[] = [
  {
    id: 'ledger-1',
    sql: `
CREATE TABLE ledger_cursor (
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (lane, partition)
) WITH (fillfactor = 20);

CREATE TABLE ledger_range (
  first_index bigint PRIMARY KEY,
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  first_seq bigint NOT NULL,
  count int NOT NULL
);
CREATE UNIQUE INDEX ledger_range_position ON ledger_range (lane, partition, first_seq);

CREATE TABLE ledger_checkpoint (
  size bigint PRIMARY KEY,
  root bytea NOT NULL,
  note text NOT NULL,
  at timestamptz NOT NULL
);
`,
  },
];
