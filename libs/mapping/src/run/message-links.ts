import type { FhirObject, FhirValue } from '#fhir';
import type { Segment } from '#hl7v2';
import type { GroupInstance } from './group-instance.js';
import type { Mapped } from './mapped.js';
import type { Run } from './run.js';

/** A label; undefined when some part of it has no value. */
export type LabelReader = (run: Run) => string | undefined;

interface ParentChoice {
  readonly read: LabelReader;
  /** The field that tells the parent. */
  readonly told: { first(run: Run): number } | undefined;
  /** Its number when it is of the segment at hand, else 0. */
  readonly ownField: number;
  /** It is of a group around that of the segment, so that segments of one group need not look one by one. */
  readonly isAround: boolean;
}

/** An element of the parent that lists the resource. */
export interface ParentLinks {
  readonly element: string;
  readonly rule: number;
  readonly choices: readonly ParentChoice[];
  readonly isOn: (() => boolean) | undefined;
}

export interface PlanLinks {
  readonly labels: readonly LabelReader[];
  readonly parents: readonly ParentLinks[];
}

/** A resource with labels, and where it was made: its labels are read only when somebody looks for them. */
interface Labelled {
  readonly mapped: Mapped;
  readonly labels: readonly LabelReader[];
  readonly segment: Segment;
  readonly group: GroupInstance | undefined;
}

interface Child {
  readonly mapped: Mapped;
  readonly parent: ParentLinks;
  /** Beside its choices. */
  readonly wanted: readonly (string | undefined)[];
  readonly segment: Segment;
  readonly group: GroupInstance | undefined;
}

/** What an element of a parent gets. */
interface Listed {
  readonly references: Set<FhirObject>;
  /** The last one that said so. */
  readonly rule: number;
}

/** Two have one label: nobody can tell which is meant. */
const several = Symbol('several');

/**
 * Resources of one message that belong together by what they say: the child names its parent, which may stand anywhere
 * in the message and gets a reference to it. Nothing is guessed: a label that two resources have leads to none.
 */
export class MessageLinks {
  #labelled: Labelled[] = [];
  #children: Child[] = [];
  /** Choices of which the groups in `#around` have nothing to tell. */
  #silent = new Set<ParentChoice>();
  #around: GroupInstance | undefined;

  begin(): void {
    this.#labelled = [];
    this.#children = [];
    this.#around = undefined;
  }

  /** A resource was made of the segment that the run is at. */
  made(run: Run, { labels, parents }: PlanLinks, mapped: Mapped, segment: Segment): void {
    const { group } = run;
    if (labels.length > 0) this.#labelled.push({ mapped, labels, segment, group });
    run.segment = segment;
    if (group?.parent !== this.#around) {
      this.#around = group?.parent;
      if (this.#silent.size > 0) this.#silent = new Set();
    }
    for (const parent of parents) {
      let wanted: (string | undefined)[] | undefined;
      for (let i = 0; i < parent.choices.length; i++) {
        const choice = parent.choices[i] as ParentChoice;
        if (!this.#tells(run, choice, segment)) continue;
        const label = choice.read(run);
        if (label === undefined) continue;
        wanted ??= [];
        wanted[i] = label;
      }
      if (wanted && parent.isOn?.() !== false)
        this.#children.push({ mapped, parent, wanted, segment, group });
    }
  }

  /** Whether the field is valued that tells the parent; nearly always it is not, which must cost nothing. */
  #tells(run: Run, choice: ParentChoice, segment: Segment): boolean {
    const { told, ownField, isAround } = choice;
    if (ownField > 0) return segment.isValued(ownField);
    if (!told || !isAround) return true;
    if (this.#silent.has(choice)) return false;
    if (told.first(run) >= 0) return true;
    this.#silent.add(choice);
    return false;
  }

  /** At the end of the message: every parent lists its children. */
  finish(run: Run): void {
    const children = this.#children;
    if (children.length > 0) {
      const index = this.#index(run);
      const lists = new Map<Mapped, Map<string, Listed>>();
      const { lineage } = run;
      const begin = lineage?.length ?? 0;
      for (const child of children) {
        const choice = child.wanted.findIndex((label) => isFound(index, label, child.mapped));
        if (choice < 0) continue;
        const found = index.get(child.wanted[choice] ?? '') as Mapped;
        addTo(lists, found, child);
        const before = lineage?.length ?? 0;
        mark(run, child, choice);
        lineage?.made(child.mapped.reference, before);
      }
      for (const [mapped, elements] of lists) {
        for (const [element, { references, rule }] of elements) {
          const { resource } = mapped;
          const list = append(mapped, element, [...references]);
          lineage?.joins(mapped.resource, resource);
          lineage?.wrote(mapped.resource, element, list, rule, undefined, begin);
        }
      }
    }
    this.begin();
  }

  #index(run: Run): Map<string, Mapped | typeof several> {
    const index = new Map<string, Mapped | typeof several>();
    run.rule = 0;
    for (const { mapped, labels, segment, group } of this.#labelled) {
      run.segment = segment;
      run.group = group;
      for (const read of labels) {
        const label = read(run);
        if (label === undefined) continue;
        const known = index.get(label);
        index.set(label, known === undefined || known === mapped ? mapped : several);
      }
    }
    return index;
  }
}

function isFound(
  index: ReadonlyMap<string, Mapped | typeof several>,
  label: string | undefined,
  child: Mapped,
): boolean {
  const found = label === undefined ? undefined : index.get(label);
  return found !== undefined && found !== several && found !== child;
}

function addTo(
  lists: Map<Mapped, Map<string, Listed>>,
  mapped: Mapped,
  { parent: { element, rule }, mapped: { reference } }: Child,
): void {
  const elements = lists.get(mapped) ?? new Map<string, Listed>();
  lists.set(mapped, elements);
  const listed = elements.get(element) ?? { references: new Set(), rule };
  elements.set(element, listed);
  listed.references.add(reference);
}

function mark(run: Run, { parent, segment, group }: Child, choice: number): void {
  run.segment = segment;
  run.group = group;
  run.rule = parent.rule;
  const start = parent.choices[choice]?.told?.first(run) ?? -1;
  if (start >= 0) run.markAll(start, run.end);
  run.rule = 0;
}

/** What was there stays as it is: it may be remembered. */
function append(mapped: Mapped, element: string, references: readonly FhirValue[]): FhirValue[] {
  const before = mapped.resource[element];
  const list = Array.isArray(before) ? [...before, ...references] : [...references];
  mapped.resource = { ...mapped.resource, [element]: list };
  mapped.remembered = false;
  return list;
}
