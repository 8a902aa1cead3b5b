import type { Remembered, RememberedPart, RememberedPlace } from './resource-memory.js';
import type { Mapped, Met, Run } from './run.js';

export const noneMet: readonly Met[] = [];

/** A map came upon a resource that is there already: it counts among those of its text all the same. */
export function meet(run: Run, mapped: Mapped, start: number, end: number): void {
  run.met.push({ mapped, start, end });
  for (const one of mapped.inner)
    run.met.push({ mapped: one.mapped, start: start + one.start, end: start + one.end });
}

/** What was met after `first`, with places from `start`. */
export function innerOf(met: readonly Met[], first: number, start: number): readonly Met[] {
  if (met.length === first + 1) return noneMet;
  return met
    .slice(first + 1)
    .map((one) => ({ mapped: one.mapped, start: one.start - start, end: one.end - start }));
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
  const parts = new Map<string, RememberedPart>();
  for (let i = first; i < met.length; i++) {
    const one = met[i] as Met;
    const { type, id, key, merge, resource, removals, reference, value, dependent } = one.mapped;
    if (dependent) return undefined;
    if (parts.has(id)) continue;
    const outside = one.start < start || one.end > end;
    // A place is asked for only where one of two snapshots has to be chosen.
    if (outside && merge === 'snapshot') return undefined;
    const place = outside ? { id, from: -1, to: -1 } : { id, from: one.start - start, to: one.end - start };
    const inner = one.mapped.inner.map((within) => ({
      id: within.mapped.id,
      from: within.start,
      to: within.end,
    }));
    Object.freeze(resource);
    parts.set(id, { type, id, key, merge, resource, removals, reference, value, inner, place });
  }
  return [...parts.values()];
}

/** Puts what was remembered into the message; undefined when the message already holds something else in its place. */
export function bring(run: Run, remembered: Remembered, start: number, isValue: boolean): Mapped | undefined {
  const { byId, met } = run;
  let fresh = false;
  for (let i = 0; i < remembered.length; i++) {
    const part = remembered[i] as RememberedPart;
    const known = byId.get(part.id);
    if (known === undefined) fresh = true;
    else if (known.resource !== part.resource || (i === 0 && !isValue)) return undefined;
  }
  const first = met.length;
  for (let i = 0; i < remembered.length; i++) {
    const part = remembered[i] as RememberedPart;
    const { from, to } = part.place;
    const place = from < 0 ? { start: -1, end: -1 } : { start: start + from, end: start + to };
    let mapped = byId.get(part.id);
    if (!mapped) {
      mapped = mappedOf(part, place.start, place.end);
      run.resources.push(mapped);
      byId.set(part.id, mapped);
      if (part.value) run.valuesOf(part.value.plan).set(part.value.text, mapped);
    }
    met.push({ mapped, ...place });
  }
  // Now that all of them are there.
  if (fresh)
    for (let i = 0; i < remembered.length; i++) {
      const { inner, id } = remembered[i] as RememberedPart;
      const mapped = byId.get(id);
      if (inner.length > 0 && mapped?.inner === noneMet) mapped.inner = inner.map((one) => metOf(run, one));
    }
  return met[first]?.mapped;
}

function metOf(run: Run, { id, from, to }: RememberedPlace): Met {
  return { mapped: run.byId.get(id) as Mapped, start: from, end: to };
}

function mappedOf(part: RememberedPart, start: number, end: number): Mapped {
  const { type, id, key, merge, resource, removals, reference, value } = part;
  return {
    type,
    id,
    key,
    merge,
    resource,
    removals,
    remembered: true,
    dependent: false,
    value,
    inner: noneMet,
    reference,
    start,
    end,
  };
}
