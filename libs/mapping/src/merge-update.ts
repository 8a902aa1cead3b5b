import type { FhirObject, FhirValue } from '#fhir';
import type { MappedResource } from './mapping-result.js';

/** The extension of R4 that says why an element has no value. */
export const absentReason = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';

/**
 * What is stored once `incoming` has met `current` (HL7 v2.5.1 chapter 2.5.3.2: an absent field means no change,
 * `""` means delete). For `snapshot`, and when there is nothing yet, the incoming resource as it is. Top-level
 * elements are replaced whole, a repeating field being a snapshot of all its repetitions; extensions by url.
 * Neither argument is changed; sub-objects may be shared with both.
 */
export function mergeUpdate(
  current: FhirObject | undefined,
  incoming: Pick<MappedResource, 'merge' | 'resource' | 'removals'>,
): FhirObject {
  if (incoming.merge === 'snapshot' || current === undefined) return incoming.resource;
  if (incoming.merge === 'refer') return current;
  const merged: FhirObject = { ...current };
  for (const name of incoming.removals) removeElement(merged, name);
  for (const [name, value] of Object.entries(incoming.resource)) {
    if (name === 'extension' || name === 'modifierExtension') {
      merged[name] = mergeExtensions(merged[name], value);
      continue;
    }
    removeOtherChoices(merged, name, current);
    merged[name] = value;
  }
  dropAbsence(merged);
  return merged;
}

/** What is said of the absence of a value goes where there is a value: a moment that could be read says more than one that could not. */
export function dropAbsence(resource: FhirObject): void {
  for (const name of Object.keys(resource)) {
    if (!name.startsWith('_') || !saysAbsent(resource[name])) continue;
    const plain = name.slice(1);
    const stem = choices.find((one) => isChoiceOf(plain, one));
    const isThere =
      plain in resource || (stem !== undefined && Object.keys(resource).some((key) => isChoiceOf(key, stem)));
    if (isThere) delete resource[name];
  }
}

function saysAbsent(value: FhirValue | undefined): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { extension } = value as FhirObject;
  return Array.isArray(extension) && extension.some((one) => extensionUrl(one) === absentReason);
}

function removeExtension(resource: FhirObject, name: string, url: string): void {
  const list = resource[name];
  if (!Array.isArray(list)) return;
  const rest = list.filter((extension) => extensionUrl(extension) !== url);
  if (rest.length > 0) resource[name] = rest;
  else delete resource[name];
}

/** Removes `name`, `_name` and, for a choice, every typed form of it. */
function removeElement(resource: FhirObject, name: string): void {
  const at = name.indexOf(':');
  if (at > 0) {
    removeExtension(resource, name.slice(0, at), name.slice(at + 1));
    return;
  }
  delete resource[name];
  delete resource[`_${name}`];
  for (const key of Object.keys(resource)) if (isChoiceOf(key, name)) delete resource[key];
}

const choices = [
  'deceased',
  'multipleBirth',
  'value',
  'effective',
  'onset',
  'abatement',
  'occurrence',
  'performed',
];

/** `deceasedDateTime` takes the place of `deceasedBoolean`: one element in two forms. */
function removeOtherChoices(merged: FhirObject, name: string, current: FhirObject): void {
  if (name in current) return;
  const choice = choices.find((stem) => isChoiceOf(name, stem));
  if (choice !== undefined) removeElement(merged, choice);
}

function isChoiceOf(key: string, stem: string): boolean {
  return (
    key.length > stem.length &&
    key.startsWith(stem) &&
    /^[A-Z]/.test(key.slice(stem.length)) &&
    choices.includes(stem)
  );
}

function mergeExtensions(current: FhirValue | undefined, incoming: FhirValue): FhirValue {
  if (!Array.isArray(current) || !Array.isArray(incoming)) return incoming;
  const replaced = new Set(incoming.map(extensionUrl));
  return [...current.filter((extension) => !replaced.has(extensionUrl(extension))), ...incoming];
}

function extensionUrl(extension: FhirValue): string {
  const url =
    typeof extension === 'object' && extension !== null && 'url' in extension ? extension['url'] : undefined;
  return typeof url === 'string' ? url : '';
}
