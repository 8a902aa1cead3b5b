import type { XmlElement } from '#cda';
import type { FhirObject } from '#fhir';
import type { Segment } from '#hl7v2';
import { stableId } from '#kernel';
import type { MergeMode } from '../mapping-result.js';
import { gather } from '../run/gather.js';
import { claimedAs, share, sharingOf } from '../run/key-sharing.js';
import type { Mapped } from '../run/mapped.js';
import { mergeWithin, sameContent } from '../run/merge-within.js';
import { innerOf, meet, noneMet } from '../run/met.js';
import type { Run } from '../run/run.js';
import { noteDrops, type XmlDrop } from '../run/xml-drops.js';
import { LiveRules } from './live-rules.js';
import type { Need } from './need.js';
import { PlanMemory } from './plan-memory.js';
import type { SurroundingReads } from './plan-reads.js';
import { type FillAll, type SetRule, unrolledFill } from './unrolled.js';

/** Reads text without marking it as mapped: for keys and conditions. */
export type ReadText = (run: Run) => string | undefined;

/** Sets elements of `target`; false when there was nothing to set. */
export type Setter = (run: Run, target: FhirObject) => boolean;

export interface ElementSetter extends SetRule {
  /** Name of the element, choices without their type. */
  readonly element: string;
  /** What must be there for it to set anything. */
  readonly need: Need;
}

export interface PlanFacts {
  readonly name: string;
  readonly type: string;
  readonly merge: MergeMode;
  /** Several segments make one resource: what they say is joined. */
  readonly gathers: boolean;
  /** It reads a value, not a segment. */
  readonly isValue: boolean;
  /** It reads an element of a document: what of it is dropped on purpose. Undefined: a segment or a value. */
  readonly drops: readonly XmlDrop[] | undefined;
  /** Tells plans apart in the cache of values. */
  readonly number: number;
  /** Without it nothing is made. */
  readonly when: ((run: Run) => boolean) | undefined;
  /** Fields without which `when` cannot hold, as bits. */
  readonly whenFields: number;
  readonly key: readonly ReadText[];
  /** Of each part of the key whether it says which one this is: the id of a named resource says only whose. */
  readonly telling: readonly boolean[];
  readonly setters: readonly ElementSetter[];
  /** Members of which at least one must be there, per required element. */
  readonly required: readonly (readonly string[])[];
  /** What it reads beside its segment or value. */
  readonly surroundings: SurroundingReads;
  /** The fields it reads of its segment, where only these may go into a key: the rest of the segment never comes again. */
  readonly fields: readonly number[] | undefined;
}

const noRemovals: string[] = [];

/** A resource map, compiled for one place in one message map. */
export class ResourcePlan {
  readonly #memory: PlanMemory;
  readonly #setters: LiveRules<ElementSetter, FillAll>;

  constructor(readonly facts: PlanFacts) {
    this.#memory = new PlanMemory(facts.surroundings, facts.fields, facts.isValue);
    this.#setters = new LiveRules(facts.setters, (setters) =>
      unrolledFill(setters, facts.merge === 'update'),
    );
  }

  /** The resource of a segment, in the group it stands in; undefined when it is refused. */
  ofSegment(run: Run, segment: Segment): Mapped | undefined {
    const { whenFields } = this.facts;
    if (whenFields !== -1 && (segment.valued & whenFields) === 0) return undefined;
    const outer = run.segment;
    run.segment = segment;
    const mapped = this.#made(run, segment.start, segmentEnd(run, segment), segment);
    run.segment = outer;
    return mapped;
  }

  /** The resource of an element; undefined when it is refused, or there is nothing in it. */
  ofElement(run: Run, element: XmlElement): Mapped | undefined {
    const { whenFields } = this.facts;
    if (whenFields !== -1 && (element.bits & whenFields) === 0) return undefined;
    const outer = run.element;
    run.element = element;
    const mapped = this.fresh(run, element.start, element.end);
    const { drops } = this.facts;
    if (drops && mapped && run.accounting) noteDrops(run, element, drops);
    run.element = outer;
    return mapped;
  }

  /** The resource of a value; equal values of a message are one resource. */
  ofValue(run: Run, start: number, end: number): Mapped | undefined {
    const cache = run.valuesOf(this.facts.number);
    const text = run.text.slice(start, end);
    const known = cache.get(text);
    if (known !== undefined) {
      if (known) {
        run.markEqual(known.start, start, end - start);
        meet(run, known, known.value?.text === text ? known.own : undefined, start, end);
      }
      return known ?? undefined;
    }
    const { from, to } = run;
    run.from = start;
    run.to = end;
    const mapped = this.#made(run, start, end, undefined);
    run.from = from;
    run.to = to;
    cache.set(text, mapped ?? null);
    return mapped;
  }

  #made(run: Run, start: number, end: number, segment: Segment | undefined): Mapped | undefined {
    // Lineage wants the work done, not the result.
    if (run.accounting) return this.fresh(run, start, end);
    return this.#memory.recall(run, start, end, segment, this);
  }

  /** Made of the message, not recalled. */
  fresh(run: Run, start: number, end: number): Mapped | undefined {
    const { rule, nulled } = run;
    const { when } = this.facts;
    if (when && !when(run)) return undefined;
    const mapped = this.#build(run, start, end);
    run.rule = rule;
    run.nulled = nulled;
    return mapped;
  }

  #build(run: Run, start: number, end: number): Mapped | undefined {
    const { type, merge, gathers, isValue } = this.facts;
    const marks = this.#marksBefore(run, start, end);
    const parts = this.#keyParts(run, start, end);
    let id = stableId(run.tenant, type, parts);
    let known = run.byId.get(id);
    // Two results under one key are two results: the later one gets a number.
    const sharing = known && merge === 'snapshot' && !gathers ? sharingOf(run, id, known) : undefined;
    if (sharing) {
      const same = claimedAs(run, sharing, start, end);
      if (same) {
        run.markEqual(same.start, start, end - start);
        if (isValue) meet(run, same, same.own, start, end);
        return same;
      }
      id = stableId(run.tenant, type, [...parts, `#${sharing.byText.size + 1}`]);
      known = undefined;
    }
    const mapped = newMapped(type, id, merge, start, end);
    const { resource } = mapped;
    if (isValue) mapped.value = { plan: this.facts.number, text: run.text.slice(start, end) };
    // A key of the whole text where only some fields are compared: nobody could tell when it comes again.
    const untold = this.facts.fields !== undefined && parts.length > this.facts.key.length;
    if (untold || sharing || (known && merge === 'snapshot')) mapped.own = undefined;
    const place = known ? -1 : run.resources.push(mapped) - 1;
    const met = run.met.push({ mapped, resource: mapped.own, start, end }) - 1;
    const filled = this.#fill(run, mapped);
    if (!filled && this.#isNothing) {
      // Separators without content, or parts that no rule reads: there is nobody to speak of.
      if (place >= 0) run.resources.splice(place, 1);
      run.met.splice(met, 1);
      return undefined;
    }
    const missing = this.#missing(resource);
    if (missing !== undefined) {
      if (place >= 0) run.resources.splice(place, 1);
      // What a refused resource read is not mapped.
      if (marks) run.marks.set(marks, start);
      const message = `${type}.${missing} has no value; the resource is refused`;
      run.fail('MAPPING_REQUIRED_MISSING', this.facts.name, message, start);
      return undefined;
    }
    if (known) return joined(run, known, resource, gathers);
    const twin = sharing && [sharing.first, sharing.last].find((one) => sameContent(one.resource, resource));
    if (twin) {
      run.resources.splice(place, 1);
      run.met.splice(met, 1);
      return twin;
    }
    if (sharing) share(run, sharing, mapped);
    run.byId.set(id, mapped);
    if (isValue) mapped.inner = innerOf(run.met, met, start);
    return mapped;
  }

  /** Where constants alone were set there is nothing: of a value or an element, not of a segment that is there. */
  get #isNothing(): boolean {
    return this.facts.isValue || this.facts.drops !== undefined;
  }

  /** What is refused takes back its marks; in an element those alone that it made, for others may have read in it. */
  #marksBefore(run: Run, start: number, end: number): Uint16Array | undefined {
    if (!run.accounting) return undefined;
    return this.facts.drops ? run.marks.slice(start, end) : new Uint16Array(end - start);
  }

  /** Sets the elements; false when the message has no part in any of them. */
  #fill(run: Run, mapped: Mapped): boolean {
    const { merge } = this.facts;
    let filled = false;
    const fillAll = this.#setters.unrolled(run);
    if (fillAll) return fillAll(run, mapped.resource, mapped);
    for (const setter of this.#setters.of(run)) {
      run.rule = setter.rule;
      run.nulled = false;
      if (setter.set(run, mapped.resource)) filled ||= !setter.constant;
      else if (run.nulled && merge === 'update') mapped.removals = [...mapped.removals, setter.element];
    }
    return filled;
  }

  #keyParts(run: Run, start: number, end: number): string[] {
    const parts: string[] = [];
    let valued = false;
    const { key, telling } = this.facts;
    for (let i = 0; i < key.length; i++) {
      const part = key[i]?.(run);
      if (part !== undefined && telling[i]) valued = true;
      parts.push(part ?? '');
    }
    // Nothing names it: then its content does.
    if (!valued) parts.push(run.text.slice(start, end));
    return parts;
  }

  #missing(resource: FhirObject): string | undefined {
    for (const names of this.facts.required) {
      let found = false;
      for (const name of names) if (resource[name] !== undefined) found = true;
      if (!found) return names[0];
    }
    return undefined;
  }
}

/** A resource that is there already, with what one more text says of it. */
function joined(run: Run, known: Mapped, more: FhirObject, gathers: boolean): Mapped {
  const before = known.resource;
  if (gathers) gather(known, more);
  else mergeWithin(known, more);
  run.lineage?.joins(known.resource, before);
  run.lineage?.joins(known.resource, more);
  return known;
}

function newMapped(type: string, id: string, merge: MergeMode, start: number, end: number): Mapped {
  const key = `${type}/${id}`;
  const resource: FhirObject = { resourceType: type, id };
  return {
    type,
    id,
    key,
    merge,
    resource,
    removals: noRemovals,
    remembered: false,
    own: resource,
    value: undefined,
    inner: noneMet,
    part: undefined,
    mark: 0,
    reference: { reference: key },
    start,
    end,
  };
}

function segmentEnd(run: Run, segment: Segment): number {
  const next = run.message.segments[segment.index + 1];
  return next ? next.start : run.text.length;
}
