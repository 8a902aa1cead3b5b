import { childrenOf, choiceName, elementType, type FhirObject, type FhirValue } from '#fhir';
import { type ElementItem, typeOfMembers } from '#validation';
import { isObject } from './fhir-tree.js';

/** One element as JSON has it: a value, and what stands beside that of a primitive (R4 json, section 2.6.1). */
export interface Given {
  readonly value: FhirValue | undefined;
  readonly beside: FhirObject | undefined;
  /** As in a member `valueQuantity`: `Quantity`; undefined: parts made it. */
  readonly type: string | undefined;
}

/** The members that an element has, or may get: of a primitive those that stand beside it. */
export function membersOf(element: ElementItem): FhirObject {
  if (isObject(element.value)) return element.value;
  if (element.beside) return element.beside;
  const made: FhirObject = {};
  if (element.place) change(element, (all, at) => all.with(at, { ...(all[at] as Given), beside: made }));
  return made;
}

/** All that a member of `owner` holds, in order. */
export function allAt(owner: FhirObject, name: string): Given[] {
  const [values, besides] = [listOf(owner[name]), listOf(owner[`_${name}`])];
  const count = Math.max(values.length, besides.length);
  return Array.from({ length: count }, (_, at) => {
    const [value, beside] = [values[at], besides[at]];
    return { value: value ?? undefined, beside: isObject(beside) ? beside : undefined, type: undefined };
  });
}

/** Lets a member of `owner` hold these; none of them: the member is gone. */
export function putAll(owner: FhirObject, name: string, all: readonly Given[], isList: boolean): void {
  const sides: [string, (FhirValue | undefined)[]][] = [
    [name, all.map(({ value }) => value)],
    [`_${name}`, all.map(({ beside }) => beside)],
  ];
  for (const [member, values] of sides) {
    if (values.every((value) => value === undefined)) delete owner[member];
    else owner[member] = isList ? values.map((value) => value ?? null) : (values[0] ?? null);
  }
}

/** True where R4 has a list, or the resource does. */
export function isList(owner: FhirObject, type: string, name: string): boolean {
  const element = elementType(typeOfMembers(type), name);
  const holds = Array.isArray(owner[name]) || Array.isArray(owner[`_${name}`]);
  return holds || (element.known && element.max > 1);
}

/** Puts another value in the place of an element; a choice takes the type of the value. */
export function replaceElement(element: ElementItem, given: Given): void {
  const { place } = element;
  const parent = place?.parent;
  if (!place || !parent) return;
  const owner = membersOf(parent);
  const name = given.type === undefined ? place.name : chosenName(parent.type, place.name, given.type);
  if (name === place.name) return change(element, (all, at) => all.with(at, given));
  putAll(owner, place.name, [], false);
  putAll(owner, name, [given], false);
}

/** Takes an element away, and what is empty then around it: R4 has no empty elements. */
export function removeElement(element: ElementItem): void {
  change(element, (all, at) => all.toSpliced(at, 1));
  const parent = element.place?.parent;
  if (!parent?.place?.parent) return;
  const isEmpty = Object.keys(membersOf(parent)).length === 0;
  if (isEmpty && isObject(parent.value)) removeElement(parent);
  else if (isEmpty) change(parent, (all, at) => all.with(at, { ...(all[at] as Given), beside: undefined }));
}

function change(element: ElementItem, by: (all: Given[], at: number) => Given[]): void {
  const { place } = element;
  if (!place?.parent) return;
  const owner = membersOf(place.parent);
  const changed = by(allAt(owner, place.name), place.index ?? 0);
  putAll(owner, place.name, changed, place.index !== undefined);
}

/** `valueString` for `value`, `value[x]`, or `valueQuantity` that is to hold a string; other names stay. */
export function chosenName(type: string, name: string, given: string): string {
  const choice = childrenOf(type).find((child) => {
    if (!child.endsWith('[x]')) return false;
    const element = elementType(type, child);
    const names = element.known ? element.types.map((one) => choiceName(child, one)) : [];
    return child === name || child === `${name}[x]` || names.includes(name);
  });
  return choice === undefined ? name : choiceName(choice, given);
}

function listOf(value: FhirValue | undefined): readonly (FhirValue | undefined)[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
