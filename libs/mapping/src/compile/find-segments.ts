import type { GroupNode } from '../dictionary/structure.js';

export interface SegmentPlace {
  /** The group the segments stand in. */
  readonly group: GroupNode;
  /** Slots of the groups on the way down. */
  readonly groups: readonly number[];
  readonly slots: readonly number[];
}

interface Candidate {
  readonly group: GroupNode;
  readonly path: readonly GroupNode[];
}

/**
 * Where in `group` or below it the segment `name` stands; `way` is the name, or groups and the name (`SPECIMEN.OBX`).
 * The nearest place wins; a text says why there is none.
 */
export function findSegments(group: GroupNode, way: string, name: string): SegmentPlace | string {
  const names = way.split('.');
  if (names.at(-1) !== name) return `from: ${way} does not end in ${name}, which the map reads`;
  const wanted = names.slice(0, -1);
  let level: Candidate[] = [{ group, path: [] }];
  while (level.length > 0) {
    const found = level.filter(
      (one) =>
        endsWith(one.path, wanted) &&
        one.group.nodes.some((node) => node.kind === 'segment' && node.name === name),
    );
    const [first, second] = found;
    if (second) return `${name} stands in ${found.map((one) => one.group.name).join(' and ')}`;
    if (first) return placeOf(first, name);
    level = level.flatMap(({ group: one, path }) =>
      one.nodes.flatMap((node) => (node.kind === 'group' ? [{ group: node, path: [...path, node] }] : [])),
    );
  }
  return `${group.name === '' ? 'the message' : group.name} has no segment ${way}`;
}

function endsWith(path: readonly GroupNode[], wanted: readonly string[]): boolean {
  const tail = path.slice(path.length - wanted.length).map((group) => group.name);
  return wanted.length <= path.length && wanted.every((name, i) => tail[i] === name);
}

function placeOf({ group, path }: Candidate, name: string): SegmentPlace {
  const slots = group.nodes.flatMap((node) =>
    node.kind === 'segment' && node.name === name ? [node.slot] : [],
  );
  return { group, groups: path.map((one) => one.slot), slots };
}
