import type { TokenService } from '#access';
import type { BulkJobs } from '#bulk';
import type { Query } from '#database';
import type { FhirObject } from '#fhir';
import type { Clock } from '#kernel';
import type { WriteResources } from '#pipeline';
import type { Profiles } from '#validation';
import type { SubscriptionSockets } from './subscription-sockets.js';

/** One version of a Subscription. `resource` holds neither meta.versionId nor meta.lastUpdated. */
export interface SubscriptionVersion {
  readonly id: string;
  readonly version: number;
  readonly lastUpdatedMs: number;
  readonly deleted: boolean;
  readonly resource: FhirObject;
}

/** A filing, or without a resource a removal, as a part of a transaction. */
export interface SubscriptionChange {
  readonly id: string;
  readonly resource: FhirObject | undefined;
}

/**
 * Keeps FHIR subscriptions; each method has committed when it resolves. What cannot be honoured is refused with
 * `rejected`, never ignored.
 */
export interface SubscriptionRegistry {
  create(resource: FhirObject): Promise<SubscriptionVersion>;
  update(id: string, resource: FhirObject): Promise<SubscriptionVersion & { readonly created: boolean }>;
  /** False when there is none. */
  remove(id: string): Promise<boolean>;
  /** An id that nobody has. */
  newId(): string;
  /** Files or removes in the caller's transaction; `announce` is called once that has committed. Undefined: removed. */
  apply(
    tx: Query,
    change: SubscriptionChange,
  ): Promise<
    (SubscriptionVersion & { readonly created: boolean; readonly announce: () => void }) | undefined
  >;
  read(id: string): Promise<SubscriptionVersion | undefined>;
  /** Those with a later id than `after`, in order of id, as many as go at once; none: these were all. */
  list(after: string): Promise<readonly SubscriptionVersion[]>;
}

/** Answers what subscribers and operators ask about subscriptions. Reads only. */
export interface SubscriptionAnswers {
  /** The Bundle of `$status`; an empty list filters nothing. `fhirUrl` ends with a slash. */
  status(fhirUrl: string, ids: readonly string[], statuses: readonly string[]): Promise<string>;
  /** The Bundle of `$events`; undefined: there is no such subscription. `rejected` SUBSCRIPTION_EVENTS_INVALID. */
  events(
    fhirUrl: string,
    id: string,
    asked: { readonly since?: number; readonly until?: number; readonly content?: string },
  ): Promise<string | undefined>;
  /** Of those asked for (none: of all), the subscriptions that websockets may be bound to, at most 100. */
  bindable(ids: readonly string[]): Promise<readonly string[]>;
  /** How each fares, those that wait longest first; at most 1,000. */
  health(): Promise<readonly object[]>;
}

/** An answer that has gone out. The route is a pattern (`/fhir/:type/:id`), so nothing here names a resource or a person. */
export interface Answered {
  readonly method: string;
  readonly route: string;
  readonly status: string;
}

/** What the HTTP edge needs from the rest of the engine. */
export interface ApiServices {
  readonly database: Query;
  /** Where searches read: what takes too long ends there. */
  readonly searching: Query;
  readonly subscriptions: SubscriptionRegistry;
  readonly bulk: BulkJobs;
  /** Writes what clients send. */
  readonly writes: Pick<WriteResources, 'run'>;
  readonly subscriptionAnswers: SubscriptionAnswers;
  /** Where subscribers' websockets come in; it is attached to the HTTP server. */
  readonly sockets: SubscriptionSockets;
  /** The public keys (`whpk_...`) of a key that signs webhooks. `misconfigured` when it cannot be used. */
  readonly webhookKeys: (name: string) => Promise<readonly string[]>;
  /** Canonical URLs of the topics that subscriptions may name. */
  readonly topics: readonly string[];
  /** Holds `checkpoint` and `tile/`; the files may come later. */
  readonly ledgerDirectory: string;
  /** The operator's: opens /admin and all of /fhir; undefined: nobody is the operator. */
  readonly accessToken: string | undefined;
  /** Tokens of registered clients. */
  readonly tokens: Pick<TokenService, 'issue' | 'callerOf'>;
  /** Lets whoever works at this machine read and search without a token. */
  readonly openLoopback: boolean;
  /** What `$validate` knows beside R4. */
  readonly profiles: Profiles;
  /** The address that clients see, without a slash at the end; undefined: what each request says. */
  readonly publicUrl: string | undefined;
  readonly softwareVersion: string;
  readonly clock: Clock;
  /** Told about errors that are ours (status 500 and above), and why a client was not believed, for the log. */
  readonly report: (error: unknown) => void;
  /** Told about every answer and how long it took, in seconds, for the metrics. */
  readonly onAnswered: (seconds: number, answered: Answered) => void;
}

/** Injection token for `ApiServices`. */
export const API_SERVICES = Symbol('ApiServices');

/** Injection token for the `ResourceReader` of #store. */
export const RESOURCE_READER = Symbol('ResourceReader');
