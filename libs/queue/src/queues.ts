import { systemClock } from '#kernel';
import { farPace, type NudgePace, NudgePacer, nearPace, nudgePace } from './nudge-pacer.js';
import { openPostgresBackend } from './postgres-backend.js';
import type { JobHandler, JobOptions, QueueBackend, QueueErrorListener } from './queue-backend.js';
import { openRedisBackend } from './redis-backend.js';

/** Where the queues live: Redis if there is one, else the engine's PostgreSQL. */
export type QueueLocation =
  | { readonly kind: 'redis'; readonly url: string; readonly prefix: string }
  | { readonly kind: 'postgres'; readonly url: string };

export interface QueueCounts {
  readonly sent: number;
  /** Nudges that another one stood for. */
  readonly coalesced: number;
  /** Nudges that could not be sent; the sweepers make them good. */
  readonly failed: number;
}

const closeGraceMs = 5_000;
/** Nudges only wake, so few at one time are plenty. */
const defaultConcurrency = 4;

export interface QueuesOptions {
  /** How nudges are thinned on their way to the backend. */
  readonly pace?: NudgePace;
  /**
   * A worker of these very queues is called at once; the backend is for workers elsewhere, who hear of it twice a second.
   * Nothing is lost by that: who is called looks everywhere, and so does every sweeper.
   */
  readonly nearby?: boolean;
}

/**
 * Nudges: jobs that say only where to look, `{lane, partition}` and the like, never content (I6). Losing any of them is
 * harmless, because sweepers read the database; so nothing here ever throws into the data path or makes it wait.
 */
export class Queues {
  private readonly pacers = new Map<string, NudgePacer>();
  private readonly near = new Map<string, NudgePacer>();
  private sent = 0;
  private failed = 0;
  private backend: Promise<QueueBackend> | undefined;
  private closed: Promise<void> | undefined;

  constructor(
    private readonly open: () => Promise<QueueBackend>,
    private readonly onError: QueueErrorListener,
    private readonly options: QueuesOptions = {},
  ) {}

  /**
   * Says that there is work at `place` of `queue`. Returns at once. Many in a short time become few. Before the first
   * `work` or `ready` nobody listens yet, and nothing is sent.
   */
  nudge(queue: string, place: string, data: unknown): void {
    if (this.backend === undefined) return;
    const near = this.near.get(queue);
    near?.nudge(place, data);
    const name = near === undefined ? queue : `${queue} far`;
    let pacer = this.pacers.get(name);
    if (pacer === undefined) {
      const send = (id: string, latest: unknown) => this.add(queue, latest, { deduplicationId: id });
      const pace = near === undefined ? (this.options.pace ?? nudgePace) : farPace;
      pacer = new NudgePacer(systemClock, send, pace);
      this.pacers.set(name, pacer);
    }
    pacer.nudge(place, data);
  }

  /**
   * Nudges `place` after `delayMs`, for a retry. `attempt` makes the job a new one each time: under an id that the queue
   * remembers it would be dropped. Apart from `nudge`, whose jobs a waiting one would otherwise swallow.
   */
  nudgeLater(queue: string, place: string, data: unknown, retry: { delayMs: number; attempt: number }): void {
    if (this.backend === undefined) return;
    const jobId = `${place}~${retry.attempt}`;
    void this.add(queue, data, { jobId, delayMs: Math.max(1, Math.ceil(retry.delayMs)) });
  }

  /** Runs `handler` for every job of `queue`. What it throws is reported and forgotten: the sweeper looks again. */
  work(queue: string, handler: JobHandler, { concurrency = defaultConcurrency } = {}): void {
    if (this.options.nearby === true) {
      const call = (_place: string, data: unknown) =>
        handler(data).catch((error: unknown) => this.onError(`job ${queue}`, error));
      this.near.set(queue, new NudgePacer(systemClock, call, nearPace));
    }
    this.opened().then(
      (backend) => backend.work(queue, handler, concurrency),
      () => {}, // whoever waits until it is ready is told
    );
  }

  /**
   * Resolves when workers take jobs and the first nudge to each of `queues` need not wait; bounded. Rejects with
   * `misconfigured` for a Redis that may evict keys, with what PostgreSQL says when it does not answer.
   */
  async ready(queues: readonly string[]): Promise<void> {
    await (await this.opened()).ready(queues);
  }

  counts(): QueueCounts {
    let coalesced = 0;
    for (const pacer of this.pacers.values()) coalesced += pacer.coalesced;
    return { sent: this.sent, coalesced, failed: this.failed };
  }

  /** Resolves when every nudge so far has been sent or has failed. */
  async settle(): Promise<void> {
    await Promise.all([...this.pacers.values()].map((pacer) => pacer.settle()));
  }

  /** Waits for running handlers, bounded also when the backend is gone. Nudges that still wait are forgotten. */
  close(graceMs = closeGraceMs): Promise<void> {
    for (const pacer of [...this.near.values(), ...this.pacers.values()]) pacer.close();
    this.closed ??= this.closeBackend(graceMs);
    return this.closed;
  }

  private opened(): Promise<QueueBackend> {
    this.backend ??= this.open();
    return this.backend;
  }

  private async closeBackend(graceMs: number): Promise<void> {
    const backend = await this.backend?.catch(() => undefined); // what never opened needs no closing
    await backend?.close(graceMs);
  }

  /** Sends a job of a thread as it is: a retry. Never rejects. Before the first `work` or `ready` nothing is sent. */
  async send(queue: string, data: unknown, options: JobOptions): Promise<void> {
    if (this.backend !== undefined) await this.add(queue, data, options);
  }

  private async add(queue: string, data: unknown, options: JobOptions): Promise<void> {
    try {
      const backend = await this.opened();
      await backend.add(queue, data, options);
      this.sent += 1;
    } catch (error) {
      this.failed += 1;
      this.onError(`nudge ${queue}`, error);
    }
  }
}

/**
 * The queues at `location`. Nothing is loaded or connected before the first `work` or `ready`, so that a start need not wait
 * for it. `listener` hears what goes wrong later; it must not throw. The same trouble of the same part is told once in
 * half a minute, since each of many connections reports every attempt.
 */
export function queuesAt(
  location: QueueLocation,
  listener: QueueErrorListener,
  options?: QueuesOptions,
): Queues {
  const onError = withoutRepeats(listener);
  const open = () =>
    location.kind === 'redis'
      ? openRedisBackend(location.url, location.prefix, onError)
      : openPostgresBackend(location.url, onError);
  return new Queues(open, onError, options);
}

/** The same, opened: throws at once what `ready` would throw. */
export async function openQueues(
  location: QueueLocation,
  listener: QueueErrorListener,
  options?: QueuesOptions,
): Promise<Queues> {
  const queues = queuesAt(location, listener, options);
  await queues.ready([]);
  return queues;
}

const repeatAfterMs = 30_000;
const maxRemembered = 1_000;

function withoutRepeats(listener: QueueErrorListener): QueueErrorListener {
  const toldAtMs = new Map<string, number>();
  return (where, error) => {
    const code = (error as { code?: unknown } | undefined)?.code;
    const key = `${where} ${String(code ?? error)}`;
    const nowMs = systemClock.nowMs();
    if (nowMs - (toldAtMs.get(key) ?? 0) < repeatAfterMs) return;
    if (toldAtMs.size >= maxRemembered) toldAtMs.clear();
    toldAtMs.set(key, nowMs);
    listener(where, error);
  };
}
