import type { Query } from '#database';
import type { Position } from '#kernel';

/** One notification about one message. States as those of other deliveries. */
export interface TracedNotification {
  /** The number of its row in `destination`. */
  readonly destination: number;
  /** `Subscription.id`. */
  readonly subscription: string;
  /** The event number: gap-free in the subscription. */
  readonly number: number;
  readonly state: 'waiting' | 'retrying' | 'sent';
  readonly attempts: number;
  readonly atMs: number | undefined;
  readonly nextAttemptAtMs: number | undefined;
  /** The last error: code, colon, sentence. */
  readonly lastError: string | undefined;
  /** Events that go before it. */
  readonly ahead: number;
}

interface NotificationRow {
  destination: number;
  id: string;
  number: number;
  stands_at: number;
  attempts: number;
  next_attempt_at: Date | null;
  last_error: string | null;
  sent_at: Date | null;
  sent_attempts: number | null;
}

/** What subscriptions know about single messages. Reads only. */
export class SubscriptionTrace {
  constructor(private readonly database: Query) {}

  /** The notifications about a message that have their event number, by subscription. */
  async notifications(position: Position): Promise<TracedNotification[]> {
    const rows = await this.database.query<NotificationRow>(
      `SELECT e.destination, s.id, e.number, s.sent AS stands_at, s.attempts, s.next_attempt_at, s.last_error,
              x.at AS sent_at, x.attempts AS sent_attempts
       FROM subscription_event e JOIN subscription s USING (destination)
       LEFT JOIN LATERAL (
         SELECT * FROM subscription_sent x WHERE x.destination = e.destination AND x.first_number <= e.number
         ORDER BY x.first_number DESC LIMIT 1) AS x ON x.last_number >= e.number
       WHERE e.lane = $1 AND e.partition = $2 AND e.seq = $3 ORDER BY s.id, e.number`,
      [position.lane, position.partition, position.seq],
    );
    return rows.map(notificationOf);
  }

  /** Subscriptions whose endpoint does not take what it is sent: for the operator. */
  async troubled(): Promise<
    { subscription: string; waiting: number; attempts: number; lastError: string }[]
  > {
    return this.database.query(
      `SELECT id AS subscription, number - sent AS waiting, attempts, last_error AS "lastError" FROM subscription
       WHERE NOT deleted AND last_error IS NOT NULL ORDER BY number - sent DESC LIMIT 100`,
    );
  }
}

function notificationOf(row: NotificationRow): TracedNotification {
  const { destination, id: subscription, number } = row;
  const facts = {
    destination,
    subscription,
    number,
    nextAttemptAtMs: undefined,
    lastError: undefined,
    ahead: 0,
  };
  if (row.sent_at !== null || row.stands_at >= number)
    return { ...facts, state: 'sent', attempts: row.sent_attempts ?? 0, atMs: row.sent_at?.getTime() };
  const ahead = number - row.stands_at - 1;
  const isNext = ahead === 0;
  const waitsForRetry = isNext && row.next_attempt_at !== null;
  return {
    ...facts,
    ahead,
    state: waitsForRetry ? 'retrying' : 'waiting',
    attempts: isNext ? row.attempts : 0,
    atMs: undefined,
    nextAttemptAtMs: waitsForRetry ? row.next_attempt_at?.getTime() : undefined,
    lastError: isNext ? (row.last_error ?? undefined) : undefined,
  };
}
