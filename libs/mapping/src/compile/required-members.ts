import { childrenOf, choiceName, type ElementType, elementType } from '#fhir';
import type { Place } from '../language/place.js';
import { withKeptMoment } from './keep-moment.js';
import type { Scope } from './scope.js';

/** Where an element stands in the order of R4. */
export function place(order: readonly string[], element: ElementType): number {
  const plain = order.indexOf(element.name);
  if (plain >= 0) return plain;
  const name = element.name.startsWith('_') ? element.name.slice(1) : element.name;
  return order.findIndex(
    (one) => name.startsWith(one.replace('[x]', '')) && (one === name || one.endsWith('[x]')),
  );
}

/**
 * Members of which one must be there, per required element of `owner`; undefined, and a problem, when no rule sets
 * one.
 */
export function requiredMembers(
  owner: string,
  elements: readonly ElementType[],
  scope: Scope,
  at: Place,
): (readonly string[])[] | undefined {
  const required: (readonly string[])[] = [];
  let complete = true;
  for (const name of childrenOf(owner)) {
    const child = elementType(owner, name);
    if (!child.known || child.min < 1) continue;
    const names = child.choice ? child.types.map((type) => choiceName(child.name, type)) : [child.name];
    const set = elements.map((element) => element.name);
    // `_date` says why there is no date.
    const reasons = names.map((one) => `_${one}`).filter((one) => set.includes(one));
    if (reasons.length > 0 || set.some((one) => names.includes(one) || one === child.name)) {
      const members = names.flatMap((one, n) => withKeptMoment(one, child.types[n] ?? ''));
      required.push([...new Set([...members, ...reasons])]);
      continue;
    }
    complete = false;
    scope.problems.add(
      at,
      'MAPPING_REQUIRED_MISSING',
      `${owner}.${child.name} is required and no rule sets it`,
      `add ${child.name.replace('[x]', '')}: under set`,
    );
  }
  return complete ? required : undefined;
}
