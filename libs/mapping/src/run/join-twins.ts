import { type FhirObject, type FhirValue, writeJson } from '#fhir';
import type { Mapped } from './mapped.js';

/**
 * Resources with an identifier and equal content are one: a sender says the same twice, and what differs (blanks, a null flavor) is
 * nothing that R4 has a place for. So are roles of one person in one organization. The first stays, and what points to the
 * others points to it. Of others nobody can tell: two specimens of one kind may be two.
 */
export function joinTwins(resources: readonly Mapped[]): readonly Mapped[] {
  const joined = joinedOnce(resources);
  // What only differed in which of two equal ones it points to is equal now.
  return joined === resources ? resources : joinedOnce(joined);
}

function joinedOnce(resources: readonly Mapped[]): readonly Mapped[] {
  const firsts = new Map<string, Mapped>();
  const twins = new Set<Mapped>();
  for (const one of resources) {
    if (one.resource['identifier'] === undefined && one.type !== 'PractitionerRole') continue;
    const { id: _, ...content } = one.resource;
    const text = writeJson(content);
    const first = firsts.get(text);
    if (first === undefined) firsts.set(text, one);
    else {
      // One object for everything that points there.
      one.reference['reference'] = first.key;
      twins.add(one);
    }
  }
  if (twins.size === 0) return resources;
  const rest = resources.filter((one) => !twins.has(one));
  for (const { resource } of rest) onceEach(resource);
  return rest;
}

/** Lists in which one reference now stands twice have it once. */
function onceEach(value: FhirValue): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  for (const [name, member] of Object.entries(value)) {
    if (Array.isArray(member)) (value as FhirObject)[name] = withoutRepeated(member as FhirValue[]);
    onceEach(member as FhirValue);
  }
}

function withoutRepeated(list: FhirValue[]): FhirValue[] {
  const seen = new Set<FhirValue>();
  const rest = list.filter((one) => {
    const target =
      typeof one === 'object' && one !== null && 'reference' in one ? one['reference'] : undefined;
    if (target === undefined) return true;
    if (seen.has(target)) return false;
    seen.add(target);
    return true;
  });
  return rest.length === list.length ? list : rest;
}
