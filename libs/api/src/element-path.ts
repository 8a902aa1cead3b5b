import { choiceName, Decimal, elementType, type FhirObject, type FhirValue } from '#fhir';
import { EngineError } from '#kernel';
import { isObject, typeOfResource } from './fhir-tree.js';

/** One place in a resource: the member, or the item of the list that the member holds. */
export interface Place {
  readonly owner: FhirObject;
  readonly name: string;
  /** Of an item of a list. */
  readonly index: number | undefined;
}

interface Step {
  readonly name: string;
  readonly filters: readonly Filter[];
}

type Filter =
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'where'; readonly path: readonly string[]; readonly value: string };

/** Longest path of a patch. */
const MAX_PATH = 1_000;
const forbidden = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * The places that a path of a FHIRPath Patch leads to (R4 fhirpatch, section 2.1.2): members, `[0]`, `first()`, `where(system = 'x')`; of
 * choices without their type. Throws `rejected` PATCH_INVALID for what is not of this kind of FHIRPath.
 */
export function placesOf(resource: FhirObject, path: string, at: string): Place[] {
  const steps = stepsOf(path, at);
  const [first, ...rest] = steps;
  if (first === undefined || first.name !== resource['resourceType'] || first.filters.length > 0)
    throw invalid('a path begins with the type of the resource', at);
  let owners: FhirObject[] = [resource];
  let places: Place[] = [];
  for (const step of rest) {
    places = owners.flatMap((owner) => filtered(within(owner, step.name, resource), step.filters));
    owners = places.map(valueAt).filter(isObject);
  }
  return places;
}

/** What stands at a place. */
export function valueAt({ owner, name, index }: Place): FhirValue | undefined {
  const value = owner[name];
  return index === undefined || !Array.isArray(value) ? value : value[index];
}

function within(owner: FhirObject, name: string, resource: FhirObject): Place[] {
  const member = Object.hasOwn(owner, name) ? name : choiceOf(owner, name, resource);
  if (member === undefined) return [];
  const value = owner[member];
  if (Array.isArray(value)) return value.map((_, index) => ({ owner, name: member, index }));
  return value === undefined ? [] : [{ owner, name: member, index: undefined }];
}

/** `value` of an Observation stands as `valueQuantity`. */
function choiceOf(owner: FhirObject, name: string, resource: FhirObject): string | undefined {
  const type = owner === resource ? typeOfResource(resource) : undefined;
  const element = type === undefined ? undefined : elementType(type, name);
  if (element?.known && element.choice)
    return element.types.map((one) => choiceName(name, one)).find((one) => Object.hasOwn(owner, one));
  return Object.keys(owner).find((one) => one.startsWith(name) && /^[A-Z]/.test(one.slice(name.length)));
}

function filtered(places: readonly Place[], filters: readonly Filter[]): Place[] {
  let left = [...places];
  for (const filter of filters) {
    if (filter.kind === 'index') left = left.slice(filter.index, filter.index + 1 || undefined);
    else left = left.filter((place) => textAt(valueAt(place), filter.path) === filter.value);
  }
  return left;
}

function textAt(value: FhirValue | undefined, path: readonly string[]): string | undefined {
  let at = value;
  for (const name of path) at = isObject(at) ? at[name] : undefined;
  if (at instanceof Decimal) return at.text;
  return typeof at === 'object' || at === undefined ? undefined : String(at);
}

const stepText =
  /^([A-Za-z_][A-Za-z0-9_]*)((?:\[\d{1,6}\]|\.first\(\)|\.last\(\)|\.where\([^()]*\))*)(?:\.|$)/;
const filterText = /\[(\d+)\]|\.(first|last)\(\)|\.where\(([^()]*)\)/g;
const condition =
  /^\s*([a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*)*)\s*=\s*(?:'([^'\\]*)'|(true|false|-?[\d.]+))\s*$/;

function stepsOf(path: string, at: string): Step[] {
  const steps: Step[] = [];
  let rest = path;
  if (path.length > MAX_PATH) throw invalid(`a path has at most ${MAX_PATH} characters`, at);
  while (rest !== '') {
    const match = stepText.exec(rest);
    const name = match?.[1];
    if (match === null || name === undefined || forbidden.has(name))
      throw invalid("a path has members, [0], first(), last() and where(member = 'text'), nothing else", at);
    steps.push({ name, filters: filtersOf(match[2] ?? '', at) });
    rest = rest.slice(match[0].length);
  }
  return steps;
}

function filtersOf(text: string, at: string): Filter[] {
  return [...text.matchAll(filterText)].flatMap(([, index, end, where]): Filter[] => {
    if (index !== undefined) return [{ kind: 'index', index: Number(index) }];
    if (end !== undefined) return [{ kind: 'index', index: end === 'first' ? 0 : -1 }];
    return (where ?? '').split(/\band\b/).map((part) => {
      const match = condition.exec(part);
      if (match === null) throw invalid("a condition is member = 'text', several with and", at);
      return { kind: 'where', path: (match[1] ?? '').split('.'), value: match[2] ?? match[3] ?? '' };
    });
  });
}

function invalid(message: string, at: string): EngineError {
  return new EngineError('rejected', 'PATCH_INVALID', message, { cause: { at } });
}
