import { setMaxListeners } from 'node:events';
import type { Database } from '#database';
import { type DeliveryClaims, DeliveryRetry, DeliveryTurns, type RetryPolicy } from '#delivery';
import { type Clock, type Random, systemClock, systemRandom } from '#kernel';
import { NotifySubscriber } from './notify-subscriber.js';
import type { NotificationPost, NotifierSettings } from './subscriber-way.js';
import { greetAgain, servedSubscriptions } from './subscription-progress.js';

/** The sweeper alone guarantees progress; nudges only cut latency. */
const SWEEP_EVERY_MS = 500;
/** With very many subscriptions a sweep takes longer; it pauses at least this many times as long as it took. */
const SWEEP_PAUSE_FACTOR = 10;
/** Subscribers served at one time: those that hang take their places until their timeout, then back off. */
const MAX_SUBSCRIBERS = 64;
/** Added to a delayed nudge, so that it does not come just before the database calls the attempt due. */
const RETRY_SLACK_MS = 20;
const DEFAULT_RETRY: RetryPolicy = { firstAfterMs: 2_000, atMostEveryMs: 300_000 };

export interface NotifierOptions extends NotifierSettings {
  /** Tried for ever between these until `Subscription.end`. Default: 2 s, doubling up to 5 min. */
  readonly retry?: RetryPolicy | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  /** A subscriber did not take a notification: nudge it again after that time. Losing it is harmless. */
  readonly onRetry?: ((destination: number, afterMs: number) => void) | undefined;
  /** What stopped a turn or a sweep: the database is away, or a bug. The sweeper tries again. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Serves all FHIR subscriptions, in any number of processes: each subscription by one of them at a time. */
export class NotifySubscribers {
  private readonly turns: DeliveryTurns;
  private readonly subscriber: NotifySubscriber;
  private readonly soon = new AbortController();
  private readonly now = new AbortController();
  /** Destinations of other kinds that nudges have named: a turn for each nudge would cost as much as a delivery. */
  private readonly foreign = new Set<number>();
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly claims: DeliveryClaims,
    way: NotificationPost,
    private readonly options: NotifierOptions,
  ) {
    setMaxListeners(0, this.soon.signal, this.now.signal); // one for each turn, of which there are MAX_SUBSCRIBERS
    const { retry = DEFAULT_RETRY, clock = systemClock, random = systemRandom } = options;
    const ports = { clock, random, retry: new DeliveryRetry(retry, random) };
    this.subscriber = new NotifySubscriber(database, claims, way, options, ports);
    const run = (destination: number) => this.turn(destination);
    this.turns = new DeliveryTurns(MAX_SUBSCRIBERS, clock, run, (error) => options.onError?.(error));
  }

  /** Sweeps now and every 500 ms. */
  start(): void {
    const sweep = () => {
      const begunAtMs = performance.now();
      void this.sweep().finally(() => {
        const pauseMs = Math.max(SWEEP_EVERY_MS, SWEEP_PAUSE_FACTOR * (performance.now() - begunAtMs));
        if (!this.soon.signal.aborted) this.sweeper = setTimeout(sweep, pauseMs);
      });
    };
    sweep();
  }

  /** Says that this destination, if it is a subscription, has something to do; returns at once. */
  wake(destination: number): void {
    if (!this.foreign.has(destination)) this.turns.wake(destination);
  }

  /**
   * A client of this process is bound to this subscription of the channel 'websocket': it gets a handshake, what waits, and
   * what clients of other processes get.
   */
  async greet(subscription: string): Promise<void> {
    this.subscriber.clients.bound(subscription);
    try {
      const destination = await greetAgain(this.database, subscription);
      if (destination !== undefined) this.turns.wake(destination, true);
    } catch (error) {
      this.options.onError?.(error);
    }
  }

  /** Wakes every subscription that has something to do. Resolves when they are woken. */
  async sweep(): Promise<void> {
    try {
      const served = (await servedSubscriptions(this.database, this.options.channel ?? 'rest-hook')).filter(
        ({ id }) => this.options.reaches?.(id) ?? true,
      );
      if (served.length === 0) return;
      const behind = await this.claims.behind(served.map(({ destination }) => destination));
      const due = new Set(behind.map(({ destination }) => destination));
      for (const { destination, id, sent, heartbeatMs, pending } of served) {
        const lags = this.subscriber.clients.lags(id, sent, heartbeatMs ?? undefined);
        if (pending || lags || due.has(destination)) this.turns.wake(destination, true);
      }
    } catch (error) {
      this.options.onError?.(error);
    }
  }

  /** Sends nothing more; waits `graceMs` for the answers to what is in flight, then breaks off. */
  async stop(graceMs: number): Promise<void> {
    clearTimeout(this.sweeper);
    this.soon.abort();
    const hard = setTimeout(() => this.now.abort(), graceMs);
    await this.turns.stop();
    clearTimeout(hard);
  }

  private async turn(destination: number) {
    const turn = await this.subscriber.run(destination, { soon: this.soon.signal, now: this.now.signal });
    if (turn === 'foreign') this.foreign.add(destination);
    if (typeof turn === 'string') return turn === 'more' ? 'more' : 'done';
    this.options.onRetry?.(destination, turn.retryAfterMs + RETRY_SLACK_MS);
    return { afterMs: turn.retryAfterMs };
  }
}
