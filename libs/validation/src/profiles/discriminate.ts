import type { FhirValue } from '#fhir';
import { isSame } from '../fhirpath/compare.js';
import { compileFhirpath } from '../fhirpath/compile.js';
import { type Item, isObject } from '../fhirpath/item.js';
import { isOfType } from '../fhirpath/kinds.js';
import type { Scope } from '../fhirpath/program.js';
import type { Profiles } from './load-profiles.js';
import { hasPattern } from './pattern.js';
import { coreTypeOf, type Discriminator, type ProfileElement } from './profile.js';
import { isIn } from './value-sets.js';

/** What is needed to tell slices apart. */
export interface Judge {
  readonly profiles: Profiles;
  /** Whether an item has no errors by a profile; undefined when the profile is not loaded. */
  conforms(item: Item, profile: string): boolean | undefined;
}

/** Whether an item is of a slice; undefined where that cannot be said. */
export type Belonging = boolean | undefined;

/** R4, section 5.1.0.14: all discriminators must agree. */
export function belongs(
  item: Item,
  slice: ProfileElement,
  discriminators: readonly Discriminator[],
  scope: Scope,
  judge: Judge,
): Belonging {
  let known: Belonging = true;
  for (const discriminator of discriminators) {
    const agrees = isByDiscriminator(item, slice, discriminator, { scope, judge });
    if (agrees === false) return false;
    if (agrees === undefined) known = undefined;
  }
  return known;
}

interface At {
  readonly scope: Scope;
  readonly judge: Judge;
}

function isByDiscriminator(
  item: Item,
  slice: ProfileElement,
  { type, path }: Discriminator,
  at: At,
): Belonging {
  const items = compileFhirpath(path)([item], { ...at.scope, context: item });
  if (path.includes('resolve()') && isOutOfSight(item, { type, path }, at.scope)) return undefined;
  const places = placesOf(slice, path, at.judge);
  switch (type) {
    case 'value':
    case 'pattern': {
      const stated = places.filter(({ element, value }) => value !== undefined || isStated(element));
      // A slice that states nothing at this place cannot be told apart by it.
      return stated.length > 0 && stated.every((place) => items.some((one) => matches(one, place, at.judge)));
    }
    case 'exists': {
      const element = places[0]?.element;
      return element?.max === 0 ? items.length === 0 : items.length > 0;
    }
    case 'type': {
      const types = typesOf(slice, places, path);
      return items.some((one) => types.length === 0 || types.some((wanted) => isOfType(one, wanted)));
    }
    case 'profile':
      return isByProfile(items, slice, places, at.judge, path);
    default:
      return undefined;
  }
}

/** True when a reference leads to what is not here; of some the type at least is known. */
function isOutOfSight(item: Item, { type, path }: Discriminator, scope: Scope): boolean {
  const end = path.indexOf('resolve()') + 'resolve()'.length;
  const found = compileFhirpath(path.slice(0, end))([item], { ...scope, context: item });
  const isKnown = ({ value }: Item): boolean =>
    isObject(value) && (type === 'type' || Object.keys(value).length > 1);
  return !found.some(isKnown);
}

/** Types of a place; behind `resolve()` those of the profiles that the reference may point to. */
function typesOf(slice: ProfileElement, places: readonly Place[], path: string): string[] {
  const element = places[0]?.element ?? slice;
  if (!path.includes('resolve()')) return element.types.map(({ code }) => code);
  return element.types.flatMap(({ targets }) => targets).flatMap((target) => coreTypeOf(target) ?? []);
}

function isByProfile(
  items: readonly Item[],
  slice: ProfileElement,
  places: readonly Place[],
  judge: Judge,
  path: string,
): Belonging {
  const types = (places[0]?.element ?? slice).types;
  const profiles = types.flatMap((one) => (path.includes('resolve()') ? one.targets : one.profiles));
  let known: Belonging = false;
  for (const item of items) {
    for (const profile of profiles) {
      const type = judge.profiles.get(profile)?.type ?? coreTypeOf(profile);
      if (type !== undefined && !isOfType(item, type)) continue;
      const conforms = judge.conforms(item, profile);
      if (conforms === true) return true;
      if (conforms === undefined) known = undefined;
    }
  }
  return known;
}

/** An element of the slice at the place of a discriminator, or a value that is fixed above it. */
interface Place {
  readonly element: ProfileElement;
  readonly value?: FhirValue;
  readonly isPattern?: boolean;
}

function placesOf(slice: ProfileElement, path: string, judge: Judge): Place[] {
  let places: Place[] = [{ element: slice }];
  for (const step of stepsOf(path)) {
    if (step.name === '$this' || step.name === 'resolve' || step.name === 'ofType') continue;
    places = places.flatMap((place) => below(place, step, judge));
  }
  return places;
}

/** `extension('url').value` -> extension with its url, value. */
function stepsOf(path: string): { name: string; argument: string }[] {
  return [...path.matchAll(/([$A-Za-z]+)(?:\(\s*(?:'([^']*)'|[A-Za-z.]*)\s*\))?/g)].map(
    ([, name = '', argument = '']) => ({
      name,
      argument,
    }),
  );
}

function below({ element, value }: Place, step: { name: string; argument: string }, judge: Judge): Place[] {
  const above = value ?? element.fixed ?? element.pattern;
  if (above !== undefined) {
    const inside = (Array.isArray(above) ? above : [above]).filter(isObject).map((one) => one[step.name]);
    const found = inside.find((one) => one !== undefined);
    if (found !== undefined) return [{ element, value: found, isPattern: element.fixed === undefined }];
  }
  const child = element.children.get(step.name);
  if (step.argument !== '' && child)
    return child.slices.filter((one) => urlOf(one) === step.argument).map((one) => ({ element: one }));
  if (child) return [{ element: child }, ...child.slices.map((one) => ({ element: one }))];
  // An extension is known by its profile, a data type by the profile of its type.
  return element.types.flatMap(({ profiles }) =>
    profiles.flatMap((url) => {
      if (step.name === 'url') return [{ element, value: url }];
      const root = judge.profiles.get(url)?.root.children.get(step.name);
      return root ? [{ element: root }] : [];
    }),
  );
}

function urlOf(slice: ProfileElement): FhirValue | undefined {
  return slice.children.get('url')?.fixed ?? slice.types[0]?.profiles[0];
}

function isStated({ fixed, pattern, required, children }: ProfileElement): boolean {
  return (
    fixed !== undefined ||
    pattern !== undefined ||
    required !== undefined ||
    [...children.values()].some(isStated)
  );
}

function matches(item: Item, { element, value }: Place, judge: Judge): boolean {
  const values = value === undefined ? undefined : Array.isArray(value) ? value : [value];
  if (values) return values.some((one) => hasPattern(item.value, one));
  return isAs(item.value, element, judge);
}

/** Fixed values, patterns, local required bindings, of an element and of what is below it. */
function isAs(value: FhirValue | undefined, element: ProfileElement, judge: Judge): boolean {
  if (element.fixed !== undefined && !isSame(value, element.fixed)) return false;
  if (element.pattern !== undefined && !hasPattern(value, element.pattern)) return false;
  const codes = element.required === undefined ? undefined : judge.profiles.valueSets.codes(element.required);
  if (codes && (value === undefined || !isIn(value, codes))) return false;
  for (const child of element.children.values()) {
    if (!isStated(child) || (child.min === 0 && !(isObject(value) && child.name in value))) continue;
    const inner = isObject(value) ? value[child.name] : undefined;
    const inners = Array.isArray(inner) ? inner : [inner];
    if (!inners.some((one) => isAs(one, child, judge))) return false;
  }
  return true;
}
