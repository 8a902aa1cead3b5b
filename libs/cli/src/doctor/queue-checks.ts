import { isEngineError } from '#kernel';
import type { CommandSettings } from '../settings.js';
import { type Finding, fail, ok } from './finding.js';

/** Redis, if it is to carry the nudges: reachable, and never throws jobs away. */
export async function checkQueue({ redisUrl }: CommandSettings): Promise<Finding> {
  if (redisUrl === undefined) return ok('queue', 'BullMQ on the database');
  const { openQueues } = await import('#queue');
  try {
    const queues = await openQueues({ kind: 'redis', url: redisUrl, prefix: 'suture-doctor' }, () => {
      // What ends the attempt is thrown below.
    });
    await queues.close();
    return ok('queue', 'BullMQ on Redis, policy noeviction');
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return fail('queue', error.message, 'messages flow without it, up to half a second slower; mend Redis');
  }
}
