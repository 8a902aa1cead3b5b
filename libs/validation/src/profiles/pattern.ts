import type { FhirValue } from '#fhir';
import { isSame } from '../fhirpath/compare.js';
import { isObject } from '../fhirpath/item.js';

/** True when `value` has everything that `pattern` has (R4, ElementDefinition.pattern[x]); arrays in any order. */
export function hasPattern(value: FhirValue | undefined, pattern: FhirValue): boolean {
  if (Array.isArray(pattern))
    return Array.isArray(value) && pattern.every((wanted) => value.some((item) => hasPattern(item, wanted)));
  if (!isObject(pattern)) return isSame(value, pattern);
  if (!isObject(value)) return false;
  return Object.keys(pattern).every((name) => hasPattern(value[name], pattern[name] ?? null));
}
