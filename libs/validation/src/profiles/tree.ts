import type { FhirObject, FhirValue } from '#fhir';
import { isObject } from '../fhirpath/item.js';

/** Looks into a tree of which nobody has checked the structure. */
export const textAt = (value: FhirObject, name: string): string | undefined => {
  const found = value[name];
  return typeof found === 'string' ? found : undefined;
};
export const objectAt = (value: FhirObject, name: string): FhirObject | undefined => {
  const found = value[name];
  return isObject(found) ? found : undefined;
};
export const objectsAt = (value: FhirObject, name: string): readonly FhirObject[] => {
  const found = value[name];
  return Array.isArray(found) ? found.filter(isObject) : [];
};
export const textsAt = (value: FhirObject, name: string): readonly string[] => {
  const found = value[name];
  return Array.isArray(found) ? found.filter((one): one is string => typeof one === 'string') : [];
};
/** The value of a choice, whatever its type: `fixedCode` for `fixed`. */
export const choiceAt = (value: FhirObject, stem: string): FhirValue | undefined => {
  const name = Object.keys(value).find(
    (one) => one.startsWith(stem) && /^[A-Z]/.test(one.slice(stem.length)),
  );
  return name === undefined ? undefined : value[name];
};
/** A canonical without its version. */
export const unversioned = (canonical: string): string => canonical.split('|', 1)[0] ?? canonical;
