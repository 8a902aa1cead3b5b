import type { Redis } from 'ioredis';
import { EngineError } from '#kernel';
import { BullmqQueues } from './bullmq-queues.js';
import type { QueueBackend, QueueErrorListener } from './queue-backend.js';
import { RedisConnections } from './redis-connections.js';

const connectWaitMs = 3_000;
const commandTimeoutMs = 2_000;

/**
 * BullMQ on Redis. Refuses a Redis that may evict keys. A Redis that is away, at the start or later, is waited for in the
 * background, and may come back empty: until then adding fails at once, and nothing is buffered.
 */
export async function openRedisBackend(
  url: string,
  prefix: string,
  onError: QueueErrorListener,
): Promise<QueueBackend> {
  const [{ Queue, Worker }, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
  class AbandonableWorker extends Worker {
    abandon(): void {
      void this.lockManager.close();
    }
  }
  const connections = new RedisConnections(Redis, url);
  const producer = connections.connect({
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
  });
  const consumer = connections.connect({ maxRetriesPerRequest: null });
  const gate = new EvictionGate(producer, onError);
  for (const client of [producer, consumer]) client.on('error', (error) => onError('redis', error));
  try {
    await gate.firstAnswer(connectWaitMs);
  } catch (error) {
    connections.close();
    throw error;
  }
  return new BullmqQueues(
    {
      newQueue: (name) => new Queue(name, { connection: producer, prefix }),
      newWorker: (name, run, options) =>
        new AbandonableWorker(name, (job) => run(job.data), { ...options, connection: consumer, prefix }),
      reachable: () => producer.status === 'ready' && gate.open,
      disconnect: () => Promise.resolve(connections.close()),
    },
    onError,
  );
}

/**
 * Lets nothing through while Redis may evict keys (BullMQ's bookkeeping would lose parts of itself), asked anew at every
 * connection: what comes back may be another Redis.
 */
class EvictionGate {
  open = false;
  private answer: ((error: EngineError | undefined) => void) | undefined;

  constructor(redis: Redis, onError: QueueErrorListener) {
    redis.on('ready', () => {
      void evictionPolicy(redis).then(
        (policy) => {
          this.open = policy === 'noeviction';
          const error = this.open ? undefined : refusal(policy);
          if (error !== undefined && this.answer === undefined) onError('redis', error);
          this.answer?.(error);
        },
        // Gone again before it answered: the next connection asks again.
        (error: unknown) => onError('redis', error),
      );
    });
    redis.on('close', () => {
      this.open = false;
    });
  }

  /** Resolves when Redis was found to be in order, or has not answered in time; rejects when it must not be used. */
  async firstAnswer(waitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const error = await new Promise<EngineError | undefined>((done) => {
      this.answer = done;
      timer = setTimeout(() => done(undefined), waitMs);
    });
    clearTimeout(timer);
    this.answer = undefined;
    if (error !== undefined) throw error;
  }
}

/** From INFO, which managed offerings leave open while they close CONFIG. */
async function evictionPolicy(redis: Redis): Promise<string> {
  const line = (await redis.info('memory'))
    .split('\r\n')
    .find((each) => each.startsWith('maxmemory_policy:'));
  return line?.slice('maxmemory_policy:'.length) ?? 'unknown';
}

function refusal(policy: string): EngineError {
  return new EngineError(
    'misconfigured',
    'REDIS_EVICTION',
    `Redis runs with maxmemory-policy ${policy} and could drop parts of a queue. ` +
      'Set maxmemory-policy noeviction (redis.conf, or CONFIG SET), or unset REDIS_URL.',
  );
}
