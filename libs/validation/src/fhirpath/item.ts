import {
  childrenOf,
  choiceName,
  Decimal,
  elementType,
  type FhirObject,
  type FhirValue,
  typeKind,
} from '#fhir';

/** One value of a collection, with its type as `#fhir` names it (`Observation.component`, `code`). */
export interface Item {
  readonly value: FhirValue | undefined;
  readonly type: string;
  /** Id and extensions of a primitive. */
  readonly beside?: FhirObject;
  /** Only below an item that has one itself: what is to be changed must be found again. */
  readonly place?: Place;
}

/** Where an item stands. */
export interface Place {
  /** What it is a child of; undefined: the resource that was asked. */
  readonly parent: Item | undefined;
  /** Its member: `valueQuantity`, never `value`. */
  readonly name: string;
  /** In a list. */
  readonly index: number | undefined;
}

export const isObject = (value: FhirValue | undefined): value is FhirObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal);

export const yes: readonly Item[] = [{ value: true, type: 'boolean' }];
export const no: readonly Item[] = [{ value: false, type: 'boolean' }];
export const nothing: readonly Item[] = [];
export const truth = (value: boolean): readonly Item[] => (value ? yes : no);
export const text = (value: string): readonly Item[] => [{ value, type: 'string' }];
export const whole = (value: number): readonly Item[] => [{ value, type: 'integer' }];

/** A member of JSON, and the type of its values; `Resource` where the value itself says it. */
interface Member {
  /** As FHIRPath has it: `value`. */
  readonly of: string;
  readonly name: string;
  readonly beside: string;
  readonly type: string;
}

/** The members of a type, by the name that FHIRPath has for them (`value`, never `valueQuantity`). */
interface Shape {
  readonly byName: ReadonlyMap<string, readonly Member[]>;
  readonly byMember: ReadonlyMap<string, Member>;
}

/** As many as R4 has types and nested elements. */
const shapes = new Map<string, Shape>();
const noMembers: readonly Member[] = [];

function shapeOf(type: string): Shape {
  let shape = shapes.get(type);
  if (!shape) {
    shape = makeShape(typeOfMembers(type));
    if (shape.byName.size > 0) shapes.set(type, shape);
  }
  return shape;
}

/** The type that has the members of an element: those of a primitive are id and extension. */
export function typeOfMembers(type: string): string {
  return typeKind(type) === 'primitive' ? 'Element' : type;
}

function makeShape(type: string): Shape {
  const byName = new Map<string, Member[]>();
  const byMember = new Map<string, Member>();
  for (const child of childrenOf(type)) {
    const element = elementType(type, child);
    if (!element.known) continue;
    const members = element.types.map((one) => {
      const name = element.choice ? choiceName(child, one) : child;
      const of = child.replace('[x]', '');
      return { of, name, beside: `_${name}`, type: element.backbone ? (element.content ?? one) : one };
    });
    byName.set(child.replace('[x]', ''), members);
    for (const member of members) {
      byMember.set(member.name, member);
      byMember.set(member.beside, member);
    }
  }
  return { byName, byMember };
}

function typeOfResource(value: FhirValue): string {
  return isObject(value) && typeof value['resourceType'] === 'string' ? value['resourceType'] : 'Resource';
}

/** An item for a resource. */
export function resourceItem(value: FhirObject): Item {
  return { value, type: typeOfResource(value) };
}

/** A choice of more types is looked for among what the element has, for elements have few members. */
const lookedUpMax = 8;

/** The children of `item` by this name. */
export function step(item: Item, name: string, into: Item[]): void {
  stepTo(shapeOf(item.type), item, name, into);
}

/** The same for one name and many items, which are mostly of one type. */
export function stepper(name: string): (item: Item, into: Item[]) => void {
  let type: string | undefined;
  let shape: Shape | undefined;
  return (item, into) => {
    if (shape === undefined || item.type !== type) {
      type = item.type;
      shape = shapeOf(type);
    }
    stepTo(shape, item, name, into);
  };
}

function stepTo(shape: Shape, item: Item, name: string, into: Item[]): void {
  const owner = isObject(item.value) ? item.value : item.beside;
  if (!owner) return;
  const members = shape.byName.get(name) ?? noMembers;
  if (members.length <= lookedUpMax) {
    for (const member of members) pushMember(owner, member, into, item);
    return;
  }
  for (const key in owner) {
    const member = shape.byMember.get(key);
    // A value and what stands beside it are one item.
    if (member?.of === name && (key === member.name || !(member.name in owner)))
      pushMember(owner, member, into, item);
  }
}

function pushMember(owner: FhirObject, member: Member, into: Item[], parent: Item): void {
  const { name, beside, type } = member;
  const found = owner[name];
  const extras = owner[beside];
  if (found === undefined && extras === undefined) return;
  if (!Array.isArray(found) && !Array.isArray(extras))
    return push(into, type, found, extras, parent.place && { parent, name, index: undefined });
  const [values, besides] = [Array.isArray(found) ? found : [], Array.isArray(extras) ? extras : []];
  for (let i = 0; i < Math.max(values.length, besides.length); i++)
    push(into, type, values[i], besides[i], parent.place && { parent, name, index: i });
}

function push(
  into: Item[],
  type: string,
  value: FhirValue | undefined,
  extras: FhirValue | undefined,
  place: Place | undefined,
): void {
  const beside = isObject(extras) ? extras : undefined;
  if ((value ?? undefined) === undefined) {
    if (beside)
      into.push(place ? { value: undefined, type, beside, place } : { value: undefined, type, beside });
    return;
  }
  const own = type === 'Resource' ? typeOfResource(value ?? null) : type;
  if (place) into.push(beside ? { value, type: own, beside, place } : { value, type: own, place });
  else into.push(beside ? { value, type: own, beside } : { value, type: own });
}

/** All children of `item`. */
export function children(item: Item, into: Item[]): void {
  const owner = isObject(item.value) ? item.value : item.beside;
  if (!owner) return;
  const { byMember } = shapeOf(item.type);
  for (const name in owner) {
    const member = byMember.get(name);
    // A value and what stands beside it are one item.
    if (member && (name === member.name || !(member.name in owner))) pushMember(owner, member, into, item);
  }
}

/** A value as FHIRPath writes it; '' for an object. */
export function written({ value }: Item): string {
  return value === undefined || Array.isArray(value) || isObject(value) ? '' : String(value);
}
