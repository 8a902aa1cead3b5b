import type { RoleServices } from '../services.js';
import type { ThreadRoleName } from './thread-protocol.js';

/** A role as a thread runs it: plain classes, without Nest, whose modules would cost each thread 15 MB. */
export interface ThreadRole {
  /** Resolves with what a person should know once it runs. */
  start(): Promise<readonly string[]>;
  stop(): Promise<void>;
  trouble(): string | undefined;
}

/** Nudges only wake, so few at one time are plenty. */
const nudgesAtATime = 4;

/** Builds a role. A thread loads the code of its own role only. */
export async function openRole(name: ThreadRoleName, services: RoleServices): Promise<ThreadRole> {
  switch (name) {
    case 'ingest': {
      const { IngestRole } = await import('../ingest-role.js');
      const role = await IngestRole.open(services);
      return {
        start: () => role.start(role.receive),
        stop: () => role.stop(),
        trouble: () => role.trouble(),
      };
    }
    case 'transform': {
      const { TransformRole } = await import('../transform-role.js');
      const role = new TransformRole(services);
      return {
        start: () => {
          services.queues.work('transform', () => Promise.resolve(role.wake()), {
            concurrency: nudgesAtATime,
          });
          role.start();
          return Promise.resolve(role.problems.map((problem) => `not used: ${problem}`));
        },
        stop: () => role.stop(),
        trouble: () => role.trouble(),
      };
    }
  }
}
