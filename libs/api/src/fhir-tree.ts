import { Decimal, type FhirObject, type FhirValue } from '#fhir';

/** True for what has members. */
export function isObject(value: FhirValue | undefined): value is FhirObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal);
}

/** A tree of its own, for changing. */
export function copyTree<T extends FhirValue>(value: T): T {
  if (Array.isArray(value)) return value.map(copyTree) as T;
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copyTree(member)])) as T;
}
