import type { FhirObject } from '#fhir';
import type { Mapped, Met } from './mapped.js';
import { mergeRemembered } from './merge-within.js';
import type { PlacedPart, Remembered, RememberedPart, RememberedPlace } from './resource-memory.js';
import type { Run } from './run.js';

export const noneMet: readonly Met[] = [];

/**
 * A map came upon a resource that is there already: it counts among those of its text all the same. `resource` is what
 * that text alone makes.
 */
export function meet(
  run: Run,
  mapped: Mapped,
  resource: FhirObject | undefined,
  start: number,
  end: number,
): void {
  run.met.push({ mapped, resource, start, end });
  for (const one of mapped.inner) run.met.push({ ...one, start: start + one.start, end: start + one.end });
}

/** What was met after `first`, with places from `start`. */
export function innerOf(met: readonly Met[], first: number, start: number): readonly Met[] {
  if (met.length === first + 1) return noneMet;
  return met.slice(first + 1).map((one) => ({ ...one, start: one.start - start, end: one.end - start }));
}

/**
 * What was met from `first` on, each resource once, to be remembered. Undefined when one of them is what it is because of
 * others in the message, or its place matters and is outside.
 */
export function partsOf(
  met: readonly Met[],
  first: number,
  start: number,
  end: number,
): Remembered | undefined {
  const parts = new Map<string, PlacedPart>();
  for (let i = first; i < met.length; i++) {
    const { mapped, resource, start: from, end: to } = met[i] as Met;
    const { id, merge } = mapped;
    if (resource === undefined) return undefined;
    const known = parts.get(id);
    // Two texts made it together.
    if (known && known.part.resource !== resource) return undefined;
    if (known) continue;
    const outside = i > first && (from < start || to > end);
    // A place is asked for only where one of two snapshots has to be chosen.
    if (outside && merge === 'snapshot') return undefined;
    const isShared = mapped.part?.resource === resource;
    const part = isShared ? (mapped.part as RememberedPart) : partOf(mapped, resource);
    parts.set(id, { part, isShared, from: outside ? -1 : from - start, to: outside ? -1 : to - start });
  }
  return [...parts.values()];
}

function partOf(mapped: Mapped, resource: FhirObject): RememberedPart {
  const { type, id, key, merge, removals, reference, value } = mapped;
  const inner = mapped.inner.map((one) => ({ id: one.mapped.id, from: one.start, to: one.end }));
  return { type, id, key, merge, resource: Object.freeze(resource), removals, reference, value, inner };
}

/** Puts what was remembered into the message; undefined when the message already holds something else in its place. */
export function bring(run: Run, remembered: Remembered, start: number, isValue: boolean): Mapped | undefined {
  const { byId } = run;
  let fresh = false;
  for (let i = 0; i < remembered.length; i++) {
    const { part } = remembered[i] as PlacedPart;
    const known = byId.get(part.id);
    if (known === undefined) fresh = true;
    else if (known.own === part.resource && (i > 0 || isValue)) continue;
    else if (i > 0 || part.merge === 'snapshot') return undefined;
  }
  for (let i = 0; i < remembered.length; i++)
    bringPart(run, remembered[i] as PlacedPart, start, i > 0 || isValue);
  // Now that all of them are there.
  if (fresh)
    for (let i = 0; i < remembered.length; i++) {
      const { inner, id } = (remembered[i] as PlacedPart).part;
      const mapped = byId.get(id);
      if (inner.length > 0 && mapped?.inner === noneMet) mapped.inner = inner.map((one) => metOf(run, one));
    }
  return byId.get(remembered[0]?.part.id ?? '');
}

function bringPart(run: Run, { part, from, to }: PlacedPart, origin: number, isValue: boolean): void {
  const { resource, value } = part;
  const start = from < 0 ? -1 : origin + from;
  const end = from < 0 ? -1 : origin + to;
  let mapped = run.byId.get(part.id);
  if (mapped === undefined) {
    mapped = mappedOf(part, start, end);
    run.resources.push(mapped);
    run.byId.set(part.id, mapped);
    if (value) run.valuesOf(value.plan).set(value.text, mapped);
  } else if (mapped.own !== resource || !isValue) mergeRemembered(mapped, resource);
  run.met.push({ mapped, resource, start, end });
}

function metOf(run: Run, { id, from, to }: RememberedPlace): Met {
  const mapped = run.byId.get(id) as Mapped;
  return { mapped, resource: mapped.own, start: from, end: to };
}

function mappedOf(part: RememberedPart, start: number, end: number): Mapped {
  const { type, id, key, merge, resource, removals, reference, value } = part;
  // One literal: a spread costs more here than all the rest of recalling.
  return {
    type,
    id,
    key,
    merge,
    resource,
    removals,
    remembered: true,
    own: resource,
    value,
    inner: noneMet,
    part,
    mark: 0,
    reference,
    start,
    end,
  };
}
