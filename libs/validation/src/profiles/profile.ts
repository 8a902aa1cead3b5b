import { childrenOf, type FhirObject, type FhirValue, typeKind } from '#fhir';
import { EngineError } from '#kernel';
import type { Item } from '../fhirpath/item.js';
import { choiceAt, objectAt, objectsAt, textAt, textsAt, unversioned } from './tree.js';

export interface ProfileType {
  readonly code: string;
  readonly profiles: readonly string[];
  readonly targets: readonly string[];
}

export interface ProfileConstraint {
  readonly key: string;
  readonly human: string;
  readonly expression: string;
  readonly severity: 'error' | 'warning';
}

export interface Discriminator {
  readonly type: string;
  readonly path: string;
}

export interface Slicing {
  readonly discriminators: readonly Discriminator[];
  readonly closed: boolean;
  readonly ordered: boolean;
}

/** What a profile says of one element, or of one slice of it. */
export interface ProfileElement {
  /** `Observation.component:systolic.code`, as profiles write it. */
  readonly id: string;
  /** As FHIRPath has it: `value` for `value[x]`. */
  readonly name: string;
  readonly sliceName: string;
  min: number;
  max: number;
  types: readonly ProfileType[];
  fixed: FhirValue | undefined;
  pattern: FhirValue | undefined;
  maxLength: number | undefined;
  /** The least and the greatest value, as items of their types. */
  minValue: Item | undefined;
  maxValue: Item | undefined;
  /** The value set of a required binding. */
  required: string | undefined;
  /** The value set of an extensible binding, and the one that it must not be extended beyond. */
  extensible: string | undefined;
  maxValueSet: string | undefined;
  constraints: readonly ProfileConstraint[];
  slicing: Slicing | undefined;
  readonly children: Map<string, ProfileElement>;
  readonly slices: ProfileElement[];
}

export interface Profile {
  readonly url: string;
  /** The resource or data type it is about. */
  readonly type: string;
  /** True when only what differs from the profile it derives from is stated. */
  readonly differential: boolean;
  /** '' for a type of R4. */
  readonly parent: string;
  readonly root: ProfileElement;
}

const core = 'http://hl7.org/fhir/StructureDefinition/';

/** The last part of the URL of a type of R4; undefined for a profile. */
export function coreTypeOf(url: string): string | undefined {
  const name = unversioned(url).startsWith(core) ? unversioned(url).slice(core.length) : '';
  return typeKind(name) === undefined ? undefined : name;
}

/** Reads a StructureDefinition that constrains a type; `rejected` when it has no elements. */
export function profileOf(definition: FhirObject): Profile {
  const url = textAt(definition, 'url') ?? '';
  const type = textAt(definition, 'type') ?? '';
  const snapshot = objectsAt(objectAt(definition, 'snapshot') ?? {}, 'element');
  const differential = objectsAt(objectAt(definition, 'differential') ?? {}, 'element');
  const elements = snapshot.length > 0 ? snapshot : differential;
  if (url === '' || elements.length === 0)
    throw new EngineError(
      'rejected',
      'PROFILE_EMPTY',
      'a StructureDefinition without url or without elements',
    );
  const root = emptyElement(type, type, '');
  for (const element of elements) {
    const id = textAt(element, 'id') ?? textAt(element, 'path') ?? '';
    fill(place(root, type, id), element);
  }
  const parent = textAt(definition, 'baseDefinition') ?? '';
  const derived = snapshot.length === 0 && coreTypeOf(parent) === undefined;
  return { url, type, differential: snapshot.length === 0, parent: derived ? unversioned(parent) : '', root };
}

function emptyElement(id: string, name: string, sliceName: string): ProfileElement {
  return {
    id,
    name,
    sliceName,
    min: 0,
    max: Number.POSITIVE_INFINITY,
    types: [],
    fixed: undefined,
    pattern: undefined,
    maxLength: undefined,
    minValue: undefined,
    maxValue: undefined,
    required: undefined,
    extensible: undefined,
    maxValueSet: undefined,
    constraints: [],
    slicing: undefined,
    children: new Map(),
    slices: [],
  };
}

/** The place of an id in the tree; made, with what is above it, when it is new. */
function place(root: ProfileElement, type: string, id: string): ProfileElement {
  let element = root;
  let path = type;
  for (const segment of id.split('.').slice(1)) {
    const colon = segment.indexOf(':');
    let written = colon < 0 ? segment : segment.slice(0, colon);
    let slice = colon < 0 ? '' : segment.slice(colon + 1);
    const choice = shortened(path, written);
    if (choice !== undefined) {
      slice = slice === '' ? written : slice;
      written = choice;
    }
    path = `${path}.${written}`;
    const name = written.replace('[x]', '');
    element = childOf(element, name, written);
    if (slice !== '') element = sliceOf(element, slice);
  }
  return element;
}

/** The choice that a name like `valueQuantity` is short for. */
function shortened(path: string, name: string): string | undefined {
  const siblings = childrenOf(path);
  if (siblings.length === 0 || siblings.includes(name)) return undefined;
  return siblings.find(
    (one) => one.endsWith('[x]') && name.startsWith(one.slice(0, -3)) && name !== one.slice(0, -3),
  );
}

function childOf(element: ProfileElement, name: string, written: string): ProfileElement {
  let child = element.children.get(name);
  if (!child) {
    child = emptyElement(`${element.id}.${written}`, name, '');
    element.children.set(name, child);
  }
  return child;
}

function sliceOf(element: ProfileElement, sliceName: string): ProfileElement {
  let slice = element.slices.find((one) => one.sliceName === sliceName);
  if (!slice) {
    slice = emptyElement(`${element.id}:${sliceName}`, element.name, sliceName);
    element.slices.push(slice);
  }
  return slice;
}

function fill(into: ProfileElement, element: FhirObject): void {
  const max = textAt(element, 'max');
  if (typeof element['min'] === 'number') into.min = element['min'];
  if (max !== undefined) into.max = max === '*' ? Number.POSITIVE_INFINITY : Number(max);
  into.types = objectsAt(element, 'type').map((type) => ({
    code: typeCode(type),
    profiles: textsAt(type, 'profile').map(unversioned),
    targets: textsAt(type, 'targetProfile').map(unversioned),
  }));
  into.fixed = choiceAt(element, 'fixed');
  into.pattern = choiceAt(element, 'pattern');
  into.maxLength = typeof element['maxLength'] === 'number' ? element['maxLength'] : undefined;
  into.minValue = limitAt(element, 'minValue');
  into.maxValue = limitAt(element, 'maxValue');
  const binding = objectAt(element, 'binding');
  const bound = binding && textAt(binding, 'valueSet');
  const strength = binding && textAt(binding, 'strength');
  into.required = bound !== undefined && strength === 'required' ? unversioned(bound) : undefined;
  into.extensible = bound !== undefined && strength === 'extensible' ? unversioned(bound) : undefined;
  into.maxValueSet = binding && maxValueSetOf(binding);
  into.constraints = objectsAt(element, 'constraint').flatMap(constraintOf);
  const slicing = objectAt(element, 'slicing');
  if (slicing) into.slicing = slicingOf(slicing);
}

/** `minValueDate` as an item of type date. */
function limitAt(element: FhirObject, stem: string): Item | undefined {
  const name = Object.keys(element).find((one) => one.startsWith(stem) && one !== stem);
  const value = name === undefined ? undefined : element[name];
  if (name === undefined || value === undefined) return undefined;
  const type = name.slice(stem.length);
  const primitive = type.charAt(0).toLowerCase() + type.slice(1);
  return { value, type: typeKind(type) === undefined ? primitive : type };
}

function maxValueSetOf(binding: FhirObject): string | undefined {
  const extension = objectsAt(binding, 'extension').find(
    (one) => textAt(one, 'url') === `${core}elementdefinition-maxValueSet`,
  );
  const url = extension && choiceAt(extension, 'value');
  return typeof url === 'string' ? unversioned(url) : undefined;
}

function typeCode(type: FhirObject): string {
  const code = textAt(type, 'code') ?? '';
  return code.startsWith('http://hl7.org/fhirpath/System.') ? 'string' : code;
}

/** Without those of R4 itself, which every resource is checked by. */
function constraintOf(constraint: FhirObject): ProfileConstraint[] {
  const [key = '', expression] = [textAt(constraint, 'key'), textAt(constraint, 'expression')];
  const source = textAt(constraint, 'source');
  if (expression === undefined || /^(?:ele|ext|dom|txt|ref)-\d+$/.test(key)) return [];
  if (source !== undefined && coreTypeOf(source) !== undefined) return [];
  const severity = textAt(constraint, 'severity') === 'error' ? 'error' : 'warning';
  return [{ key, expression, severity, human: textAt(constraint, 'human') ?? '' }];
}

function slicingOf(slicing: FhirObject): Slicing {
  return {
    discriminators: objectsAt(slicing, 'discriminator').map((one) => ({
      type: textAt(one, 'type') ?? '',
      path: textAt(one, 'path') ?? '',
    })),
    closed: textAt(slicing, 'rules') === 'closed',
    ordered: slicing['ordered'] === true,
  };
}
