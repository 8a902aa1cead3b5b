import { isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import { type Condition, compileCondition } from './condition.js';
import { dateKeysOf } from './date-keys.js';
import { keyHash, keyPrefix, patientHash } from './index-keys.js';
import { nearQuery } from './near-query.js';
import { alternatives, cutAt, unescapeValue } from './query-text.js';
import { compartmentOf, parametersOf } from './search-parameters.js';
import { containsWords } from './string-query.js';
import type { QueryContext, Span, Target } from './value-query.js';

/** Where to look for what matches: everything that does is under one of these, and other things may be. */
export interface Candidates {
  /** Terms of the index. */
  readonly terms: readonly string[];
  readonly patients: readonly bigint[];
  readonly ids: readonly string[];
  /** A Provenance may lie in a pack with a version of one of these. */
  readonly origins: readonly Target[];
}

/** What resources of one type must look like. */
export interface Criteria {
  readonly type: string;
  /** Only these ids can match; undefined: any. */
  readonly ids: readonly string[] | undefined;
  /** The best index found; undefined: none, every resource of the type is a candidate. */
  readonly candidates: Candidates | undefined;
  /** Other conditions that an index serves: one of them may lead to fewer. */
  readonly others: readonly Candidates[];
  /** True when every candidate of the type matches without being looked at. */
  readonly unconditional: boolean;
  matches(resource: object): boolean;
}

/** A `name=value` of a query, decoded, in order; the name may carry a modifier. */
export type QueryPair = readonly [name: string, value: string];

/** Most parameters: with the bound on alternatives, what one request may cost. */
const MAX_PARAMETERS = 50;

/**
 * Compiles `Type?name=value&...` as a subscription states it. Throws `rejected`: SEARCH_TYPE_UNKNOWN,
 * SEARCH_PARAMETER_UNKNOWN with the list of what exists, SEARCH_VALUE_INVALID, SEARCH_TOO_COSTLY.
 */
export function compileCriteria(text: string): Criteria {
  const mark = text.indexOf('?');
  const type = mark < 0 ? text : text.slice(0, mark);
  const pairs = mark < 0 ? [] : [...new URLSearchParams(text.slice(mark + 1))];
  return compileConditions(type, pairs, {});
}

/** Most conditions of which the best is chosen. */
const MAX_OPTIONS = 4;

/** The rank of what no index serves. */
const NEVER_FIRST = 9;

interface Ranked extends Condition {
  readonly patients: readonly bigint[];
  readonly ids?: readonly string[];
  /** `Type|parameter|`; of conditions on content. */
  readonly prefix?: string;
}

/**
 * `compileCriteria` for a query that is cut into pairs already. `compartment`: only what belongs to that resource. Throws also
 * SEARCH_TYPE_UNKNOWN for a compartment that has no such type.
 */
export function compileConditions(
  type: string,
  pairs: readonly QueryPair[],
  context: QueryContext,
  compartment?: { readonly type: string; readonly id: string },
): Criteria {
  requireType(type);
  if (pairs.length > MAX_PARAMETERS) {
    throw new EngineError(
      'rejected',
      'SEARCH_TOO_COSTLY',
      `a search has at most ${MAX_PARAMETERS} parameters`,
    );
  }
  let ids: readonly string[] | undefined;
  const conditions: Ranked[] = [];
  for (const [name, value] of pairs) {
    if (name === '_id') {
      const asked = idsOf(name, value);
      ids = ids === undefined ? asked : ids.filter((id) => asked.includes(id));
    } else if (name === '_id:not') conditions.push(otherIds(idsOf(name, value)));
    else conditions.push(compileParameter(type, name, value, context));
  }
  if (compartment !== undefined) conditions.push(compartmentCondition(type, compartment, context));
  const indexed = joinReaches(conditions)
    .filter(({ keys }) => keys !== undefined)
    .sort((a, b) => a.rank - b.rank);
  const options = indexed.map(
    ({ keys = [], patients, ids: named = [], targets = [] }): Candidates => ({
      terms: keys.map(keyHash),
      patients,
      ids: named,
      origins: type === 'Provenance' ? targets : [],
    }),
  );
  return {
    type,
    ids,
    candidates: options[0],
    // Nothing leads to fewer than an identifier or a patient.
    others: (indexed[0]?.rank ?? 0) < 1 ? [] : options.slice(1, MAX_OPTIONS),
    unconditional: ids === undefined && conditions.length === 0,
    matches: (resource) => {
      const { resourceType, id } = resource as { resourceType?: unknown; id?: unknown };
      if (resourceType !== type) return false;
      if (ids !== undefined && !(typeof id === 'string' && ids.includes(id))) return false;
      for (const condition of conditions) if (!condition.matches(resource)) return false;
      return true;
    },
  };
}

/** The ids that a value of `_id` names: a token without a system (R4 search, section 3.1.1.4.10). */
function idsOf(name: string, text: string): string[] {
  return alternatives(name, text).flatMap((value) => {
    const [first = '', second] = cutAt(value, '|').map(unescapeValue);
    if (second === undefined) return [first];
    return first === '' ? [second] : [];
  });
}

function otherIds(ids: readonly string[]): Ranked {
  const matches = (resource: object): boolean => !ids.includes((resource as { id: string }).id);
  return { keys: undefined, patients: [], rank: NEVER_FIRST, matches };
}

/** A range is written as two conditions on one parameter; where there is one time, it overlaps with what both leave. */
function joinReaches(conditions: readonly Ranked[]): Ranked[] {
  const joined = new Map<string, Span>();
  for (const { prefix, reach } of conditions) {
    if (prefix === undefined || reach === undefined) continue;
    const other = joined.get(prefix) ?? reach;
    joined.set(prefix, { low: Math.max(other.low, reach.low), high: Math.min(other.high, reach.high) });
  }
  return conditions.map((condition) => {
    const { prefix, reach } = condition;
    const span = prefix === undefined || reach === undefined ? undefined : joined.get(prefix);
    return span === undefined || span === reach
      ? condition
      : { ...condition, keys: dateKeysOf(span).map((key) => `${prefix ?? ''}${key}`) };
  });
}

/** Any of the parameters that put a resource into the compartment leads to its owner. */
function compartmentCondition(
  type: string,
  { type: ownerType, id: ownerId }: { readonly type: string; readonly id: string },
  context: QueryContext,
): Ranked {
  const names = compartmentOf(ownerType)?.get(type);
  if (names === undefined) {
    throw new EngineError(
      'rejected',
      'SEARCH_TYPE_UNKNOWN',
      'no compartment of that type holds such resources',
    );
  }
  // The owner belongs to its compartment; some definitions say so by `{def}`.
  const isOwner = (resource: object): boolean =>
    type === ownerType && (resource as { id?: unknown }).id === ownerId;
  const conditions = names
    .filter((name) => name !== '{def}')
    .map((name) => compileParameter(type, name, `${ownerType}/${ownerId}`, context));
  return {
    rank: 0.5,
    keys: conditions.flatMap(({ keys }) => keys ?? []),
    ids: type === ownerType ? [ownerId] : [],
    patients: conditions.flatMap(({ patients }) => patients),
    targets: conditions.flatMap(({ targets = [] }) => targets),
    matches: (resource) => isOwner(resource) || conditions.some((one) => one.matches(resource)),
  };
}

/** Throws `rejected` SEARCH_TYPE_UNKNOWN. */
export function requireType(type: string): void {
  if (isResourceType(type)) return;
  throw new EngineError('rejected', 'SEARCH_TYPE_UNKNOWN', 'this is no resource type of FHIR R4');
}

/** The names that a search of `type` may use for content, `_id` first. */
export function searchParameterNames(type: string): string[] {
  const special = type === 'Location' ? ['near'] : [];
  return ['_id', '_text', '_content', ...parametersOf(type).keys(), ...special];
}

/** Says what is wrong with a parameter, where (FHIR names a query parameter `http.name`), and what exists instead. */
export function unknownParameter(name: string, type: string, known: readonly string[]): EngineError {
  const shown = name.slice(0, 64);
  return new EngineError(
    'rejected',
    'SEARCH_PARAMETER_UNKNOWN',
    `${type} has no search parameter '${shown}'; it has ${known.join(', ')}`,
    { cause: { at: `http.${shown}` } },
  );
}

/** Cuts `name:modifier`; the modifier of a chain keeps its path (`subject:Patient.name` has `Patient.name`). */
export function cutModifier(name: string): [name: string, modifier: string | undefined] {
  const colon = name.indexOf(':');
  return colon < 0 ? [name, undefined] : [name.slice(0, colon), name.slice(colon + 1)];
}

function compileParameter(
  type: string,
  nameAndModifier: string,
  text: string,
  context: QueryContext,
): Ranked {
  const [name, modifier] = cutModifier(nameAndModifier);
  if ((name === '_text' || name === '_content') && modifier === undefined) return wordsCondition(name, text);
  if (type === 'Location' && nameAndModifier === 'near')
    return { matches: nearQuery(text), keys: undefined, patients: [], rank: NEVER_FIRST };
  const parameter = parametersOf(type).get(name);
  if (parameter === undefined) throw unknownParameter(nameAndModifier, type, searchParameterNames(type));
  const condition = compileCondition(type, parameter, modifier, text, context);
  const mayBePatient = parameter.kind === 'reference' && condition.keys !== undefined;
  const prefix = keyPrefix(type, parameter);
  return { ...condition, prefix, patients: mayBePatient ? patientsOf(condition.keys ?? []) : [] };
}

/** References to the Patient of a record have no rows, so whatever the key names may be found by that Patient. */
function patientsOf(keys: readonly string[]): bigint[] {
  return keys.flatMap((key) => {
    const id = key.slice(key.indexOf('||') + 2);
    return /^[A-Za-z0-9\-.]{1,64}$/.test(id) ? [patientHash(id)] : [];
  });
}

function wordsCondition(name: string, text: string): Ranked {
  const tests = alternatives(name, text).map(containsWords);
  return {
    keys: undefined,
    patients: [],
    rank: NEVER_FIRST,
    matches: (resource) => {
      const narrative = (resource as { text?: { div?: unknown } }).text?.div;
      const shown = typeof narrative === 'string' ? narrative.replace(/<[^>]*>/g, ' ') : '';
      const words = name === '_text' ? shown : `${shown} ${textOf(resource)}`;
      return tests.some((test) => test(words));
    },
  };
}

/** Every text in a resource, names of members left out. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return (value as unknown[]).map(textOf).join(' ');
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value as Record<string, unknown>)
    .map(textOf)
    .join(' ');
}
