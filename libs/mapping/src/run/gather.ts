import type { FhirObject, FhirValue } from '#fhir';
import { dropAbsence } from '../merge-update.js';
import type { Mapped } from './mapped.js';

/** What the lists of a resource hold, of those that several segments make: searching them would take ever longer. */
const contents = new WeakMap<FhirObject, Map<string, Set<string>>>();

/** One more segment of a resource that several make: lists grow, what is there once is as the last one says. */
export function gather(known: Mapped, more: FhirObject): Mapped {
  let lists = contents.get(known.resource);
  if (!lists) {
    // The first one may be remembered, and stays as it is.
    lists = new Map();
    known.resource = copyOf(known.resource);
    known.remembered = false;
    contents.set(known.resource, lists);
  }
  const { resource } = known;
  for (const [name, value] of Object.entries(more)) {
    const old = resource[name];
    if (!Array.isArray(old) || !Array.isArray(value)) {
      resource[name] = value;
      continue;
    }
    let seen = lists.get(name);
    if (!seen) {
      seen = new Set(old.map((one) => JSON.stringify(one)));
      lists.set(name, seen);
    }
    for (const one of value) {
      const text = JSON.stringify(one);
      if (seen.has(text)) continue;
      seen.add(text);
      (old as FhirValue[]).push(one);
    }
  }
  dropAbsence(resource);
  return known;
}

function copyOf(resource: FhirObject): FhirObject {
  return Object.fromEntries(
    Object.entries(resource).map(([name, value]) => [name, Array.isArray(value) ? [...value] : value]),
  );
}
