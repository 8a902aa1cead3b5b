import { type FhirObject, type FhirValue, typeKind, writeJson } from '#fhir';
import { isEngineError } from '#kernel';
import { isSame, order } from '../fhirpath/compare.js';
import { compileFhirpath } from '../fhirpath/compile.js';
import { type Item, isObject, resourceItem, step } from '../fhirpath/item.js';
import { isOfType } from '../fhirpath/kinds.js';
import { truthOf } from '../fhirpath/operators.js';
import type { Scope } from '../fhirpath/program.js';
import { belongs, type Judge } from './discriminate.js';
import type { Profiles } from './load-profiles.js';
import { hasPattern } from './pattern.js';
import {
  coreTypeOf,
  type ProfileConstraint,
  type ProfileElement,
  type ProfileType,
  type Slicing,
} from './profile.js';
import { isIn } from './value-sets.js';

/** Codes of R4's issue-type value set. */
export type ProfileIssueCode =
  | 'required'
  | 'structure'
  | 'value'
  | 'code-invalid'
  | 'invariant'
  | 'not-found'
  | 'informational';

/** What a profile finds. */
export interface ProfileIssue {
  readonly severity: 'error' | 'warning' | 'information';
  readonly code: ProfileIssueCode;
  /** Never holds a value of the resource. */
  readonly message: string;
  /** FHIRPath of the place. */
  readonly path: string;
}

/** A resource with more is hopeless; the rest is not listed. */
const issuesMax = 100;
/** Profiles that lead to profiles; a circle ends here. */
const profilesDeepMax = 8;
const byUrl: Slicing = { discriminators: [{ type: 'value', path: 'url' }], closed: false, ordered: false };
const byType: Slicing = { discriminators: [{ type: 'type', path: '$this' }], closed: false, ordered: false };

/** Everything in which `item` is not as the profile says; the profile must be loaded. */
export function checkProfile(
  item: Item,
  url: string,
  profiles: Profiles,
  scope: Scope,
  depth = 0,
): readonly ProfileIssue[] {
  const check = new ProfileCheck(profiles, scope, depth);
  check.profile(item, url, item.type);
  return check.issues;
}

class ProfileCheck implements Judge {
  readonly issues: ProfileIssue[] = [];

  constructor(
    readonly profiles: Profiles,
    readonly scope: Scope,
    readonly depth: number,
  ) {}

  profile(item: Item, url: string, path: string): void {
    const profile = this.profiles.get(url);
    if (!profile) return;
    if (!isOfType(item, profile.type))
      return this.#add('structure', path, `the profile is for ${profile.type}`);
    if (profile.parent !== '') this.profile(item, profile.parent, path);
    this.#element(profile.root, item, path);
  }

  conforms(item: Item, url: string): boolean | undefined {
    if (coreTypeOf(url) !== undefined) return isOfType(item, coreTypeOf(url) ?? '');
    const found = this.#nested(item, url);
    return found && !found.some(({ severity }) => severity === 'error');
  }

  /** What a profile that this one leads to finds; undefined when it is not loaded, or too deep. */
  #nested(item: Item, url: string): readonly ProfileIssue[] | undefined {
    if (!this.profiles.get(url) || this.depth >= profilesDeepMax) return undefined;
    const resource = isObject(item.value) && typeKind(item.type) === 'resource' ? item : this.scope.resource;
    return checkProfile(item, url, this.profiles, { ...this.scope, resource }, this.depth + 1);
  }

  #add(
    code: ProfileIssueCode,
    path: string,
    message: string,
    severity: ProfileIssue['severity'] = 'error',
  ): void {
    if (this.issues.length < issuesMax) this.issues.push({ severity, code, message, path });
  }

  #element(element: ProfileElement, item: Item, path: string): void {
    if (element.types.length > 0) this.#types(element, item, path);
    const { value } = item;
    if (element.fixed !== undefined && !isSame(value, element.fixed))
      this.#add('value', path, `${element.id} has a fixed value, and this is another`);
    if (element.pattern !== undefined && !hasPattern(value, element.pattern))
      this.#add('value', path, `${element.id} has a pattern that this does not have`);
    if (element.maxLength !== undefined && typeof value === 'string' && value.length > element.maxLength)
      this.#add('value', path, `${element.id} is at most ${element.maxLength} characters long`);
    this.#limits(element, item, path);
    this.#bindings(element, item, path);
    for (const constraint of element.constraints) this.#constraint(constraint, item, path);
    for (const child of element.children.values()) this.#children(child, item, path);
  }

  #types({ id, types }: ProfileElement, item: Item, path: string): void {
    const own = types.filter((type) => isType(item, type.code));
    if (own.length === 0) {
      const names = types.map(({ code }) => code).join(', ');
      return this.#add('structure', path, `${id} is of type ${names}, not ${item.type}`);
    }
    this.#typeProfiles(own, item, path);
    if (item.type === 'Reference' || item.type === 'canonical') this.#target(id, own, item, path);
  }

  /** One of the profiles must fit, of those that are here. */
  #typeProfiles(types: readonly ProfileType[], item: Item, path: string): void {
    const urls = types.flatMap(({ profiles }) => profiles).filter((url) => this.profiles.get(url));
    if (urls.length === 0 || types.some(({ profiles }) => profiles.length === 0)) return;
    let first: readonly ProfileIssue[] = [];
    for (const url of urls) {
      const found = this.#nested(item, url);
      if (!found?.some(({ severity }) => severity === 'error')) return;
      if (first.length === 0) first = found;
    }
    for (const { code, message, path: below, severity } of first)
      this.#add(code, path + below.slice(item.type.length), message, severity);
  }

  #target(id: string, types: readonly ProfileType[], item: Item, path: string): void {
    const targets = types.flatMap((type) => type.targets);
    const literal = isObject(item.value) ? item.value['reference'] : undefined;
    if (targets.length === 0 || typeof literal !== 'string') return;
    const names = targets.map((target) => coreTypeOf(target) ?? this.profiles.get(target)?.type);
    const [resolved] = compileFhirpath('resolve()')([item], this.scope);
    if (!resolved || names.some((name) => name === undefined || isOfType(resolved, name))) return;
    this.#add('value', path, `${id} refers to ${[...new Set(names)].join(', ')}, not to ${resolved.type}`);
  }

  #limits({ id, minValue, maxValue }: ProfileElement, item: Item, path: string): void {
    if (minValue && (order(item, minValue) ?? 0) < 0)
      this.#add('value', path, `${id} is at least ${limitText(minValue)}`);
    if (maxValue && (order(item, maxValue) ?? 0) > 0)
      this.#add('value', path, `${id} is at most ${limitText(maxValue)}`);
  }

  #bindings(element: ProfileElement, { value }: Item, path: string): void {
    const { id, required, extensible, maxValueSet } = element;
    if (value === undefined) return;
    if (required !== undefined && this.#isOutside(required, value, id, path))
      this.#add('code-invalid', path, `the code is not in ${required}`);
    if (maxValueSet !== undefined && this.#isOutside(maxValueSet, value, id, path))
      this.#add('code-invalid', path, `the code is not in ${maxValueSet}, which allows all that may be used`);
    // Where no code fits, a text alone may stand.
    if (extensible !== undefined && hasCode(value) && this.#isOutside(extensible, value, id, path))
      this.#add(
        'code-invalid',
        path,
        `the code is not in ${extensible}; another is right only where none of it fits`,
        'warning',
      );
  }

  /** False where the codes are not here, which is told. */
  #isOutside(valueSet: string, value: FhirValue, id: string, path: string): boolean {
    const codes = this.profiles.valueSets.codes(valueSet);
    if (codes) return !isIn(value, codes);
    const message = `the codes of ${valueSet} are not here: ${id} is not checked`;
    // Those of R4 have been checked already.
    if (!valueSet.startsWith('http://hl7.org/fhir/ValueSet/'))
      this.#add('informational', path, message, 'information');
    return false;
  }

  #constraint({ key, expression, human, severity }: ProfileConstraint, item: Item, path: string): void {
    try {
      const found = compileFhirpath(expression)([item], { ...this.scope, context: item });
      if (truthOf(found) !== true) this.#add('invariant', path, `${key}: ${human}`, severity);
    } catch (error) {
      if (!isEngineError(error, 'rejected')) throw error;
      this.#add('informational', path, `${key} is not checked: ${error.message}`, 'information');
    }
  }

  #children(child: ProfileElement, item: Item, path: string): void {
    const items: Item[] = [];
    step(item, child.name, items);
    const below = `${path}.${child.name}`;
    this.#count(child, items.length, below);
    const owner = isObject(item.value) ? item.value : item.beside;
    const many = Array.isArray(owner?.[child.name]) || Array.isArray(owner?.[`_${child.name}`]);
    const places = items.map((_, index) => (many ? `${below}[${index}]` : below));
    for (const [index, one] of items.entries()) this.#element(child, one, places[index] ?? below);
    if (child.slices.length > 0) this.#slices(child, items, places, below);
  }

  #count({ id, min, max }: ProfileElement, count: number, path: string, uncertain = false): void {
    const severity = uncertain ? 'warning' : 'error';
    if (count < min) this.#add('required', path, `${id}: ${count} found, at least ${min} needed`, severity);
    if (count > max) this.#add('structure', path, `${id}: ${count} found, at most ${max} allowed`);
  }

  #slices(element: ProfileElement, items: readonly Item[], places: readonly string[], path: string): void {
    const slicing =
      element.slicing ??
      (element.name === 'extension' || element.name === 'modifierExtension' ? byUrl : byType);
    const counts = element.slices.map(() => 0);
    let uncertain = false;
    let last = -1;
    for (const [index, item] of items.entries()) {
      const place = places[index] ?? path;
      let found = -1;
      for (const [number, slice] of element.slices.entries()) {
        const belonging = belongs(item, slice, slicing.discriminators, this.scope, this);
        if (belonging === undefined) uncertain = true;
        if (belonging !== true) continue;
        found = number;
        counts[number] = (counts[number] ?? 0) + 1;
        this.#element(slice, item, place);
      }
      if (found < 0 && slicing.closed && !uncertain)
        this.#add('structure', place, `${element.id} is closed, and this is none of its slices`);
      if (found >= 0 && found < last && slicing.ordered)
        this.#add('structure', place, `the slices of ${element.id} stand in their order`);
      last = Math.max(last, found);
    }
    for (const [number, slice] of element.slices.entries())
      this.#count(slice, counts[number] ?? 0, path, uncertain);
  }
}

/** True for a code, a Coding or Quantity with one, a CodeableConcept with a Coding. */
function hasCode(value: FhirValue): boolean {
  if (!isObject(value)) return typeof value === 'string';
  return value['coding'] !== undefined || value['code'] !== undefined;
}

function limitText({ value }: Item): string {
  if (!isObject(value)) return plain(value ?? null);
  const { value: number, unit, code } = value;
  return [number, unit ?? code]
    .filter((part) => part !== undefined)
    .map(plain)
    .join(' ');
}

function plain(value: FhirValue): string {
  return typeof value === 'string' ? value : writeJson(value);
}

function isType(item: Item, code: string): boolean {
  if (isOfType(item, code)) return true;
  // A nested element has its own path for a type; ids and urls have a type of FHIRPath in profiles.
  return (
    item.type.includes('.') ||
    code === 'Resource' ||
    code === 'BackboneElement' ||
    code === 'Element' ||
    code === 'string'
  );
}

/** The scope of a resource on its own: references lead to what it contains, or into the Bundle that it is. */
export function scopeOf(resource: FhirObject): Scope {
  const item = resourceItem(resource);
  const entries = resource['resourceType'] === 'Bundle' ? resource['entry'] : undefined;
  const known = new Map<string, FhirObject>();
  for (const entry of Array.isArray(entries) ? entries : []) {
    const inside = isObject(entry) ? entry['resource'] : undefined;
    if (!isObject(entry) || !isObject(inside)) continue;
    if (typeof entry['fullUrl'] === 'string') known.set(entry['fullUrl'], inside);
    if (typeof inside['id'] === 'string') known.set(`${resourceItem(inside).type}/${inside['id']}`, inside);
  }
  return { context: item, resource: item, root: item, entries: known };
}
