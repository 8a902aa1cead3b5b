import { Decimal } from './decimal.js';
import type { Findings } from './issue.js';
import type { FhirObject, FhirValue } from './write-json.js';

/** Checks one invariant on an object whose structure has been checked, and has been found right or not. */
export type Rule = (value: FhirObject, findings: Findings) => void;

/** True when any of these members is there. */
export const has = (value: FhirObject, ...names: string[]): boolean =>
  names.some((name) => value[name] !== undefined);
/** True when a choice is there in any type: `valueQuantity` for the stem `value`. */
export const choice = (value: FhirObject, stem: string): boolean => {
  for (const name in value) if (name.startsWith(stem) && /^[A-Z]/.test(name.charAt(stem.length))) return true;
  return false;
};
/** The items of an array; none for anything else. */
export const list = (value: FhirValue | undefined): readonly FhirValue[] =>
  Array.isArray(value) ? value : [];
/** The object, if it is one. */
export const asObject = (value: FhirValue | undefined): FhirObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal)
    ? value
    : undefined;
/** The text, or '' for anything else. */
export const textOf = (value: FhirValue | undefined): string => (typeof value === 'string' ? value : '');
/** True when one coding of a CodeableConcept has one of the codes of this system. */
export const hasCode = (concept: FhirValue | undefined, system: string, ...codes: string[]): boolean =>
  codings(concept).some((coding) => codes.some((code) => coding === `${system} ${code}`));
/** `system code` of each coding of a CodeableConcept. */
export const codings = (concept: FhirValue | undefined): string[] =>
  list(asObject(concept)?.['coding']).map(
    (coding) => `${textOf(asObject(coding)?.['system'])} ${textOf(asObject(coding)?.['code'])}`,
  );
/** The number of a decimal or integer. */
export const numberOf = (value: FhirValue | undefined): number | undefined =>
  value instanceof Decimal ? value.toNumber() : typeof value === 'number' ? value : undefined;

/** A rule that wants `holds`; the issue stands at the element itself. */
export function rule(key: string, message: string, holds: (value: FhirObject) => boolean): Rule {
  return (value, findings) => {
    if (!holds(value)) findings.add('rule', `${key}: ${message}`);
  };
}

/** Several rules as one. */
export function all(...rules: Rule[]): Rule {
  return (value, findings) => {
    for (const each of rules) each(value, findings);
  };
}

/** A rule that wants one of the members. */
export const atLeastOne = (key: string, ...names: string[]): Rule =>
  rule(key, `one of ${names.join(', ')} is needed`, (value) => has(value, ...names));

/** Dates, or times with a zone; of different precision they cannot be compared, which R4 lets pass. */
export function inOrder(start: FhirValue | undefined, end: FhirValue | undefined): boolean {
  if (typeof start !== 'string' || typeof end !== 'string') return true;
  if (start.length > 10 !== end.length > 10) return true;
  if (start.length <= 10) {
    const shared = Math.min(start.length, end.length);
    return start.slice(0, shared) <= end.slice(0, shared);
  }
  const [from, to] = [Date.parse(start), Date.parse(end)];
  return Number.isNaN(from) || Number.isNaN(to) || from <= to;
}
