/** What is said about one job when it is added; both backends understand it alike. */
export interface JobOptions {
  /** At most one active and one waiting job have this id; asked for while active, it runs once more afterwards. */
  readonly deduplicationId?: string;
  /** A job of its own: the same id again is dropped while the backend remembers it, so it must contain the attempt. */
  readonly jobId?: string;
  readonly delayMs?: number;
}

export type JobHandler = (data: unknown) => Promise<void>;

/** Told what went wrong outside of any call; never message content. */
export type QueueErrorListener = (where: string, error: unknown) => void;

/**
 * One way to run BullMQ. After a crash, and after the backend lost everything it knew, jobs may be missing or run once
 * more: they only say where to look.
 */
export interface QueueBackend {
  /** Rejects soon when the backend cannot be reached; never waits for it to come back. */
  add(queue: string, data: unknown, options: JobOptions): Promise<void>;
  /** Runs `handler` for the jobs of `queue`, at most `concurrency` at one time, until closed. */
  work(queue: string, handler: JobHandler, concurrency: number): void;
  /** Resolves when every worker takes jobs and `queues` can be added to, or after a bounded time without the backend. */
  ready(queues: readonly string[]): Promise<void>;
  /** Takes no more jobs, waits for running ones at most `graceMs`, closes every connection. */
  close(graceMs: number): Promise<void>;
}
