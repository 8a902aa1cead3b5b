import { type FhirObject, type FhirValue, writeJson } from '#fhir';
import type { Mapped } from './mapped.js';
import { sameContent } from './merge-within.js';

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
  const firsts = new Map<string, Mapped[]>();
  const twins = new Set<Mapped>();
  for (const one of resources) {
    const name = nameOf(one);
    if (name === undefined) continue;
    const namesakes = firsts.get(name) ?? [];
    const first = namesakes.find(({ resource }) => sameContent(resource, one.resource));
    if (first) {
      // One object for everything that points there.
      one.reference['reference'] = first.key;
      twins.add(one);
    } else if (namesakes.push(one) === 1) firsts.set(name, namesakes);
  }
  if (twins.size === 0) return resources;
  const rest = resources.filter((one) => !twins.has(one));
  for (const { resource } of rest) onceEach(resource);
  return rest;
}

/** What two have to share before they are compared; undefined for those that are never joined. */
function nameOf({ type, resource }: Mapped): string | undefined {
  const names =
    type === 'PractitionerRole'
      ? [resource['practitioner'], resource['organization']]
      : resource['identifier'];
  return names === undefined ? undefined : `${type} ${writeJson(names)}`;
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
