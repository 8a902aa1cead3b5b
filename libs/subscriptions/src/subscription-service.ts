import type { Database, Query } from '#database';
import { type FhirObject, readJson, writeJson } from '#fhir';
import { EngineError, type Random, systemRandom } from '#kernel';
import { noTopics, type TopicCatalog } from '#topics';
import { readSubscription, type SubscriptionRequest } from './subscription-request.js';

/** Most subscriptions that are not off: the transformer compares each message with all of them. */
const MAX_SUBSCRIPTIONS = 10_000;
const MAX_LISTED = 1_000;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** One subscription as it stands now. */
export interface SubscriptionRecord {
  readonly id: string;
  /** Grows with every filing and every change of status. */
  readonly version: number;
  readonly lastUpdated: Date;
  readonly deleted: boolean;
  /** The FHIR resource as JSON, with status, error and meta as of now. */
  readonly resource: string;
  /** Events so far, and the last of them that the endpoint has taken. */
  readonly events: number;
  readonly sent: number;
  /** Failures in a row, what the last one was, and when the next attempt is due. */
  readonly attempts: number;
  readonly lastError: string | undefined;
  readonly nextAttemptAt: Date | undefined;
}

/** What became of a filing. */
export interface Filed {
  readonly record: SubscriptionRecord;
  readonly created: boolean;
  /** Has the endpoint asked for a handshake. */
  readonly announce: () => void;
}

interface SubscriptionRow {
  destination: number;
  id: string;
  version: number;
  status: string;
  deleted: boolean;
  resource: string;
  last_updated: Date;
  number: number;
  sent: number;
  attempts: number;
  next_attempt_at: Date | null;
  last_error: string | null;
}

/**
 * Files FHIR Subscriptions. The criteria become a destination that the transformer matches once the endpoint has taken
 * a handshake; until then, and when it is off, nothing is matched for it. A filing is one durable transaction.
 */
export class SubscriptionService {
  /** `onFiled` is told which subscription (by destination) has something to do: a handshake. */
  constructor(
    private readonly database: Database,
    private readonly onFiled: (destination: number) => void = () => {},
    private readonly random: Random = systemRandom,
    private readonly topics: TopicCatalog = noTopics,
  ) {}

  /** Files a new one under an id of ours. `rejected` SUBSCRIPTION_INVALID, SUBSCRIPTION_UNSUPPORTED and those of criteria. */
  async create(resource: FhirObject): Promise<SubscriptionRecord> {
    const { record } = await this.file(this.newId(), resource);
    return record;
  }

  /** An id that nobody has. */
  newId(): string {
    return this.random.bytes(16).toString('hex');
  }

  /** The subscription, also a removed one (`deleted`); undefined when there never was one. */
  async read(id: string): Promise<SubscriptionRecord | undefined> {
    const rows = await this.database.query<SubscriptionRow>('SELECT * FROM subscription WHERE id = $1', [id]);
    return rows[0] && recordOf(rows[0]);
  }

  /**
   * Files it anew, or under this id for the first time. Every filing asks the endpoint for a new handshake; the event
   * numbers go on, and what was not yet sent is sent to the new endpoint.
   */
  update(id: string, resource: FhirObject): Promise<Filed> {
    return this.file(id, resource);
  }

  /** Ends it for good: nothing more is matched or sent. False when there is none. */
  async remove(id: string): Promise<boolean> {
    return this.database.transaction((tx) => this.removeIn(tx, id));
  }

  /** The same in the caller's transaction. */
  async removeIn(tx: Query, id: string): Promise<boolean> {
    const rows = await tx.query<{ destination: number }>(
      `UPDATE subscription SET deleted = true, status = 'off', version = version + 1, filing = filing + 1,
         last_updated = now() WHERE id = $1 AND NOT deleted RETURNING destination`,
      [id],
    );
    const destination = rows[0]?.destination;
    if (destination === undefined) return false;
    await tx.query('UPDATE destination SET active = false WHERE id = $1', [destination]);
    return true;
  }

  /** Those that are not removed, in order of id, after `after`, at most `limit` (1,000). */
  async list(after = '', limit = MAX_LISTED): Promise<SubscriptionRecord[]> {
    const rows = await this.database.query<SubscriptionRow>(
      'SELECT * FROM subscription WHERE NOT deleted AND id > $1 ORDER BY id LIMIT $2',
      [after, Math.min(limit, MAX_LISTED)],
    );
    return rows.map(recordOf);
  }

  /** Files in the caller's transaction. `announce` is to be called once that has committed. Refusals as of `create`. */
  async fileIn(tx: Query, id: string, resource: FhirObject): Promise<Filed> {
    requireId(id);
    const request = readSubscription(resource, this.topics);
    // The same order of locks as where a subscription becomes active: first it, then its destination.
    await tx.query('SELECT 1 FROM subscription WHERE id = $1 FOR UPDATE', [id]);
    const destination = await destinationOf(tx, id, request);
    const rows = await tx.query<SubscriptionRow & { created: boolean }>(
      `INSERT INTO subscription AS s (destination, id, status, resource, ends_at, heartbeat_ms, channel)
       VALUES ($1, $2, $3, $4, to_timestamp($5::float8), $6, $7)
       ON CONFLICT (destination) DO UPDATE SET version = s.version + 1, filing = s.filing + 1, greeted = false,
         deleted = false, status = excluded.status, resource = excluded.resource, last_updated = now(),
         ends_at = excluded.ends_at, heartbeat_ms = excluded.heartbeat_ms, channel = excluded.channel, attempts = 0, next_attempt_at = NULL, last_error = NULL
       RETURNING *, version = 1 AS created`,
      [
        destination,
        id,
        request.wanted ? 'requested' : 'off',
        writeJson(resource),
        request.endsAtMs === undefined ? null : request.endsAtMs / 1000,
        request.heartbeatMs ?? null,
        request.channel,
      ],
    );
    await refuseTooMany(tx);
    const [filed] = rows;
    if (filed === undefined) throw new EngineError('bug', 'SUBSCRIPTION_NOT_FILED', id);
    return {
      record: recordOf(filed),
      created: filed.created,
      announce: () => this.onFiled(filed.destination),
    };
  }

  private async file(id: string, resource: FhirObject): Promise<Filed> {
    const filed = await this.database.transaction((tx) => this.fileIn(tx, id, resource));
    filed.announce();
    return filed;
  }
}

function requireId(id: string): void {
  if (!ID.test(id)) throw new EngineError('rejected', 'SUBSCRIPTION_INVALID', 'this is no id of FHIR');
}

/** The destination under whose number events are matched; inactive until the endpoint has taken a handshake. */
async function destinationOf(tx: Query, id: string, request: SubscriptionRequest): Promise<number> {
  const rows = await tx.query<{ id: number }>(
    `INSERT INTO destination (name, kind, criteria, active) VALUES ($1, 'subscription', $2, false)
     ON CONFLICT (name) DO UPDATE SET criteria = excluded.criteria, active = false RETURNING id`,
    [`Subscription/${id}`, request.criteriaText],
  );
  const destination = rows[0]?.id;
  if (destination === undefined) throw new EngineError('bug', 'SUBSCRIPTION_NOT_FILED', id);
  return destination;
}

async function refuseTooMany(tx: Query): Promise<void> {
  const rows = await tx.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM subscription WHERE status <> 'off'",
  );
  if ((rows[0]?.count ?? 0) <= MAX_SUBSCRIPTIONS) return;
  throw new EngineError(
    'rejected',
    'SUBSCRIPTION_LIMIT',
    `there are ${MAX_SUBSCRIPTIONS} subscriptions already`,
  );
}

function recordOf(row: SubscriptionRow): SubscriptionRecord {
  return {
    id: row.id,
    version: row.version,
    lastUpdated: row.last_updated,
    deleted: row.deleted,
    resource: resourceOf(row),
    events: row.number,
    sent: row.sent,
    attempts: row.attempts,
    lastError: row.last_error ?? undefined,
    nextAttemptAt: row.next_attempt_at ?? undefined,
  };
}

/** What was filed, with what only the server knows put in its place. */
function resourceOf(row: SubscriptionRow): string {
  const filed = readJson(row.resource) as FhirObject;
  const { resourceType: _type, id: _id, meta, status: _status, error: _error, ...rest } = filed;
  const { versionId: _version, lastUpdated: _updated, ...tags } = (meta ?? {}) as FhirObject;
  return writeJson({
    resourceType: 'Subscription',
    id: row.id,
    meta: { versionId: String(row.version), lastUpdated: row.last_updated.toISOString(), ...tags },
    status: row.status,
    ...rest,
    ...(row.last_error === null ? {} : { error: row.last_error }),
  });
}
