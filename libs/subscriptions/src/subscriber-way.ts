import type { SendOutcome } from '#channel';
import type { Query } from '#database';
import { readPacks } from '#delivery';
import { type FhirObject, readJson } from '#fhir';
import { toXml } from '#fhirxml';
import { type Clock, EngineError, isEngineError, type Random } from '#kernel';
import type { TopicCatalog } from '#topics';
import type { LocalClients } from './local-clients.js';
import { eventNotification, type NotificationFrame, signOfLife } from './notification.js';
import { fittingEvents, NOTIFICATION_PACK_BYTES, uuidOf } from './notified-events.js';
import { readEvents, type SubscriptionState } from './subscription-progress.js';
import type { SubscriptionRequest } from './subscription-request.js';

/** The way out to subscribers; `HttpPoster` of #connectors is one. Never rejects. */
export interface NotificationPost {
  post(
    request: {
      /** `Subscription.id`. */
      readonly subscription: string;
      readonly url: string;
      readonly headers: readonly string[];
      readonly body: string;
      readonly timeoutMs: number;
      readonly signature?: { readonly key: string; readonly id: string } | undefined;
    },
    signal: AbortSignal,
  ): Promise<SendOutcome>;
}

export interface NotifierSettings {
  /** Base URL of our FHIR API as subscribers see it, ends with a slash. */
  readonly fhirUrl: string;
  /** Names this installation in idempotency keys. */
  readonly origin: string;
  readonly topics?: TopicCatalog | undefined;
  /** The channel that is served; default 'rest-hook'. */
  readonly channel?: 'rest-hook' | 'websocket' | undefined;
  /** Whether a subscription can be reached from this process now; others are left alone. Default: all. */
  readonly reaches?: ((subscription: string) => boolean) | undefined;
}

/** Which events are told: those after a number, at most so many. */
interface EventRange {
  readonly after: number;
  readonly limit: number;
  readonly session: Query;
}

interface Written {
  /** What names it at every attempt. */
  readonly id: string;
  readonly headers: readonly string[];
  readonly body: string;
  /** The last event that it tells. */
  readonly last?: number;
}

/** Writes notifications of one subscription after the other and sends them on their way. Moves nothing on. */
export class SubscriberWay {
  constructor(
    private readonly way: NotificationPost,
    private readonly settings: Pick<NotifierSettings, 'fhirUrl' | 'origin'>,
    private readonly ports: { readonly clock: Clock; readonly random: Random },
    private readonly clients: LocalClients,
  ) {}

  /** Sends a handshake or heartbeat. */
  sign(
    state: SubscriptionState,
    request: SubscriptionRequest,
    type: 'handshake' | 'heartbeat',
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    const frame = this.frameOf(state, request);
    return this.post(state, request, { id: frame.uuid, headers: [], body: signOfLife(frame, type) }, signal);
  }

  /** Tells as many of the events as fit into one notification; `last` is the last of them. */
  async tell(
    state: SubscriptionState,
    request: SubscriptionRequest,
    { after, limit, session }: EventRange,
    signal: AbortSignal,
  ): Promise<{ outcome: SendOutcome; last: number }> {
    const stored = await readEvents(session, state.destination, after, limit);
    const positions = stored.map((event) => event.position);
    const packs = await readPacks(session, positions, NOTIFICATION_PACK_BYTES);
    const events = await fittingEvents(session, stored, packs, {
      ...request,
      namesResources: request.content !== 'empty',
      fhirUrl: this.settings.fhirUrl,
    });
    const first = events[0]?.number;
    const last = events.at(-1)?.number;
    if (first !== after + 1 || last === undefined) {
      throw new EngineError('bug', 'SUBSCRIPTION_NUMBER_GAP', `Subscription/${state.id} after ${after}`);
    }
    const range = first === last ? String(first) : `${first}-${last}`;
    const stream = `Subscription/${state.id}`;
    const id = `${this.settings.origin}/${stream}/${range}`;
    const headers = ['suture-stream', stream, 'suture-event-number', range, 'idempotency-key', id];
    const body = eventNotification(this.frameOf(state, request), request.content, events);
    return { outcome: await this.post(state, request, { id, headers, body, last }, signal), last };
  }

  private async post(
    state: SubscriptionState,
    request: SubscriptionRequest,
    { id, headers, body, last }: Written,
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    const { endpoint: url, timeoutMs, signingKey: key, format } = request;
    const all = ['content-type', `application/fhir+${format}`, ...headers, ...request.headers];
    const signature = key === undefined ? undefined : { key, id };
    let written = body;
    try {
      if (format === 'xml') written = toXml(readJson(body) as FhirObject);
    } catch (error) {
      // What XML cannot hold: trouble of this subscription, until it asks for JSON.
      if (isEngineError(error, 'rejected')) return { sent: false, error };
      throw error;
    }
    const outcome = await this.way.post(
      { subscription: state.id, url, headers: all, body: written, timeoutMs, signature },
      signal,
    );
    if (outcome.sent) this.clients.heard(state.id, last);
    return outcome;
  }

  private frameOf(state: SubscriptionState, request: SubscriptionRequest): NotificationFrame {
    return {
      subscription: state.id,
      status: state.status,
      events: state.number,
      // Not with empty content (profile backport-subscription-status-r4, parameter topic).
      topic: request.content === 'empty' ? undefined : request.interest.topic?.url,
      fhirUrl: this.settings.fhirUrl,
      timestamp: new Date(this.ports.clock.nowMs()).toISOString(),
      uuid: uuidOf(this.ports.random.bytes(16)),
    };
  }
}
