import type { Migration } from '#database';

/**
 * subscription: one FHIR Subscription, the row of its destination beside it (kind 'subscription'), where the criteria
 * stand for the transformer. `resource` is as it was filed; status and error are put in when it is read. `filing` counts
 * creates and updates: an attempt that belongs to an older filing says nothing about this one. `greeted`: the endpoint
 * has taken a handshake since the last filing. `number` is the last event, `sent` the last one the endpoint has taken.
 *
 * `heartbeat_ms`: a heartbeat is due so long after `heard_at`, when the endpoint last took anything.
 *
 * subscription_event: the events with their numbers, gap-free from 1, and the message each is about.
 */
export const subscriptionsMigrations: readonly Migration[] = [
  {
    id: 'subscriptions-1',
    sql: `
CREATE TABLE subscription (
  destination smallint PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  version int NOT NULL DEFAULT 1,
  filing int NOT NULL DEFAULT 1,
  status text NOT NULL CHECK (status IN ('requested', 'active', 'error', 'off')),
  greeted boolean NOT NULL DEFAULT false,
  deleted boolean NOT NULL DEFAULT false,
  resource text NOT NULL,
  last_updated timestamptz NOT NULL DEFAULT now(),
  ends_at timestamptz,
  number bigint NOT NULL DEFAULT 0,
  sent bigint NOT NULL DEFAULT 0,
  attempts int NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  last_error text
) WITH (fillfactor = 50);

CREATE TABLE subscription_event (
  destination smallint NOT NULL,
  number bigint NOT NULL,
  lane smallint NOT NULL,
  partition smallint NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (destination, number)
);
CREATE INDEX subscription_event_position ON subscription_event (lane, partition, seq);

CREATE TABLE subscription_sent (
  destination smallint NOT NULL,
  first_number bigint NOT NULL,
  last_number bigint NOT NULL,
  at timestamptz NOT NULL,
  attempts int NOT NULL,
  PRIMARY KEY (destination, first_number)
);
`,
  },
  {
    id: 'subscriptions-2',
    sql: `
ALTER TABLE subscription ADD COLUMN heartbeat_ms int, ADD COLUMN heard_at timestamptz,
  ADD COLUMN channel text NOT NULL DEFAULT 'rest-hook' CHECK (channel IN ('rest-hook', 'websocket'));
`,
  },
];
