import type { Segment } from '#hl7v2';
import type { GroupInstance } from '../run/group-instance.js';
import type { Mapped } from '../run/mapped.js';
import type { Run } from '../run/run.js';
import type { SegmentPlace } from './find-segments.js';
import type { ResourcePlan } from './resource-plan.js';

/** Does one step of a message map in one occurrence of a group. */
export type RunStep = (run: Run, group: GroupInstance) => void;

/** A step, and the segments of which one must be in the message for it to do anything, as bits. */
export interface StepOfSegments {
  readonly run: RunStep;
  readonly segments: number;
}

export interface StepCondition {
  readonly holds: (run: Run) => boolean;
  /** Fields without which it cannot hold, as bits. */
  readonly fields: number;
}

export interface StepOptions {
  /** Slot of the name that what is made gets. */
  readonly name: number | undefined;
  readonly when: StepCondition | undefined;
  readonly made: ((run: Run, mapped: Mapped, segment: Segment) => void) | undefined;
}

/** Runs a plan over the segments in a slot of the groups that `path` leads to. */
export function createStep(
  plan: ResourcePlan,
  path: Pick<SegmentPlace, 'groups' | 'slots'>,
  { name, when, made }: StepOptions,
): RunStep {
  const one = (run: Run, group: GroupInstance): void => {
    run.group = group;
    for (const slot of path.slots) {
      const segments = group.segments(slot);
      if (!segments) continue;
      for (const segment of segments) {
        if (when) {
          if (when.fields !== -1 && (segment.valued & when.fields) === 0) continue;
          run.segment = segment;
          if (!when.holds(run)) continue;
        }
        const mapped = plan.ofSegment(run, segment);
        if (!mapped) continue;
        if (name !== undefined) addName(run, name, mapped);
        made?.(run, mapped, segment);
      }
    }
  };
  if (path.groups.length === 0) return one;
  return (run, instance) => {
    inGroups(run, instance, path.groups, 0, one);
  };
}

/** Does a step in all groups that `slots` lead to. */
function inGroups(
  run: Run,
  group: GroupInstance,
  slots: readonly number[],
  depth: number,
  step: RunStep,
): void {
  const slot = slots[depth];
  if (slot === undefined) {
    step(run, group);
    return;
  }
  const inner = group.groups(slot);
  if (inner) for (const one of inner) inGroups(run, one, slots, depth + 1, step);
}

export function addName(run: Run, slot: number, mapped: Mapped): void {
  const list = run.names[slot] as Mapped[] | undefined;
  if (!list || list.length === 0) run.startName(slot, mapped);
  else if (!isListed(list, mapped)) list.push(mapped);
}

const members = new WeakMap<readonly Mapped[], Set<Mapped>>();

/** A long list gets a set beside it, or a message of 100,000 results would be searched 100,000 times. */
function isListed(list: readonly Mapped[], mapped: Mapped): boolean {
  if (list.length < 32) return list.includes(mapped);
  let set = members.get(list);
  if (!set) {
    set = new Set(list);
    members.set(list, set);
  }
  if (set.has(mapped)) return true;
  set.add(mapped);
  return false;
}
