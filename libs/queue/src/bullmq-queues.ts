import type { JobsOptions, WorkerOptions } from 'bullmq';
import { EngineError } from '#kernel';
import type { JobHandler, JobOptions, QueueBackend, QueueErrorListener } from './queue-backend.js';

/** The same on every worker of every process, or they disagree on who is dead (BullMQ). */
const stalledIntervalMs = 5_000;
const lockDurationMs = 10_000;
/** A job whose worker died is worth another run each time: it only says where to look. */
const maxStalledCount = 1_000_000;
const retryAfterErrorMs = 500;
/** How long an idle worker blocks before it asks again: a lost notification costs this, and sweepers are sooner. */
const drainDelaySeconds = 2;
const addTimeoutMs = 2_000;
const readyTimeoutMs = 5_000;

interface Connected {
  waitUntilReady(): Promise<unknown>;
  close(force?: boolean): Promise<void>;
  disconnect(): Promise<void>;
}

/** As much of BullMQ's Queue as is used, whatever its backend. */
interface Queue extends Connected {
  add(name: string, data: unknown, options: JobsOptions): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** As much of BullMQ's Worker as is used. */
interface Worker extends Connected {
  /** Ends the timer that renews locks, for a worker whose closing got stuck: it would run, and keep the process, for ever. */
  abandon(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'failed', listener: (job: unknown, error: Error) => void): unknown;
}

/** What differs between Redis and PostgreSQL: which classes, connected how. */
export interface BullmqClasses {
  newQueue(name: string): Queue;
  newWorker(name: string, run: JobHandler, options: Omit<WorkerOptions, 'connection' | 'prefix'>): Worker;
  /** False while an add could only wait. */
  reachable(): boolean;
  /** Ends the connections that queues and workers share. */
  disconnect(): Promise<void>;
}

/** BullMQ queues and workers, one per name, with a listener on everything that may emit an error. */
export class BullmqQueues implements QueueBackend {
  private readonly queues = new Map<string, Queue>();
  private readonly workers = new Map<string, Worker>();
  private readonly starting: Promise<void>[] = [];
  private readonly running = new Set<Promise<void>>();
  private closing = false;

  constructor(
    private readonly classes: BullmqClasses,
    private readonly onError: QueueErrorListener,
  ) {}

  async add(name: string, data: unknown, options: JobOptions): Promise<void> {
    if (this.closing || !this.classes.reachable()) throw unreachable();
    const { deduplicationId, jobId, delayMs } = options;
    const queue = await withinMs(this.openQueue(name), addTimeoutMs);
    const added = queue.add(name, data, {
      removeOnComplete: true,
      removeOnFail: true,
      ...(deduplicationId === undefined
        ? {}
        : { deduplication: { id: deduplicationId, keepLastIfActive: true } }),
      ...(jobId === undefined ? {} : { jobId }),
      ...(delayMs === undefined ? {} : { delay: delayMs }),
    });
    await withinMs(added, addTimeoutMs);
  }

  work(name: string, handler: JobHandler, concurrency: number): void {
    this.starting.push(this.startWorker(name, handler, concurrency));
  }

  async ready(names: readonly string[]): Promise<void> {
    const opened = names.map((name) => (this.classes.reachable() ? this.openQueue(name) : undefined));
    await withinMs(Promise.all([...opened, ...this.starting]), readyTimeoutMs).catch((error: unknown) =>
      this.report('start', error),
    );
  }

  async close(graceMs: number): Promise<void> {
    this.closing = true;
    const workers = [...this.workers.values()];
    const queues = [...this.queues.values()];
    // Without its server BullMQ would wait for answers that never come; then it is closed by force, once handlers are done.
    const force = !this.classes.reachable();
    const inOrder = async () => {
      // A worker on PostgreSQL that is closed before it is ready opens one more connection, which nobody closes.
      await Promise.allSettled(force ? this.running : this.starting);
      await Promise.allSettled(workers.map((worker) => worker.close(force)));
      await Promise.allSettled(queues.map((queue) => queue.close()));
    };
    await withinMs(inOrder(), graceMs).catch(() => {
      for (const worker of workers) worker.abandon();
      for (const part of [...workers, ...queues]) part.disconnect().catch(() => {});
    });
    await this.classes.disconnect();
  }

  /** A queue that is ready. One that could not get ready stays broken for ever (BullMQ), so it is thrown away. */
  private async openQueue(name: string): Promise<Queue> {
    const known = this.queues.get(name);
    const queue = known ?? this.classes.newQueue(name);
    if (known === undefined) {
      queue.on('error', (error) => this.report(`queue ${name}`, error));
      this.queues.set(name, queue);
    }
    try {
      await queue.waitUntilReady();
      return queue;
    } catch (error) {
      if (this.queues.get(name) === queue) this.queues.delete(name);
      queue.close().catch(() => {});
      throw error;
    }
  }

  private async startWorker(name: string, handler: JobHandler, concurrency: number): Promise<void> {
    while (!this.closing) {
      const worker = this.classes.newWorker(name, (data) => this.track(handler(data)), {
        concurrency,
        stalledInterval: stalledIntervalMs,
        lockDuration: lockDurationMs,
        maxStalledCount,
        drainDelay: drainDelaySeconds,
        runRetryDelay: retryAfterErrorMs,
      });
      worker.on('error', (error) => this.report(`worker ${name}`, error));
      worker.on('failed', (_job, error) => this.report(`job ${name}`, error));
      this.workers.set(name, worker);
      try {
        await worker.waitUntilReady();
        return;
      } catch (error) {
        // Like a queue, a worker that could not get ready never will.
        this.report(`worker ${name}`, error);
        worker.close(true).catch(() => {});
        await pause(retryAfterErrorMs);
      }
    }
  }

  private track(run: Promise<void>): Promise<void> {
    this.running.add(run);
    return run.finally(() => this.running.delete(run));
  }

  private report(where: string, error: unknown): void {
    // What breaks while everything is being closed is the closing.
    if (!this.closing) this.onError(where, error);
  }
}

function unreachable(): EngineError {
  return new EngineError(
    'unavailable',
    'QUEUE_UNREACHABLE',
    'the queue cannot be reached; the sweepers go on without it',
  );
}

async function withinMs<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(unreachable()), ms);
  });
  // The loser may still reject, long after anybody listens.
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms).unref();
  });
}
