import { BullmqQueues } from './bullmq-queues.js';
import type { QueueBackend, QueueErrorListener } from './queue-backend.js';

/** Connections per queue and per worker, beside the worker's one that listens. */
const connectionsEach = 2;
const connectTimeoutMs = 2_000;
const queryTimeoutMs = 10_000;

/**
 * BullMQ in the engine's own PostgreSQL, schema `bullmq`, made at the first start. Its commits need not be durable, since
 * losing a nudge is harmless; so they do not wait for the disk that journal and packs wait for.
 */
export async function openPostgresBackend(url: string, onError: QueueErrorListener): Promise<QueueBackend> {
  const { createPostgresBackend, PostgresConnection, withBackend } = await import('bullmq');
  const { Queue, Worker } = withBackend(createPostgresBackend);
  class AbandonableWorker extends Worker {
    abandon(): void {
      void this.lockManager.close();
    }
  }
  const connection = {
    connectionString: url,
    max: connectionsEach,
    // Closing idle connections would make the first nudge after a pause wait for a new one.
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    options: '-c synchronous_commit=off',
  };
  const migrator = new PostgresConnection({ ...connection, max: 1, migrate: true });
  try {
    await migrator.waitUntilReady();
  } finally {
    await migrator.close();
  }
  return new BullmqQueues(
    {
      newQueue: (name) => new Queue(name, { connection }),
      newWorker: (name, run, options) =>
        new AbandonableWorker(name, (job) => run(job.data), { ...options, connection }),
      // Without its server every query fails at once.
      reachable: () => true,
      disconnect: () => Promise.resolve(),
    },
    onError,
  );
}
