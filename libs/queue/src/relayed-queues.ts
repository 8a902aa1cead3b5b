import type { MessagePort } from 'node:worker_threads';
import { nearPace } from './nudge-pacer.js';
import type { JobHandler, JobOptions, QueueBackend, QueueErrorListener } from './queue-backend.js';
import { Queues } from './queues.js';

/** What a thread asks of the one that has the backend. */
type Asked =
  | { readonly kind: 'add'; readonly queue: string; readonly data: unknown; readonly options: JobOptions }
  | { readonly kind: 'work'; readonly queue: string; readonly concurrency: number }
  | { readonly kind: 'done'; readonly id: number; readonly failed: boolean };

/** A job on its way to a handler in the thread. */
interface Job {
  readonly id: number;
  readonly queue: string;
  readonly data: unknown;
}

/**
 * Queues for a thread without a backend of its own: whatever is added or worked on goes through `port` to the thread at its
 * other end, which calls `serveQueues`. A job says only where to look, so nothing of a message crosses here either (I6).
 */
export function relayedQueues(port: MessagePort, onError: QueueErrorListener): Queues {
  const backend = new RelayBackend(port, onError);
  return new Queues(() => Promise.resolve(backend), onError, { pace: nearPace });
}

class RelayBackend implements QueueBackend {
  private readonly handlers = new Map<string, JobHandler>();
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly port: MessagePort,
    private readonly onError: QueueErrorListener,
  ) {
    port.on('message', (job: Job) => this.run(job));
    // Waiting for jobs is no reason for a thread to live on.
    port.unref();
  }

  add(queue: string, data: unknown, options: JobOptions): Promise<void> {
    this.ask({ kind: 'add', queue, data, options });
    return Promise.resolve();
  }

  work(queue: string, handler: JobHandler, concurrency: number): void {
    this.handlers.set(queue, handler);
    this.ask({ kind: 'work', queue, concurrency });
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  async close(graceMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((done) => {
      timer = setTimeout(done, graceMs);
    });
    await Promise.race([Promise.all(this.running), late]);
    clearTimeout(timer);
    this.port.close();
  }

  private run({ id, queue, data }: Job): void {
    const handler = this.handlers.get(queue);
    const handled = handler === undefined ? Promise.resolve() : handler(data);
    const run: Promise<void> = handled
      .then(
        () => false,
        (error: unknown) => {
          this.onError(`job ${queue}`, error);
          return true;
        },
      )
      .then((failed) => {
        this.running.delete(run);
        this.ask({ kind: 'done', id, failed });
      });
    this.running.add(run);
  }

  private ask(asked: Asked): void {
    this.port.postMessage(asked);
  }
}

/** As if it had been asked for here: a worker of this process is called, the others hear of it through the backend. */
function relay(queues: Queues, { queue, data, options }: Extract<Asked, { kind: 'add' }>): void {
  if (options.deduplicationId === undefined) void queues.send(queue, data, options);
  else queues.nudge(queue, options.deduplicationId, data);
}

/** Does what the thread at the other end of `port` asks of `relayedQueues`, until the port closes. */
export function serveQueues(port: MessagePort, queues: Queues): void {
  const waiting = new Map<number, () => void>();
  let lastId = 0;
  let closed = false;
  const handle = (queue: string, data: unknown): Promise<void> =>
    new Promise((done) => {
      if (closed) {
        done();
        return;
      }
      waiting.set(++lastId, done);
      port.postMessage({ id: lastId, queue, data } satisfies Job);
    });
  port.on('message', (asked: Asked) => {
    switch (asked.kind) {
      case 'add':
        relay(queues, asked);
        break;
      case 'work':
        queues.work(asked.queue, (data) => handle(asked.queue, data), { concurrency: asked.concurrency });
        break;
      case 'done':
        waiting.get(asked.id)?.();
        waiting.delete(asked.id);
        break;
    }
  });
  // The thread is gone, in order or not: nobody waits for an answer of it, and its sweeps have ended with it.
  port.on('close', () => {
    closed = true;
    for (const done of waiting.values()) done();
    waiting.clear();
  });
}
