import { Decimal, type FhirObject, type FhirValue } from '#fhir';
import { dropAbsence } from '../merge-update.js';
import type { Mapped } from './mapped.js';

/** So many different contents that one content was merged with are remembered. */
const mergesMax = 4;

interface Merge {
  readonly more: FhirObject;
  readonly merged: FhirObject;
}

/** By what was there first. */
const merges = new WeakMap<FhirObject, Merge[]>();

/** The same resource twice in one message: what either says stays, lists are joined. */
export function mergeWithin(known: Mapped, more: FhirObject): Mapped {
  return take(known, merge(known.resource, more), false);
}

/** As `mergeWithin`, for content that is remembered: what is merged twice is the same object twice. */
export function mergeRemembered(known: Mapped, more: FhirObject): Mapped {
  if (!known.remembered) return mergeWithin(known, more);
  let list = merges.get(known.resource);
  if (list === undefined) {
    list = [];
    merges.set(known.resource, list);
  }
  for (const one of list) if (one.more === more) return take(known, one.merged, true);
  const merged = Object.freeze(merge(known.resource, more));
  if (list.length === mergesMax) list.shift();
  list.push({ more, merged });
  return take(known, merged, true);
}

function take(known: Mapped, resource: FhirObject, remembered: boolean): Mapped {
  // What was there stays as it is: it may be remembered.
  known.resource = resource;
  known.remembered = remembered;
  known.removals = known.removals.filter((name) => resource[name] === undefined);
  return known;
}

function merge(known: FhirObject, more: FhirObject): FhirObject {
  const resource = { ...known };
  for (const [name, value] of Object.entries(more)) {
    const old = resource[name];
    resource[name] = Array.isArray(old) && Array.isArray(value) ? union(old, value) : value;
  }
  dropAbsence(resource);
  return resource;
}

function union(old: readonly FhirValue[], more: readonly FhirValue[]): FhirValue[] {
  const seen = new Set(old.map((one) => JSON.stringify(one)));
  return [...old, ...more.filter((one) => !seen.has(JSON.stringify(one)))];
}

/** Other text (a set id), equal content: one result that was sent twice. */
export function sameContent(one: FhirObject, other: FhirObject): boolean {
  return isSame(one, other, 'id');
}

/** Compares as far as they are equal; `except` is a name at the top that does not count. */
function isSame(one: FhirValue | undefined, other: FhirValue | undefined, except = ''): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (one instanceof Decimal || other instanceof Decimal)
    return one instanceof Decimal && other instanceof Decimal && one.text === other.text;
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
    return one.every((value, i) => isSame(value, other[i]));
  }
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every(
    (name) => name === except || isSame((one as FhirObject)[name], (other as FhirObject)[name]),
  );
}
