import type { Database, Query } from '#database';
import { takeDeliveries } from '#delivery';
import type { EngineError, Position } from '#kernel';

/** What a turn needs to know of a subscription. */
export interface SubscriptionState {
  readonly destination: number;
  readonly id: string;
  readonly channel: string;
  readonly filing: number;
  readonly status: string;
  readonly greeted: boolean;
  readonly resource: string;
  /** The last event and the last one that was taken. */
  readonly number: number;
  readonly sent: number;
  readonly attempts: number;
  readonly due: boolean;
  /** The endpoint has had nothing for as long as its heartbeat period. */
  readonly silent: boolean;
  readonly ended: boolean;
}

export interface StoredEvent {
  readonly number: number;
  readonly position: Position;
}

/** Failures in a row after which the subscription shows `error`; it is tried on nevertheless. */
const ERROR_AFTER = 3;

const DUE = '(next_attempt_at IS NULL OR next_attempt_at <= now())';
const SILENT =
  "(greeted AND heartbeat_ms IS NOT NULL AND heard_at + heartbeat_ms * interval '1 millisecond' <= now())";
const ENDED = '(ends_at IS NOT NULL AND ends_at <= now())';

/** What changes when the endpoint takes something: trouble is over. */
const TAKEN = `attempts = 0, next_attempt_at = NULL, last_error = NULL, heard_at = now(),
  version = version + (status = 'error')::int,
  last_updated = CASE status WHEN 'error' THEN now() ELSE last_updated END,
  status = CASE status WHEN 'error' THEN 'active' ELSE status END`;

/** The subscription of a destination; undefined when the destination is of another kind. */
export async function readState(query: Query, destination: number): Promise<SubscriptionState | undefined> {
  const rows = await query.query<SubscriptionState>(
    `SELECT destination, id, channel, filing, status, greeted, resource, number, sent, attempts, ${DUE} AS due,
       ${SILENT} IS TRUE AS silent, ${ENDED} AS ended
     FROM subscription WHERE destination = $1`,
    [destination],
    'read-subscription',
  );
  return rows[0];
}

export interface ServedSubscription {
  readonly destination: number;
  readonly id: string;
  /** The last event that was taken. */
  readonly sent: number;
  readonly heartbeatMs: number | null;
  /** It has something to do of itself. */
  readonly pending: boolean;
}

/** Every subscription that is not off and may be served now, and whether it has something to do of itself. */
export async function servedSubscriptions(query: Query, channel: string): Promise<ServedSubscription[]> {
  return query.query(
    `SELECT destination, id, sent, heartbeat_ms AS "heartbeatMs", (NOT greeted OR number > sent OR ${SILENT} IS TRUE OR ${ENDED}) AS pending
     FROM subscription WHERE status <> 'off' AND channel = $1 AND ${DUE}`,
    [channel],
    'served-subscriptions',
  );
}

/**
 * Numbers what the transformer has matched since: takes deliveries of all partitions and makes them events, in one
 * transaction, committed durably before anything is sent, so that a number never names two messages.
 */
export async function assignEvents(database: Database, destination: number): Promise<number> {
  return database.transaction(async (tx) => {
    const rows = await tx.query<{ number: number }>(
      'SELECT number FROM subscription WHERE destination = $1 FOR UPDATE',
      [destination],
      'lock-subscription',
    );
    const last = rows[0]?.number;
    if (last === undefined) return 0;
    const positions = await takeDeliveries(tx, destination);
    if (positions.length === 0) return 0;
    await tx.query(
      `INSERT INTO subscription_event (destination, number, lane, partition, seq)
       SELECT $1, $2 + ord, lane, partition, seq
       FROM unnest($3::smallint[], $4::smallint[], $5::bigint[]) WITH ORDINALITY AS p(lane, partition, seq, ord)`,
      [
        destination,
        last,
        positions.map((position) => position.lane),
        positions.map((position) => position.partition),
        positions.map((position) => position.seq),
      ],
      'insert-subscription-events',
    );
    await tx.query(
      'UPDATE subscription SET number = number + $2 WHERE destination = $1',
      [destination, positions.length],
      'move-subscription-number',
    );
    return positions.length;
  });
}

/** The next events in order of number. */
export async function readEvents(
  query: Query,
  destination: number,
  after: number,
  limit: number,
): Promise<StoredEvent[]> {
  const rows = await query.query<Position & { number: number }>(
    `SELECT number, lane, partition, seq FROM subscription_event
     WHERE destination = $1 AND number > $2 ORDER BY number LIMIT $3`,
    [destination, after, limit],
    'read-subscription-events',
  );
  return rows.map(({ number, lane, partition, seq }) => ({ number, position: { lane, partition, seq } }));
}

/** A client has bound itself to it anew: it is to get a handshake, what waits goes on after that. */
export async function greetAgain(query: Query, id: string): Promise<number | undefined> {
  const rows = await query.query<{ destination: number }>(
    `UPDATE subscription SET greeted = false, next_attempt_at = NULL
     WHERE id = $1 AND status <> 'off' AND channel = 'websocket' RETURNING destination`,
    [id],
    'greet-subscription',
  );
  return rows[0]?.destination;
}

/** The endpoint took a handshake: from now on its criteria are matched. False: it was filed anew meanwhile. */
export async function activate(database: Database, state: SubscriptionState): Promise<boolean> {
  return database.transaction(async (tx) => {
    const rows = await tx.query(
      `UPDATE subscription SET greeted = true, heard_at = now(), version = version + (status <> 'active')::int,
         last_updated = CASE status WHEN 'active' THEN last_updated ELSE now() END, status = 'active',
         attempts = 0, next_attempt_at = NULL, last_error = NULL
       WHERE destination = $1 AND filing = $2 RETURNING destination`,
      [state.destination, state.filing],
    );
    if (rows.length === 0) return false;
    await tx.query('UPDATE destination SET active = true WHERE id = $1', [state.destination]);
    return true;
  });
}

/** Its `end` has come: nothing more is matched or sent. */
export async function switchOff(database: Database, state: SubscriptionState): Promise<void> {
  await database.transaction(async (tx) => {
    const rows = await tx.query(
      `UPDATE subscription SET status = 'off', version = version + 1, last_updated = now()
       WHERE destination = $1 AND filing = $2 RETURNING destination`,
      [state.destination, state.filing],
    );
    if (rows.length === 0) return;
    await tx.query('UPDATE destination SET active = false WHERE id = $1', [state.destination]);
  });
}

/** The endpoint took the events up to `last`. A crash of the database may forget it; then they are sent again. */
export async function recordSent(query: Query, state: SubscriptionState, last: number): Promise<void> {
  await query.query(
    `WITH moved AS (
       UPDATE subscription SET sent = $3, ${TAKEN}
       WHERE destination = $1 AND sent = $2 RETURNING destination)
     INSERT INTO subscription_sent (destination, first_number, last_number, at, attempts)
     SELECT destination, $2 + 1, $3, now(), $4 FROM moved`,
    [state.destination, state.sent, last, state.attempts + 1],
    'record-subscription-sent',
  );
}

/** The endpoint took a heartbeat. Says nothing about a filing that came meanwhile. */
export async function recordHeartbeat(query: Query, state: SubscriptionState): Promise<void> {
  await query.query(
    `UPDATE subscription SET ${TAKEN} WHERE destination = $1 AND filing = $2 AND status <> 'off'`,
    [state.destination, state.filing],
    'record-subscription-heartbeat',
  );
}

/** The endpoint did not take a handshake, heartbeat or notification. Says nothing about a filing that came meanwhile. */
export async function recordFailure(
  query: Query,
  state: SubscriptionState,
  error: EngineError,
  retryAfterMs: number,
): Promise<void> {
  const attempts = state.attempts + 1;
  const status = !state.greeted || attempts >= ERROR_AFTER ? 'error' : state.status;
  await query.query(
    `UPDATE subscription SET attempts = $3, next_attempt_at = now() + $4::float8 * interval '1 millisecond',
       last_error = $5, version = version + (status <> $6)::int,
       last_updated = CASE WHEN status <> $6 THEN now() ELSE last_updated END, status = $6
     WHERE destination = $1 AND filing = $2 AND status <> 'off'`,
    [state.destination, state.filing, attempts, retryAfterMs, `${error.code}: ${error.message}`, status],
    'record-subscription-failure',
  );
}
