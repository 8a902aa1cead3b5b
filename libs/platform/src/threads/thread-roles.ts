import type { DeliverNudge } from '../deliver-role.js';
import type { RoleServices } from '../services.js';
import type { ThreadRoleName } from './thread-protocol.js';

/** A role as a thread runs it: plain classes, without Nest, whose modules would cost each thread 15 MB. */
export interface ThreadRole {
  /** Resolves with what a person should know once it runs. */
  start(): Promise<readonly string[]>;
  stop(): Promise<void>;
  trouble(): string | undefined;
}

/** Builds a role; a thread loads the code of its own role only. */
export const openRole: Readonly<Record<ThreadRoleName, (services: RoleServices) => Promise<ThreadRole>>> = {
  ingest: (services) => openIngest(services, 'mllp'),
  files: (services) => openIngest(services, 'files'),
  deliver: async (services) => {
    const { DeliverRole } = await import('../deliver-role.js');
    const role = new DeliverRole(services);
    return {
      start: () => {
        services.queues.work('deliver', (nudge) => role.wake(nudge as DeliverNudge));
        role.start();
        return Promise.resolve([]);
      },
      stop: () => role.stop(),
      trouble: () => role.trouble(),
    };
  },
};

async function openIngest(services: RoleServices, kind: 'mllp' | 'files'): Promise<ThreadRole> {
  const { IngestRole } = await import('../ingest-role.js');
  const role = await IngestRole.open(services, kind);
  return {
    start: () => role.start(role.receive),
    stop: () => role.stop(),
    trouble: () => role.trouble(),
  };
}
