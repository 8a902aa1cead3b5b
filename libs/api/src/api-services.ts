import type { TokenService } from '#access';
import type { Query } from '#database';
import type { FhirObject } from '#fhir';
import type { Clock } from '#kernel';
import type { WriteResources } from '#pipeline';

/** One version of a Subscription. `resource` holds neither meta.versionId nor meta.lastUpdated. */
export interface SubscriptionVersion {
  readonly id: string;
  readonly version: number;
  readonly lastUpdatedMs: number;
  readonly deleted: boolean;
  readonly resource: FhirObject;
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
  read(id: string): Promise<SubscriptionVersion | undefined>;
  list(): Promise<readonly SubscriptionVersion[]>;
}

/** What the HTTP edge needs from the rest of the engine. */
export interface ApiServices {
  readonly database: Query;
  readonly subscriptions: SubscriptionRegistry;
  /** Writes what clients send. */
  readonly writes: Pick<WriteResources, 'run'>;
  /** Holds `checkpoint` and `tile/`; the files may come later. */
  readonly ledgerDirectory: string;
  /** The operator's: opens /admin and all of /fhir; undefined: nobody is the operator. */
  readonly accessToken: string | undefined;
  /** Tokens of registered clients. */
  readonly tokens: Pick<TokenService, 'issue' | 'callerOf'>;
  /** Lets whoever works at this machine read and search without a token. */
  readonly openLoopback: boolean;
  /** The address that clients see, without a slash at the end; undefined: what each request says. */
  readonly publicUrl: string | undefined;
  readonly softwareVersion: string;
  readonly clock: Clock;
  /** Told about errors that are ours (status 500 and above), and why a client was not believed, for the log. */
  readonly report: (error: unknown) => void;
}

/** Injection token for `ApiServices`. */
export const API_SERVICES = Symbol('ApiServices');

/** Injection token for the `ResourceReader` of #store. */
export const RESOURCE_READER = Symbol('ResourceReader');
