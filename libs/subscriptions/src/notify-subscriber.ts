import type { SendOutcome } from '#channel';
import type { Database } from '#database';
import { type DeliveryClaim, type DeliveryClaims, type DeliveryRetry, readPacks } from '#delivery';
import { type FhirObject, readJson } from '#fhir';
import { toXml } from '#fhirxml';
import { type Clock, EngineError, isEngineError, type Random } from '#kernel';
import type { TopicCatalog } from '#topics';
import { eventNotification, type NotificationFrame, signOfLife } from './notification.js';
import { fittingEvents, NOTIFICATION_PACK_BYTES, uuidOf } from './notified-events.js';
import {
  activate,
  assignEvents,
  readEvents,
  readState,
  recordFailure,
  recordHeartbeat,
  recordSent,
  type SubscriptionState,
  switchOff,
} from './subscription-progress.js';
import { readSubscription, type SubscriptionRequest } from './subscription-request.js';

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

/** How a process that goes down asks its turns to end: first after the POST in flight, then at once. */
export interface NotifierStop {
  readonly soon: AbortSignal;
  readonly now: AbortSignal;
}

/** What a turn came to. 'foreign': the destination is no subscription and never will be. */
export type NotifierTurn = 'done' | 'more' | 'foreign' | { readonly retryAfterMs: number };

/** Stands for all partitions of a destination where a claim names a share. */
const ALL_PARTITIONS = -1;
/** Notifications in one turn; then other subscribers get theirs. */
const NOTIFICATIONS_PER_TURN = 8;

/**
 * Serves one subscription: handshake, numbering of its events, notifications in order of number with one in flight.
 * A claim keeps every other process away meanwhile. After a crash events are told again under the same numbers.
 */
export class NotifySubscriber {
  constructor(
    private readonly database: Database,
    private readonly claims: DeliveryClaims,
    private readonly way: NotificationPost,
    private readonly settings: NotifierSettings,
    private readonly ports: { readonly clock: Clock; readonly random: Random; readonly retry: DeliveryRetry },
  ) {}

  /** One bounded turn. Rejects with `unavailable` when the database does not answer. */
  async run(destination: number, stop: NotifierStop): Promise<NotifierTurn> {
    const claim = await this.claims.take({ destination, partition: ALL_PARTITIONS });
    if (claim === undefined) return 'done';
    const breakOff = new AbortController();
    const onBreak = () => breakOff.abort();
    for (const signal of [stop.now, claim.lost]) {
      signal.addEventListener('abort', onBreak);
      if (signal.aborted) onBreak();
    }
    let turn: NotifierTurn | 'drained' = 'done';
    try {
      turn = await this.serve(claim, { soon: stop.soon, now: breakOff.signal });
    } finally {
      for (const signal of [stop.now, claim.lost]) signal.removeEventListener('abort', onBreak);
      await claim.release();
    }
    if (turn !== 'drained') return turn;
    // What was matched in the meantime may have woken only this process, which was at work.
    return (await this.claims.behind([destination])).length > 0 ? 'more' : 'done';
  }

  private async serve(claim: DeliveryClaim, stop: NotifierStop): Promise<NotifierTurn | 'drained'> {
    const { destination } = claim.share;
    for (let notification = 0; notification < NOTIFICATIONS_PER_TURN; notification++) {
      if (stop.soon.aborted || stop.now.aborted) return 'done';
      let state = await readState(this.database, destination);
      if (state === undefined) return 'foreign';
      if (state.status === 'off' || !state.due || !this.isOurs(state)) return 'done';
      if (state.ended) {
        await switchOff(this.database, state);
        return 'done';
      }
      const request = this.requestOf(state);
      if (isEngineError(request)) return this.failed(claim, state, { sent: false, error: request }, stop.now);
      if (!state.greeted) {
        const failed = await this.greet(claim, state, request, stop.now);
        if (failed !== undefined) return failed;
        continue;
      }
      if (state.number === state.sent) {
        const added = await assignEvents(this.database, destination);
        if (added === 0) return (await this.beat(claim, state, request, stop.now)) ?? 'drained';
        state = { ...state, number: state.number + added };
      }
      const failed = await this.notify(claim, state, request, stop.now);
      if (failed !== undefined) return failed;
    }
    return 'more';
  }

  private isOurs({ channel, id }: SubscriptionState): boolean {
    const { channel: served = 'rest-hook', reaches } = this.settings;
    return channel === served && (reaches?.(id) ?? true);
  }

  /** What it asks for. A topic whose file is gone is trouble of this subscription, until the file is back. */
  private requestOf(state: SubscriptionState): SubscriptionRequest | EngineError {
    try {
      return readSubscription(readJson(state.resource) as FhirObject, this.settings.topics);
    } catch (error) {
      if (isEngineError(error, 'rejected')) return error;
      throw error;
    }
  }

  private async greet(
    claim: DeliveryClaim,
    state: SubscriptionState,
    request: SubscriptionRequest,
    signal: AbortSignal,
  ): Promise<NotifierTurn | undefined> {
    const frame = this.frameOf({ ...state, status: 'requested' }, request);
    const outcome = await this.post(
      state,
      request,
      { id: frame.uuid, headers: [], body: signOfLife(frame, 'handshake') },
      signal,
    );
    if (!outcome.sent) return this.failed(claim, state, outcome, signal);
    await activate(this.database, state);
    return undefined;
  }

  /** A heartbeat, where one is due. */
  private async beat(
    claim: DeliveryClaim,
    state: SubscriptionState,
    request: SubscriptionRequest,
    signal: AbortSignal,
  ): Promise<NotifierTurn | undefined> {
    if (!state.silent) return undefined;
    const frame = this.frameOf(state, request);
    const outcome = await this.post(
      state,
      request,
      { id: frame.uuid, headers: [], body: signOfLife(frame, 'heartbeat') },
      signal,
    );
    if (!outcome.sent) return this.failed(claim, state, outcome, signal);
    await recordHeartbeat(claim.session, state);
    return undefined;
  }

  private async notify(
    claim: DeliveryClaim,
    state: SubscriptionState,
    request: SubscriptionRequest,
    signal: AbortSignal,
  ): Promise<NotifierTurn | undefined> {
    const stored = await readEvents(claim.session, state.destination, state.sent, request.maxCount);
    const positions = stored.map((event) => event.position);
    const packs = await readPacks(claim.session, positions, NOTIFICATION_PACK_BYTES);
    const events = await fittingEvents(claim.session, stored, packs, {
      ...request,
      namesResources: request.content !== 'empty',
      fhirUrl: this.settings.fhirUrl,
    });
    const first = events[0]?.number;
    const last = events.at(-1)?.number;
    if (first !== state.sent + 1 || last === undefined) {
      throw new EngineError('bug', 'SUBSCRIPTION_NUMBER_GAP', `Subscription/${state.id} after ${state.sent}`);
    }
    const range = first === last ? String(first) : `${first}-${last}`;
    const stream = `Subscription/${state.id}`;
    const key = `${this.settings.origin}/${stream}/${range}`;
    const headers = ['suture-stream', stream, 'suture-event-number', range, 'idempotency-key', key];
    const body = eventNotification(this.frameOf(state, request), request.content, events);
    const outcome = await this.post(state, request, { id: key, headers, body }, signal);
    if (!outcome.sent) return this.failed(claim, state, outcome, signal);
    await recordSent(claim.session, state, last);
    return undefined;
  }

  private async failed(
    claim: DeliveryClaim,
    state: SubscriptionState,
    { error, retryAfterMs: askedMs = 0 }: Exclude<SendOutcome, { readonly sent: true }>,
    signal: AbortSignal,
  ): Promise<NotifierTurn> {
    // Broken off by us, which says nothing about the subscriber.
    if (signal.aborted) return 'done';
    const retryAfterMs = Math.max(this.ports.retry.delayMs(state.attempts + 1), askedMs);
    await recordFailure(claim.session, state, error, retryAfterMs);
    return { retryAfterMs };
  }

  private post(
    state: SubscriptionState,
    request: SubscriptionRequest,
    { id, headers, body }: { id: string; headers: readonly string[]; body: string },
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
      if (isEngineError(error, 'rejected')) return Promise.resolve({ sent: false, error });
      throw error;
    }
    return this.way.post(
      { subscription: state.id, url, headers: all, body: written, timeoutMs, signature },
      signal,
    );
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
