/**
 * Message structures and how segments find their place in them.
 *
 * Grammar: `PID PD1? NTE* ORDER(ORC OBR OBSERVATION(OBX NTE*)*)+`; names in order, groups in parentheses, and
 * `?` optional, `*` any number, `+` at least one. A name may occur more than once in a group.
 */
export interface SegmentNode {
  readonly kind: 'segment';
  readonly name: string;
  readonly group: GroupNode;
  /** Place among the nodes of its group. */
  readonly slot: number;
  readonly required: boolean;
  readonly repeats: boolean;
  /** In order of the grammar, over the whole structure. */
  readonly index: number;
}

export interface GroupNode {
  readonly kind: 'group';
  /** '' for the message itself. */
  readonly name: string;
  readonly parent: GroupNode | undefined;
  readonly slot: number;
  readonly required: boolean;
  readonly repeats: boolean;
  readonly nodes: readonly (SegmentNode | GroupNode)[];
  readonly depth: number;
}

/** How to go from one segment's place to the next. */
export interface Transition {
  /** Stays in, or becomes again, this group; the instance is the open one unless `again`. */
  readonly anchor: GroupNode;
  /** A new instance of `anchor` is opened. */
  readonly again: boolean;
  /** Groups to open below `anchor`, outermost first. */
  readonly open: readonly GroupNode[];
  /** Undefined for a segment that the structure does not know. */
  readonly node: SegmentNode | undefined;
  /** The grammar does not allow it here: attached to the nearest open group. */
  readonly outOfPlace: boolean;
  /** Where the segment goes instead when an open group still lacks it. */
  readonly lacking?: Transition | undefined;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const tokenPattern = /\s*([A-Z][A-Z0-9_]*|[()?*+])/y;
const depthMax = 12;

export interface GrammarMistake {
  readonly offset: number;
  readonly message: string;
}

/** Reads a grammar; the mistake when it is none. */
export function parseStructure(grammar: string): Structure | GrammarMistake {
  const reader = new GrammarReader(grammar);
  const root = reader.read();
  return reader.mistake ?? new Structure(root, reader.segments);
}

class GrammarReader {
  readonly segments: SegmentNode[] = [];
  mistake: GrammarMistake | undefined;
  #offset = 0;
  readonly #grammar: string;

  constructor(grammar: string) {
    this.#grammar = grammar;
  }

  read(): GroupNode {
    const root = emptyGroup('', undefined, 0);
    this.#readNodes(root);
    if (this.#peek() !== undefined) this.#fail('a parenthesis too many');
    if (root.nodes.length === 0) this.#fail('a structure has at least one segment');
    return root;
  }

  #readNodes(group: Writable<GroupNode>): void {
    const nodes: (SegmentNode | GroupNode)[] = [];
    group.nodes = nodes;
    for (let name = this.#peek(); name !== undefined && name !== ')' && !this.mistake; name = this.#peek()) {
      if (!/^[A-Z]/.test(name)) return this.#fail(`'${name}' has no name before it`);
      this.#take();
      if (this.#peek() === '(') nodes.push(this.#readGroup(name, group, nodes.length));
      else nodes.push(this.#readSegment(name, group, nodes.length));
    }
  }

  #readGroup(name: string, parent: GroupNode, slot: number): GroupNode {
    const child = emptyGroup(name, parent, slot);
    this.#take();
    if (child.depth > depthMax) this.#fail('groups are nested too deep');
    else this.#readNodes(child);
    if (this.#peek() !== ')') this.#fail(`group ${name} is not closed`);
    this.#take();
    return Object.assign(child, this.#readSuffix());
  }

  #readSegment(name: string, group: GroupNode, slot: number): SegmentNode {
    if (!/^[A-Z][A-Z0-9]{2}$/.test(name)) this.#fail(`${name} is no segment name and opens no group`);
    const node: SegmentNode = {
      kind: 'segment',
      name,
      group,
      slot,
      index: this.segments.length,
      ...this.#readSuffix(),
    };
    this.segments.push(node);
    return node;
  }

  #readSuffix(): { required: boolean; repeats: boolean } {
    const suffix = this.#peek();
    if (suffix === '?' || suffix === '*' || suffix === '+') this.#take();
    return { required: suffix !== '?' && suffix !== '*', repeats: suffix === '*' || suffix === '+' };
  }

  #peek(): string | undefined {
    tokenPattern.lastIndex = this.#offset;
    const match = tokenPattern.exec(this.#grammar);
    if (!match && this.#grammar.slice(this.#offset).trim() !== '')
      this.#fail('a name, ( ) ? * or + is expected');
    return match?.[1];
  }

  #take(): void {
    tokenPattern.lastIndex = this.#offset;
    if (tokenPattern.exec(this.#grammar)) this.#offset = tokenPattern.lastIndex;
  }

  #fail(message: string): void {
    this.mistake ??= { offset: this.#offset, message };
  }
}

function emptyGroup(name: string, parent: GroupNode | undefined, slot: number): Writable<GroupNode> {
  const depth = parent ? parent.depth + 1 : 0;
  return { kind: 'group', name, parent, slot, required: false, repeats: false, nodes: [], depth };
}

/** A structure and its transitions, computed when first taken. */
export class Structure {
  readonly #transitions: Map<string, Transition>[];
  readonly #start = new Map<string, Transition>();

  constructor(
    readonly root: GroupNode,
    readonly segments: readonly SegmentNode[],
  ) {
    this.#transitions = segments.map(() => new Map<string, Transition>());
  }

  /** Where a segment `name` goes when the one before it stands at `from` (undefined: nothing came yet). */
  next(from: SegmentNode | undefined, name: string): Transition {
    const known = from ? this.#transitions[from.index] : this.#start;
    let transition = known?.get(name);
    if (!transition) {
      transition = this.#find(from, name);
      // Names come from messages; what the structure does not know must not fill the table.
      if (transition.node) known?.set(name, transition);
    }
    return transition;
  }

  #find(from: SegmentNode | undefined, name: string): Transition {
    const here = from?.group ?? this.root;
    const allowed = this.#forward(from, name, firstOf);
    if (allowed)
      return allowed.again ? { ...allowed, lacking: this.#required(here, name, allowed.anchor) } : allowed;
    // Segments that the grammar requires would be left out on the way there.
    const later = this.#forward(from, name, anyOf);
    if (later) return { ...later, lacking: this.#required(here, name, undefined) };
    return (
      this.#backward(here, name) ?? {
        anchor: here,
        again: false,
        open: [],
        node: undefined,
        outOfPlace: false,
      }
    );
  }

  /** As the grammar allows: the same segment again, later in the group, the group again, then the groups around. */
  #forward(from: SegmentNode | undefined, name: string, search: Search): Transition | undefined {
    if (from?.repeats && from.name === name) return direct(from.group, from);
    let group: GroupNode | undefined = from?.group ?? this.root;
    let slot = from ? from.slot + 1 : 0;
    let below: GroupNode | undefined;
    while (group) {
      const later: SegmentNode | undefined = below?.repeats
        ? (firstOf([below], name) ?? search(group.nodes.slice(slot), name))
        : search(group.nodes.slice(slot), name);
      if (later) return descend(group, later);
      if (group.repeats && group.parent) {
        const again: SegmentNode | undefined = firstOf(group.nodes, name);
        if (again) return { ...descend(group, again), again: true };
      }
      below = group;
      slot = group.slot + 1;
      group = group.parent;
    }
    return undefined;
  }

  /** The innermost open group, inside `outer`, that cannot be without `name`. */
  #required(here: GroupNode, name: string, outer: GroupNode | undefined): Transition | undefined {
    for (let group: GroupNode | undefined = here; group && group !== outer; group = group.parent) {
      const node = group.nodes.find(
        (child): child is SegmentNode => child.kind === 'segment' && child.name === name && child.required,
      );
      if (node) return { ...direct(group, node), outOfPlace: true };
    }
    return undefined;
  }

  /** Against the grammar: anywhere in the open groups, the innermost first. */
  #backward(here: GroupNode, name: string): Transition | undefined {
    for (let group: GroupNode | undefined = here; group; group = group.parent) {
      const node = group.nodes.find(
        (child): child is SegmentNode => child.kind === 'segment' && child.name === name,
      );
      if (node) return { ...direct(group, node), outOfPlace: true };
    }
    for (let group: GroupNode | undefined = here; group; group = group.parent) {
      const node = anyOf(group.nodes, name);
      if (node) return { ...descend(group, node), outOfPlace: true };
    }
    return undefined;
  }
}

type Search = (nodes: readonly (SegmentNode | GroupNode)[], name: string) => SegmentNode | undefined;

/** A segment that may come first: nothing required stands before it in its groups. */
function firstOf(nodes: readonly (SegmentNode | GroupNode)[], name: string): SegmentNode | undefined {
  for (const node of nodes) {
    if (node.kind === 'segment' && node.name === name) return node;
    const inside = node.kind === 'group' ? leading(node, name) : undefined;
    if (inside) return inside;
  }
  return undefined;
}

/** `name` where it may open `group`. */
function leading(group: GroupNode, name: string): SegmentNode | undefined {
  for (const node of group.nodes) {
    if (node.kind === 'segment' && node.name === name) return node;
    const inside = node.kind === 'group' ? leading(node, name) : undefined;
    if (inside) return inside;
    if (node.required) return undefined;
  }
  return undefined;
}

function anyOf(nodes: readonly (SegmentNode | GroupNode)[], name: string): SegmentNode | undefined {
  for (const node of nodes) {
    if (node.kind === 'segment' && node.name === name) return node;
    const inside = node.kind === 'group' ? anyOf(node.nodes, name) : undefined;
    if (inside) return inside;
  }
  return undefined;
}

function direct(group: GroupNode, node: SegmentNode): Transition {
  return { anchor: group, again: false, open: [], node, outOfPlace: false };
}

function descend(anchor: GroupNode, node: SegmentNode): Transition {
  const open: GroupNode[] = [];
  for (let group: GroupNode = node.group; group !== anchor; group = group.parent ?? anchor)
    open.unshift(group);
  return { anchor, again: false, open, node, outOfPlace: false };
}
