import type { GroupNode } from '../dictionary/structure.js';

/** The groups from `group` down to the one called `name` (`A.B` or `B`); breadth first. */
export function groupPath(group: GroupNode, name: string): GroupNode[] | undefined {
  let level: GroupNode[][] = [[]];
  while (level.length > 0) {
    const next: GroupNode[][] = [];
    for (const path of level) {
      for (const node of (path.at(-1) ?? group).nodes) {
        if (node.kind !== 'group') continue;
        const longer = [...path, node];
        if (node.name === name) return longer;
        next.push(longer);
      }
    }
    level = next;
  }
  return undefined;
}

/** All groups below it. */
export function groupNames(group: GroupNode): string[] {
  return group.nodes.flatMap((node) => (node.kind === 'group' ? [node.name, ...groupNames(node)] : []));
}
