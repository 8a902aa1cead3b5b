import { systemClock } from '#kernel';
import { NudgePacer } from './nudge-pacer.js';
import { openPostgresBackend } from './postgres-backend.js';
import type { JobHandler, QueueBackend, QueueErrorListener } from './queue-backend.js';
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

/**
 * Nudges: jobs that say only where to look, `{lane, partition}` and the like, never content (I6). Losing any of them is
 * harmless, because sweepers read the database; so nothing here ever throws into the data path or makes it wait.
 */
export class Queues {
  private readonly pacers = new Map<string, NudgePacer>();
  private sent = 0;
  private failed = 0;
  private closed: Promise<void> | undefined;

  constructor(
    private readonly backend: QueueBackend,
    private readonly onError: QueueErrorListener,
  ) {}

  /** Says that there is work at `place` of `queue`. Returns at once. Many in a short time become few. */
  nudge(queue: string, place: string, data: unknown): void {
    let pacer = this.pacers.get(queue);
    if (pacer === undefined) {
      pacer = new NudgePacer(systemClock, (id, latest) => this.send(queue, id, latest));
      this.pacers.set(queue, pacer);
    }
    pacer.nudge(place, data);
  }

  /**
   * Nudges `place` after `delayMs`, for a retry. `attempt` makes the job a new one each time: under an id that the queue
   * remembers it would be dropped. Apart from `nudge`, whose jobs a waiting one would otherwise swallow.
   */
  nudgeLater(queue: string, place: string, data: unknown, retry: { delayMs: number; attempt: number }): void {
    this.backend
      .add(queue, data, {
        jobId: `${place}~${retry.attempt}`,
        delayMs: Math.max(1, Math.ceil(retry.delayMs)),
      })
      .then(
        () => {
          this.sent += 1;
        },
        () => {
          this.failed += 1;
        },
      );
  }

  /** Runs `handler` for every job of `queue`. What it throws is reported and forgotten: the sweeper looks again. */
  work(queue: string, handler: JobHandler, options: { concurrency: number }): void {
    this.backend.work(queue, handler, options.concurrency);
  }

  /** Resolves when workers take jobs and the first nudge to each of `queues` need not wait; bounded. */
  ready(queues: readonly string[]): Promise<void> {
    return this.backend.ready(queues);
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
    for (const pacer of this.pacers.values()) pacer.close();
    this.closed ??= this.backend.close(graceMs);
    return this.closed;
  }

  private async send(queue: string, place: string, data: unknown): Promise<void> {
    try {
      await this.backend.add(queue, data, { deduplicationId: place });
      this.sent += 1;
    } catch (error) {
      this.failed += 1;
      this.onError(`nudge ${queue}`, error);
    }
  }
}

/**
 * Opens the queues. Throws `misconfigured` for a Redis that may evict keys, `unavailable` when PostgreSQL does not answer.
 * `listener` hears what goes wrong later; it must not throw. The same
 * trouble of the same part is told once in half a minute, since each of many connections reports every attempt.
 */
export async function openQueues(location: QueueLocation, listener: QueueErrorListener): Promise<Queues> {
  const onError = withoutRepeats(listener);
  const backend =
    location.kind === 'redis'
      ? await openRedisBackend(location.url, location.prefix, onError)
      : await openPostgresBackend(location.url, onError);
  return new Queues(backend, onError);
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
