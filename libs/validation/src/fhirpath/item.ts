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
}

export const isObject = (value: FhirValue | undefined): value is FhirObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal);

export const yes: readonly Item[] = [{ value: true, type: 'boolean' }];
export const no: readonly Item[] = [{ value: false, type: 'boolean' }];
export const nothing: readonly Item[] = [];
export const truth = (value: boolean): readonly Item[] => (value ? yes : no);
export const text = (value: string): readonly Item[] => [{ value, type: 'string' }];
export const whole = (value: number): readonly Item[] => [{ value, type: 'integer' }];

interface Step {
  /** Member of JSON -> the type of its values; `Resource` where the value itself says it. */
  readonly members: readonly (readonly [member: string, type: string])[];
}

/** Types and elements of R4, times the names that expressions use; beyond that nothing is kept. */
const stepsMax = 20_000;
const steps = new Map<string, Step>();

function stepOf(type: string, name: string): Step {
  const key = `${type} ${name}`;
  let step = steps.get(key);
  if (!step) {
    step = { members: membersOf(type, name) };
    if (steps.size < stepsMax) steps.set(key, step);
  }
  return step;
}

function membersOf(type: string, name: string): [string, string][] {
  const element = elementType(typeKind(type) === 'primitive' ? 'Element' : type, name);
  if (!element.known || name.startsWith('_')) return [];
  // FHIRPath has `value`, never `valueQuantity`.
  if (element.name !== name && element.name !== `${name}[x]`) return [];
  return element.types.map((one) => [
    element.choice ? choiceName(`${name}[x]`, one) : name,
    element.backbone ? (element.content ?? one) : one,
  ]);
}

function typeOfResource(value: FhirValue): string {
  return isObject(value) && typeof value['resourceType'] === 'string' ? value['resourceType'] : 'Resource';
}

/** An item for a resource. */
export function resourceItem(value: FhirObject): Item {
  return { value, type: typeOfResource(value) };
}

/** The children of `item` by this name. */
export function step(item: Item, name: string, into: Item[]): void {
  const { value, beside, type } = item;
  const owner = isObject(value) ? value : beside;
  if (!owner) return;
  for (const [member, of] of stepOf(type, name).members) {
    const found = owner[member];
    const extras = owner[`_${member}`];
    if (Array.isArray(found) || Array.isArray(extras)) {
      const [values, besides] = [Array.isArray(found) ? found : [], Array.isArray(extras) ? extras : []];
      for (let i = 0; i < Math.max(values.length, besides.length); i++) push(into, of, values[i], besides[i]);
    } else push(into, of, found, extras);
  }
}

function push(into: Item[], type: string, value: FhirValue | undefined, extras: FhirValue | undefined): void {
  const beside = isObject(extras) ? extras : undefined;
  if ((value ?? undefined) === undefined) {
    if (beside) into.push({ value: undefined, type, beside });
  } else if (type === 'Resource') into.push({ value, type: typeOfResource(value ?? null) });
  else if (beside) into.push({ value, type, beside });
  else into.push({ value, type });
}

/** All children of `item`, in the order of R4. */
export function children(item: Item, into: Item[]): void {
  const type = typeKind(item.type) === 'primitive' ? 'Element' : item.type;
  for (const name of childrenOf(type)) step(item, name.replace('[x]', ''), into);
}

/** A value as FHIRPath writes it; '' for an object. */
export function written({ value }: Item): string {
  return value === undefined || Array.isArray(value) || isObject(value) ? '' : String(value);
}
