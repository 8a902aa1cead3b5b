import type { PatchSource } from './mapping-file.js';
import type { Problems } from './problems.js';
import {
  checkKeys,
  listOf,
  readDrops,
  readKeyParts,
  readName,
  readUses,
  readWhen,
  textOf,
} from './read-keys.js';
import { readRulePatches } from './read-rule.js';
import { readSteps } from './read-steps.js';
import { entryOf, type MapNode } from './yaml-node.js';

export const patchKeys = ['patch', 'note', 'uses', 'when', 'key', 'set', 'remove', 'drop', 'steps'] as const;

/** What a layer changes in a map; whether the map has what it changes is seen when layers are put together. */
export function readPatch(node: MapNode, file: string, problems: Problems): PatchSource | undefined {
  checkKeys(node, patchKeys, problems);
  const name = readName(node, 'patch', problems);
  const set = entryOf(node, 'set');
  const steps = entryOf(node, 'steps');
  const patch = {
    set: set ? readRulePatches(set.value, problems) : [],
    remove: listOf(entryOf(node, 'remove')).flatMap((item) => textOf(item, 'remove', problems) ?? []),
    drop: readDrops(node, problems),
    when: readWhen(node, problems),
    key: readKeyParts(node, problems),
    uses: readUses(node, problems),
    steps: steps ? readSteps(steps, node, problems) : [],
  };
  return name && { kind: 'patch', name: name.text, file, place: name.place, ...patch };
}
