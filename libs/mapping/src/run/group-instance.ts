import type { Message, Segment } from '#hl7v2';
import type { GroupNode, SegmentNode, Structure, Transition } from '../dictionary/structure.js';

/** One occurrence of a segment group in a message. */
export class GroupInstance {
  /** Per node of the group, in order of the grammar: its segments or group occurrences. */
  readonly slots: (Segment[] | GroupInstance[] | undefined)[];
  /** Segments that the structure does not know, Z-segments among them. */
  extras: Segment[] | undefined;

  constructor(
    readonly node: GroupNode,
    readonly parent: GroupInstance | undefined,
  ) {
    this.slots = new Array<undefined>(node.nodes.length).fill(undefined);
  }

  segments(slot: number): readonly Segment[] | undefined {
    return this.slots[slot] as Segment[] | undefined;
  }

  groups(slot: number): readonly GroupInstance[] | undefined {
    return this.slots[slot] as GroupInstance[] | undefined;
  }

  addSegment(slot: number, segment: Segment): void {
    const list = this.slots[slot] as Segment[] | undefined;
    if (list) list.push(segment);
    else this.slots[slot] = [segment];
  }

  /** Opens an occurrence of `node`; a group that cannot repeat is opened once. */
  open(node: GroupNode): GroupInstance {
    const list = this.slots[node.slot] as GroupInstance[] | undefined;
    const last = list?.at(-1);
    if (last && !node.repeats) return last;
    const instance = new GroupInstance(node, this);
    if (list) list.push(instance);
    else this.slots[node.slot] = [instance];
    return instance;
  }
}

/**
 * Puts every segment of a message into the groups of its structure. Tolerant: a segment out of place goes to the
 * nearest open group and is told to `outOfPlace`; an unknown one to the group that is open.
 */
export function placeSegments(
  message: Message,
  structure: Structure,
  outOfPlace: (segment: Segment) => void,
): GroupInstance {
  const root = new GroupInstance(structure.root, undefined);
  let current = root;
  let at: SegmentNode | undefined;
  for (const segment of message.segments) {
    let step = structure.next(at, segment.name);
    if (step.lacking && lacks(current, step.lacking)) step = step.lacking;
    if (!step.node) {
      current.extras ??= [];
      current.extras.push(segment);
      continue;
    }
    let group = openInstance(current, step.anchor);
    if (step.again && group.parent) group = group.parent.open(step.anchor);
    for (const node of step.open) group = group.open(node);
    group.addSegment(step.node.slot, segment);
    if (step.outOfPlace) {
      outOfPlace(segment);
      continue;
    }
    current = group;
    at = step.node;
  }
  return root;
}

/** The open occurrence of `node`, from the innermost one outwards. */
function openInstance(current: GroupInstance, node: GroupNode): GroupInstance {
  let group = current;
  while (group.node !== node && group.parent) group = group.parent;
  return group;
}

function lacks(current: GroupInstance, step: Transition): boolean {
  return step.node !== undefined && openInstance(current, step.anchor).segments(step.node.slot) === undefined;
}
