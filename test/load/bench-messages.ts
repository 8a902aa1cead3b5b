import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTemplates, type MessageTemplate } from './message-templates.js';

/** The repository root, from dist/test/load and from test/load alike. */
export const repositoryRoot = fileURLToPath(
  new URL(import.meta.url.includes('/dist/test/') ? '../../../' : '../../', import.meta.url),
);

/**
 * The messages of the benchmarks: the 20 with which the strongest open engine was measured where they are at hand, so
 * that figures compare, else our own. `directory` names others.
 */
export function benchMessages(directory?: string): { templates: MessageTemplate[]; origin: string } {
  if (directory !== undefined) return { templates: loadTemplates(directory), origin: directory };
  const peer = join(repositoryRoot, '..', 'shared', 'bench', 'messages-peer');
  if (existsSync(peer))
    return { templates: loadTemplates(peer), origin: 'the 20 messages of ../shared/bench/messages-peer' };
  const own = ['adt-a01', 'oru-r01'].flatMap((name) =>
    loadTemplates(join(repositoryRoot, 'test/fixtures/hl7v2', name)),
  );
  return { templates: own, origin: 'our own (../shared is absent: figures do not compare with others)' };
}
