import type { FhirObject, FhirValue } from '#fhir';
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
  return JSON.stringify({ ...one, id: '' }) === JSON.stringify({ ...other, id: '' });
}
