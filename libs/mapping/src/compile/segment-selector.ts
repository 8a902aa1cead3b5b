import type { Segment } from '#hl7v2';
import type { GroupInstance } from '../run/group-instance.js';
import type { Run } from '../run/run.js';

/** The segments a path reads; undefined when there are none. */
export type SegmentSelector = (run: Run) => readonly Segment[] | undefined;

/** Segments whose field is one of the words: `OBX[2=TX,FT]`. */
export interface SegmentFilter {
  readonly field: number;
  readonly words: readonly string[];
}

/** Climbs `up` groups and takes what stands in these slots. */
export function slotSelector(up: number, slots: readonly number[]): SegmentSelector {
  const [slot] = slots;
  if (slots.length === 1 && slot !== undefined && up === 0) return (run) => run.group?.segments(slot);
  if (slots.length === 1 && slot !== undefined) return (run) => climb(run, up)?.segments(slot);
  return (run) => {
    const group = climb(run, up);
    return group && slots.flatMap((one) => group.segments(one) ?? []);
  };
}

/** Climbs `up` groups, descends through all groups on the way, and takes the segments at the end. */
export function descendingSelector(up: number, path: readonly number[]): SegmentSelector {
  return (run) => {
    const top = climb(run, up);
    const found: Segment[] = [];
    if (top) descend(top, path, 0, found);
    return found;
  };
}

function descend(group: GroupInstance, path: readonly number[], depth: number, found: Segment[]): void {
  const slot = path[depth] ?? 0;
  if (depth === path.length - 1) {
    for (const segment of group.segments(slot) ?? []) found.push(segment);
    return;
  }
  for (const inner of group.groups(slot) ?? []) descend(inner, path, depth + 1, found);
}

/** Segments that the structure does not know, in this group or the groups around it. */
export function extraSelector(name: string): SegmentSelector {
  return (run) => {
    for (let group = run.group; group; group = group.parent) {
      const found = group.extras?.filter((segment) => segment.name === name);
      if (found && found.length > 0) return found;
    }
    return undefined;
  };
}

/** Those of the segments of which a field is one of the words. */
export function filteredSelector(select: SegmentSelector, { field, words }: SegmentFilter): SegmentSelector {
  return (run) => select(run)?.filter((segment) => words.includes(segment.raw(field)));
}

function climb(run: Run, up: number): GroupInstance | undefined {
  let group = run.group;
  for (let i = up; i > 0 && group; i--) group = group.parent;
  return group;
}
