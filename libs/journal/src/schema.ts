import type { Migration } from '#database';

/**
 * `seq` counts from 1 without gaps in (lane, partition). A lane has one transaction in flight, so the order of seq is
 * the order of commits and a cursor can never pass a row that becomes visible later. With two writers on one
 * sequence a cursor skips rows.
 *
 * kind: 0 message, 1 replay (refers to the message whose bytes are run again), 2 twin (the place in the second
 * patient's partition where that partition must stand still for a message of another partition), 3 write through
 * the FHIR API. flags: bit 0 = this control id came before with other bytes.
 */
export const journalMigrations: readonly Migration[] = [
  {
    id: 'journal-1',
    sql: `
CREATE TABLE journal (
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  seq bigint NOT NULL,
  kind smallint NOT NULL,
  flags smallint NOT NULL,
  channel smallint NOT NULL,
  received_at timestamptz NOT NULL,
  control_hash bigint,
  sender int,
  idempotency_key uuid,
  refers_lane smallint,
  refers_partition smallint,
  refers_seq bigint,
  raw bytea NOT NULL
) PARTITION BY RANGE (received_at);
CREATE TABLE journal_other PARTITION OF journal DEFAULT;
CREATE INDEX journal_position ON journal (lane, partition, seq);
CREATE INDEX journal_control ON journal (control_hash) WHERE control_hash IS NOT NULL;
CREATE INDEX journal_refers ON journal (refers_lane, refers_partition, refers_seq) WHERE refers_seq IS NOT NULL;

CREATE TABLE journal_key (
  key uuid PRIMARY KEY,
  received_at timestamptz NOT NULL
);

CREATE TABLE journal_head (
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (lane, partition)
) WITH (fillfactor = 20);

CREATE TABLE cursor (
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  seq bigint NOT NULL,
  entry_hash bytea NOT NULL,
  PRIMARY KEY (lane, partition)
) WITH (fillfactor = 20);

CREATE TABLE partition_lock (partition smallint PRIMARY KEY);

CREATE TABLE channel_name (
  id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE
);

CREATE TABLE acknowledgment (
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  seq bigint NOT NULL,
  code text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (lane, partition, seq)
);

CREATE TABLE refusal (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel smallint NOT NULL,
  received_at timestamptz NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  raw bytea NOT NULL
);
`,
  },
  {
    // One row for the messages of a partition that follow each other, not one for each.
    id: 'journal-2',
    sql: `
ALTER TABLE acknowledgment RENAME TO acknowledgment_each;
CREATE TABLE acknowledgment (
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  first_seq bigint NOT NULL,
  code text NOT NULL,
  at_ms bigint[] NOT NULL,
  CONSTRAINT acknowledgment_run PRIMARY KEY (lane, partition, first_seq)
);
INSERT INTO acknowledgment
  SELECT lane, partition, seq, code, ARRAY[round(extract(epoch FROM at) * 1000)::bigint] FROM acknowledgment_each;
DROP TABLE acknowledgment_each;
`,
  },
];
