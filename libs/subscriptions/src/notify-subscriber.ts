import type { SendOutcome } from '#channel';
import type { Database } from '#database';
import type { DeliveryClaim, DeliveryClaims, DeliveryRetry } from '#delivery';
import { type FhirObject, readJson } from '#fhir';
import { type Clock, type EngineError, isEngineError, type Random } from '#kernel';
import { LocalClients } from './local-clients.js';
import { type NotificationPost, type NotifierSettings, SubscriberWay } from './subscriber-way.js';
import {
  activate,
  assignEvents,
  readState,
  recordFailure,
  recordHeartbeat,
  recordSent,
  type SubscriptionState,
  switchOff,
} from './subscription-progress.js';
import { readSubscription, type SubscriptionRequest } from './subscription-request.js';

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
  /** Of websockets: the clients of this process. */
  readonly clients: LocalClients;
  private readonly way: SubscriberWay;

  constructor(
    private readonly database: Database,
    private readonly claims: DeliveryClaims,
    post: NotificationPost,
    private readonly settings: NotifierSettings,
    private readonly ports: { readonly clock: Clock; readonly random: Random; readonly retry: DeliveryRetry },
  ) {
    this.clients = new LocalClients(ports.clock);
    this.way = new SubscriberWay(post, settings, ports, this.clients);
  }

  /** One bounded turn. Rejects with `unavailable` when the database does not answer. */
  async run(destination: number, stop: NotifierStop): Promise<NotifierTurn> {
    const claim = await this.claims.take({ destination, partition: ALL_PARTITIONS });
    if (claim === undefined) {
      // Another process serves it now: what that one told its clients, ours are to hear too.
      await this.follow(destination, stop.now);
      return 'done';
    }
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
      await this.catchUp(state, request, stop.now);
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
    if (channel !== served) return false;
    const isReached = reaches?.(id) ?? true;
    if (!isReached) this.clients.left(id);
    return isReached;
  }

  private async follow(destination: number, signal: AbortSignal): Promise<void> {
    if (this.settings.channel !== 'websocket') return;
    const state = await readState(this.database, destination);
    if (state === undefined || state.status === 'off' || !this.isOurs(state)) return;
    const request = this.requestOf(state);
    if (!isEngineError(request)) await this.catchUp(state, request, signal);
  }

  /** Tells the clients of this process what those of others were told, if they have had a handshake. Moves nothing on. */
  private async catchUp(
    state: SubscriptionState,
    request: SubscriptionRequest,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.settings.channel !== 'websocket' || !state.greeted) return;
    const { id } = state;
    if (!this.clients.isGreeted(id)) {
      const { sent } = await this.way.sign(state, request, 'handshake', signal);
      if (!sent) return;
    }
    for (let after = this.clients.after(id, state.sent); after < state.sent; ) {
      const limit = Math.min(request.maxCount, state.sent - after);
      const events = { after, limit, session: this.database };
      const { outcome, last } = await this.way.tell(state, request, events, signal);
      if (!outcome.sent) return;
      after = last;
    }
    if (this.clients.isSilent(id, request.heartbeatMs))
      await this.way.sign(state, request, 'heartbeat', signal);
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
    const outcome = await this.way.sign({ ...state, status: 'requested' }, request, 'handshake', signal);
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
    const outcome = await this.way.sign(state, request, 'heartbeat', signal);
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
    const { outcome, last } = await this.way.tell(
      state,
      request,
      { after: state.sent, limit: request.maxCount, session: claim.session },
      signal,
    );
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
}
