import type { Migration } from '#database';
import { resourceTypeCode } from '#fhir';
import { indexVersion } from '#search';

/**
 * pack: what became of one journaled message, one row each, contiguous in (lane, partition); state 1 transformed,
 * 2 filtered, 3 dead. `entry` is the exact ledger leaf. `bytes` is a deflated block (pack-bytes.ts) of the output of one or
 * more messages; `block` is the seq of the row that holds the block (null: its own), and the message's own bytes begin at
 * `plain_at` of what it inflates to and are `plain_bytes` long there (-1: all of it). A large pack is in segments
 * (pack-segments.ts). Readers ask folded_pack.
 *
 * resource: the current version of each resource as a pointer into a pack; former versions in resource_history.
 * `type` is an index into `resourceTypes` of #fhir. `patient` is hash64("Patient/<id>") of the Patient whose record it
 * belongs to: a candidate, checked after decoding.
 *
 * search_term: candidates for a search: the resources (`rids`, ascending, `first` the first of them, at most MAX_SPAN apart) that
 * have a term of #search. One row holds what one transaction made; resources that it only changed have rows of their
 * own. Rows of former versions stay: a reader checks the decoded candidate.
 *
 * search_index: of which version of the extractors the index holds all terms of all resources, and how far a filling for
 * the version `target` has come (index-filler.ts).
 *
 * delivery: which message goes to which destination, with its number, gap-free in (destination, partition). A FHIR
 * subscription is a destination of kind 'subscription' whose `criteria` ('Observation?patient=x') is matched in the
 * transform transaction; other kinds are routed by their channel file.
 */
export const storeMigrations: readonly Migration[] = [
  {
    id: 'store-1',
    sql: `
CREATE TABLE pack (
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  seq bigint NOT NULL,
  state smallint NOT NULL,
  channel smallint NOT NULL,
  resources smallint NOT NULL,
  stored_at timestamptz NOT NULL,
  code text,
  reason text,
  mapping bytea NOT NULL,
  salt bytea NOT NULL,
  entry bytea NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (lane, partition, seq)
);
ALTER TABLE pack ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE INDEX pack_not_transformed ON pack (state, lane, partition, seq) WHERE state <> 1;

CREATE TABLE resource (
  rid bigint GENERATED ALWAYS AS IDENTITY (CACHE 50) PRIMARY KEY,
  type smallint NOT NULL,
  version int NOT NULL,
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  position smallint NOT NULL,
  deleted boolean NOT NULL,
  seq bigint NOT NULL,
  patient bigint,
  last_updated timestamptz NOT NULL,
  id text COLLATE "C" NOT NULL,
  digest bytea NOT NULL,
  UNIQUE (type, id)
) WITH (fillfactor = 80);
CREATE INDEX resource_patient ON resource (patient, type) WHERE patient IS NOT NULL;

CREATE TABLE resource_history (
  rid bigint NOT NULL,
  type smallint NOT NULL,
  version int NOT NULL,
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  position smallint NOT NULL,
  deleted boolean NOT NULL,
  seq bigint NOT NULL,
  patient bigint,
  last_updated timestamptz NOT NULL,
  id text COLLATE "C" NOT NULL,
  digest bytea NOT NULL,
  PRIMARY KEY (rid, version)
);

CREATE TABLE search_hash (
  hash bigint NOT NULL,
  rid bigint NOT NULL,
  PRIMARY KEY (hash, rid)
);

CREATE TABLE dead_letter (
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  seq bigint NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL,
  replayed_as text,
  PRIMARY KEY (lane, partition, seq)
);

CREATE TABLE destination (
  id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  kind text NOT NULL,
  criteria text,
  active boolean NOT NULL DEFAULT true
);

CREATE TABLE delivery_head (
  destination smallint NOT NULL,
  partition smallint NOT NULL,
  number bigint NOT NULL,
  PRIMARY KEY (destination, partition)
) WITH (fillfactor = 20);

CREATE TABLE delivery (
  destination smallint NOT NULL,
  partition smallint NOT NULL,
  number bigint NOT NULL,
  lane smallint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (destination, partition, number)
);
CREATE INDEX delivery_position ON delivery (lane, partition, seq);

CREATE TABLE delivery_cursor (
  destination smallint NOT NULL,
  partition smallint NOT NULL,
  number bigint NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  last_error text,
  PRIMARY KEY (destination, partition)
) WITH (fillfactor = 20);

CREATE TABLE delivery_sent (
  destination smallint NOT NULL,
  partition smallint NOT NULL,
  first_number bigint NOT NULL,
  last_number bigint NOT NULL,
  at timestamptz NOT NULL,
  attempts int NOT NULL,
  PRIMARY KEY (destination, partition, first_number)
);
`,
  },
  {
    id: 'store-3',
    sql: `
ALTER TABLE pack ADD COLUMN block bigint, ADD COLUMN plain_at int NOT NULL DEFAULT 0,
  ADD COLUMN plain_bytes int NOT NULL DEFAULT -1;
CREATE VIEW folded_pack AS
  SELECT p.lane, p.partition, p.seq, b.seq AS block, p.salt, p.entry, p.stored_at,
         int4send(p.plain_at) || int4send(p.plain_bytes) AS place, b.bytes AS block_bytes,
         int4send(p.plain_at) || int4send(p.plain_bytes) || b.bytes AS folded
  FROM pack p JOIN pack b ON b.lane = p.lane AND b.partition = p.partition AND b.seq = COALESCE(p.block, p.seq);
`,
  },
  {
    id: 'store-4',
    sql: `
CREATE TABLE search_term (
  hash bigint NOT NULL,
  first bigint NOT NULL,
  rids bigint[] NOT NULL,
  PRIMARY KEY (hash, first)
);
INSERT INTO search_term SELECT hash, rid, ARRAY[rid] FROM search_hash;
DROP TABLE search_hash;
`,
  },
  {
    // Histories of everything: packs are only appended, so a few bytes for each range of blocks say when they were stored.
    id: 'store-5',
    sql: `
CREATE INDEX pack_stored_at ON pack USING brin (stored_at) WITH (pages_per_range = 64, autosummarize = on);
CREATE INDEX resource_deleted ON resource (last_updated) WHERE deleted;
CREATE INDEX resource_history_deleted ON resource_history (last_updated) WHERE deleted;
`,
  },
  {
    // What an older build did not put into the index. A Provenance is found from what its message changed, by the pack of both.
    id: 'store-6',
    sql: `
CREATE TABLE search_index (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version int NOT NULL,
  target int NOT NULL DEFAULT 0,
  filled_rid bigint NOT NULL DEFAULT 0
);
INSERT INTO search_index (version) SELECT CASE WHEN EXISTS (SELECT 1 FROM resource) THEN 0 ELSE ${indexVersion} END;
CREATE INDEX resource_provenance ON resource (lane, partition, seq) WHERE type = ${resourceTypeCode('Provenance')};
`,
  },
  {
    // What changed last: equal times of a transaction share an entry, so it costs some ten bytes for a resource.
    id: 'store-7',
    sql: 'CREATE INDEX resource_changed ON resource (type, last_updated);',
  },
];
