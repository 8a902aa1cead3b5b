import type { Query } from '#database';
import { readPacks } from '#delivery';
import { type FhirObject, readJson } from '#fhir';
import { type Clock, EngineError, type Random, systemClock, systemRandom } from '#kernel';
import { noTopics, type TopicCatalog } from '#topics';
import { eventNotification, type NotificationFrame, statusAnswer } from './notification.js';
import { fittingEvents, NOTIFICATION_PACK_BYTES, uuidOf } from './notified-events.js';
import { readEvents } from './subscription-progress.js';
import { NOTIFICATION_CONTENTS, readSubscription } from './subscription-request.js';

/** Which events `$events` is to tell; both ends belong to them. */
export interface AskedEvents {
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** How much of the resources; undefined: as the subscription itself says. */
  readonly content?: string | undefined;
}

interface StatusRow {
  destination: number;
  id: string;
  status: string;
  resource: string;
  number: number;
  last_error: string | null;
}

/** How one subscription fares, for the operator. */
export interface SubscriptionHealth {
  readonly subscription: string;
  readonly status: string;
  readonly events: number;
  readonly sent: number;
  readonly lag: number;
  readonly waitingSeconds: number;
  /** Failures in a row. */
  readonly attempts: number;
  /** Code, colon, sentence; without content of messages. */
  readonly lastError: string | null;
  readonly nextAttemptAt: Date | null;
  /** When the endpoint last took anything. */
  readonly heardAt: Date | null;
}

/** Statuses in one answer of `$status`. */
const MAX_STATUSES = 1_000;
/** Resources in one answer of `$events`, unless one event alone has more. */
const MAX_EVENT_RESOURCES = 100;

/** Answers the operations of the Subscriptions R5 Backport 1.1 on Subscription. Reads only. */
export class SubscriptionOperations {
  constructor(
    private readonly database: Query,
    private readonly topics: TopicCatalog = noTopics,
    private readonly clock: Clock = systemClock,
    private readonly random: Random = systemRandom,
  ) {}

  /**
   * `$status`: a searchset Bundle with one status for each subscription that is neither removed nor filtered out, at most
   * 1,000 in order of id. `ids` and `statuses` are alternatives; an empty list filters nothing.
   */
  async status(fhirUrl: string, ids: readonly string[], statuses: readonly string[]): Promise<string> {
    const rows = await this.database.query<StatusRow>(
      `SELECT destination, id, status, resource, number, last_error FROM subscription
       WHERE NOT deleted AND (cardinality($1::text[]) = 0 OR id = ANY($1))
         AND (cardinality($2::text[]) = 0 OR status = ANY($2)) ORDER BY id LIMIT ${MAX_STATUSES}`,
      [ids, statuses],
    );
    return statusAnswer(
      rows.map((row) => this.frameOf(row, fhirUrl)),
      fhirUrl,
    );
  }

  /**
   * `$events`: a history Bundle that tells events again, under the numbers they have. It holds at most 100 resources (one
   * event at least): what follows is asked for with the next number. Undefined: there is no such subscription.
   * `rejected` SUBSCRIPTION_EVENTS_INVALID.
   */
  async events(fhirUrl: string, id: string, asked: AskedEvents): Promise<string | undefined> {
    const { since = 1, until = Number.MAX_SAFE_INTEGER } = asked;
    const content = NOTIFICATION_CONTENTS.find((known) => known === asked.content);
    if (asked.content !== undefined && content === undefined) {
      throw refuse('content', `the content is one of ${NOTIFICATION_CONTENTS.join(', ')}`);
    }
    if (since > until) throw refuse('eventsUntilNumber', 'it lies before eventsSinceNumber');
    const [row] = await this.database.query<StatusRow>(
      `SELECT destination, id, status, resource, number, last_error FROM subscription WHERE id = $1 AND NOT deleted`,
      [id],
    );
    if (row === undefined) return undefined;
    const request = readSubscription(readJson(row.resource) as FhirObject, this.topics);
    const limit = Math.min(MAX_EVENT_RESOURCES, until - since + 1);
    const after = Math.max(since, 1) - 1;
    const stored = await readEvents(this.database, row.destination, after, Math.max(limit, 1));
    const wanted = stored.filter(({ number }) => number <= until);
    const positions = wanted.map(({ position }) => position);
    const packs = await readPacks(this.database, positions, NOTIFICATION_PACK_BYTES);
    const { interest } = request;
    const told = content ?? request.content;
    const limits = { interest, maxCount: MAX_EVENT_RESOURCES, namesResources: told !== 'empty', fhirUrl };
    const events = await fittingEvents(this.database, wanted, packs, limits);
    const topic = interest.topic?.url;
    return eventNotification({ ...this.frameOf(row, fhirUrl), topic }, told, events, 'query-event');
  }

  /** Of those asked for (none: of all), the subscriptions that websockets may be bound to, at most 100. */
  async bindable(ids: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM subscription WHERE NOT deleted AND status <> 'off' AND channel = 'websocket'
         AND (cardinality($1::text[]) = 0 OR id = ANY($1)) ORDER BY id LIMIT 100`,
      [ids],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * How each subscription that is not removed fares: those that wait longest first, at most 1,000. `lag` counts events
   * that were numbered and not taken, `waitingSeconds` says how long the first of them has waited. No endpoint, no
   * criteria: both may tell of a person.
   */
  async health(): Promise<readonly SubscriptionHealth[]> {
    return this.database.query<SubscriptionHealth>(
      `SELECT s.id AS subscription, s.status, s.number AS events, s.sent, s.number - s.sent AS lag, s.attempts,
              s.last_error AS "lastError", s.next_attempt_at AS "nextAttemptAt", s.heard_at AS "heardAt",
              COALESCE(extract(epoch FROM now() - p.stored_at)::float8, 0) AS "waitingSeconds"
       FROM subscription s
       LEFT JOIN subscription_event e ON e.destination = s.destination AND e.number = s.sent + 1
       LEFT JOIN folded_pack p ON p.lane = e.lane AND p.partition = e.partition AND p.seq = e.seq
       WHERE NOT s.deleted ORDER BY "waitingSeconds" DESC, s.id LIMIT ${MAX_STATUSES}`,
      [],
      'subscription-health',
    );
  }

  private frameOf(row: StatusRow, fhirUrl: string): NotificationFrame {
    return {
      subscription: row.id,
      status: row.status,
      events: row.number,
      error: row.last_error ?? undefined,
      fhirUrl,
      timestamp: new Date(this.clock.nowMs()).toISOString(),
      uuid: uuidOf(this.random.bytes(16)),
    };
  }
}

function refuse(name: string, message: string): EngineError {
  return new EngineError('rejected', 'SUBSCRIPTION_EVENTS_INVALID', `${name}: ${message}`, {
    cause: { at: `http.${name}` },
  });
}
