import type { Query } from '#database';
import type { Position } from '#kernel';
import { shareKey } from './deliveries.js';
import { CLAIM_LOCK_CLASS } from './delivery-claims.js';

/**
 * Where a delivery stands. `waiting`: others are before it, or nobody has taken it yet. `retrying`: it failed and its next
 * attempt has a time. `sending`: it is the next of its share and a process holds the share.
 */
export type TracedDeliveryState = 'waiting' | 'retrying' | 'sending' | 'sent' | 'dead';

/** One delivery of one message to one destination. */
export interface TracedDelivery {
  readonly destination: string;
  readonly destinationId: number;
  /** 'subscription', or the kind in the channel file. */
  readonly kind: string;
  readonly partition: number;
  /** The event number: gap-free in (destination, partition). */
  readonly number: number;
  readonly state: TracedDeliveryState;
  readonly attempts: number;
  /** When it was sent or given up. */
  readonly atMs: number | undefined;
  readonly nextAttemptAtMs: number | undefined;
  /** The last error: code, colon, sentence. */
  readonly lastError: string | undefined;
  /** Deliveries of the share that go before it. */
  readonly ahead: number;
}

interface DeliveryTraceRow {
  destination: number;
  name: string;
  kind: string;
  partition: number;
  number: number;
  stands_at: number;
  attempts: number;
  next_attempt_at: Date | null;
  last_error: string | null;
  sent_at: Date | null;
  sent_attempts: number | null;
  dead_at: Date | null;
  dead_attempts: number | null;
  dead_error: string | null;
  claimed: number[] | null;
}

/** Where single messages go and how far destinations are behind. Reads only. */
export class DeliveryTrace {
  constructor(private readonly database: Query) {}

  /** The deliveries of one message, by destination. */
  deliveries(position: Position): Promise<TracedDelivery[]> {
    return traceDeliveries(this.database, position);
  }

  /** Every destination of channels with what waits for it and what was given up, the longest queue first. */
  lags(): Promise<DestinationLag[]> {
    return destinationLags(this.database);
  }
}

async function traceDeliveries(database: Query, position: Position): Promise<TracedDelivery[]> {
  const rows = await database.query<DeliveryTraceRow>(
    `SELECT d.destination, t.name, t.kind, d.partition, d.number, coalesce(c.number, 0) AS stands_at,
            coalesce(c.attempts, 0) AS attempts, c.next_attempt_at, c.last_error, s.at AS sent_at,
            s.attempts AS sent_attempts, x.at AS dead_at, x.attempts AS dead_attempts, x.code || ': ' || x.reason AS dead_error,
            (SELECT array_agg(objid::int) FROM pg_locks WHERE locktype = 'advisory' AND classid = $4
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS claimed
     FROM delivery d JOIN destination t ON t.id = d.destination
     LEFT JOIN delivery_cursor c ON c.destination = d.destination AND c.partition = d.partition
     LEFT JOIN LATERAL (
       SELECT * FROM delivery_sent s WHERE s.destination = d.destination AND s.partition = d.partition
         AND s.first_number <= d.number ORDER BY s.first_number DESC LIMIT 1) AS s ON s.last_number >= d.number
     LEFT JOIN delivery_dead x ON x.destination = d.destination AND x.partition = d.partition AND x.number = d.number
     WHERE d.lane = $1 AND d.partition = $2 AND d.seq = $3 ORDER BY t.name, d.number`,
    [position.lane, position.partition, position.seq, CLAIM_LOCK_CLASS],
  );
  return rows.map(deliveryOf);
}

/** How far one destination of a channel is behind. */
export interface DestinationLag {
  readonly destination: string;
  readonly kind: string;
  readonly waiting: number;
  /** How long the message has waited that has waited longest. */
  readonly waitingSeconds: number;
  /** Failures in a row, of its slowest share. */
  readonly attempts: number;
  /** Code, colon, sentence; without content of messages. */
  readonly lastError: string | null;
  readonly nextAttemptAt: Date | null;
  /** Deliveries given up. */
  readonly dead: number;
}

async function destinationLags(database: Query): Promise<DestinationLag[]> {
  return database.query<DestinationLag>(
    `SELECT t.name AS destination, t.kind, coalesce(sum(h.number - coalesce(c.number, 0)), 0)::bigint AS waiting,
            coalesce(extract(epoch FROM now() - min(p.stored_at))::float8, 0) AS "waitingSeconds",
            coalesce(max(c.attempts), 0) AS attempts, max(c.last_error) AS "lastError",
            min(c.next_attempt_at) AS "nextAttemptAt",
            (SELECT count(*) FROM delivery_dead x WHERE x.destination = t.id) AS dead
     FROM destination t LEFT JOIN delivery_head h ON h.destination = t.id
     LEFT JOIN delivery_cursor c ON c.destination = t.id AND c.partition = h.partition
     LEFT JOIN delivery d ON d.destination = t.id AND d.partition = h.partition AND d.number = coalesce(c.number, 0) + 1
     LEFT JOIN pack p ON p.lane = d.lane AND p.partition = d.partition AND p.seq = d.seq
     WHERE t.kind <> 'subscription' GROUP BY t.id ORDER BY waiting DESC, t.name LIMIT 1000`,
    [],
    'destination-lags',
  );
}

function deliveryOf(row: DeliveryTraceRow): TracedDelivery {
  const { name: destination, destination: destinationId, kind, partition, number } = row;
  const facts = {
    destination,
    destinationId,
    kind,
    partition,
    number,
    nextAttemptAtMs: undefined,
    lastError: undefined,
    ahead: 0,
  };
  if (row.dead_at !== null) {
    const lastError = row.dead_error ?? undefined;
    return {
      ...facts,
      state: 'dead',
      attempts: row.dead_attempts ?? 0,
      atMs: row.dead_at.getTime(),
      lastError,
    };
  }
  if (row.sent_at !== null || row.stands_at >= number)
    return { ...facts, state: 'sent', attempts: row.sent_attempts ?? 0, atMs: row.sent_at?.getTime() };
  const ahead = number - row.stands_at - 1;
  const isNext = ahead === 0;
  const waitsForRetry = isNext && row.next_attempt_at !== null;
  const isClaimed = row.claimed?.includes(shareKey(row)) === true;
  return {
    ...facts,
    ahead,
    state: waitsForRetry ? 'retrying' : isNext && isClaimed ? 'sending' : 'waiting',
    attempts: isNext ? row.attempts : 0,
    atMs: undefined,
    nextAttemptAtMs: waitsForRetry ? row.next_attempt_at?.getTime() : undefined,
    lastError: isNext ? (row.last_error ?? undefined) : undefined,
  };
}
