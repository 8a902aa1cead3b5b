import { EngineError } from '#kernel';
import {
  alternatives,
  compartmentOf,
  cutModifier,
  instantQuery,
  invalidValue,
  parametersOf,
  type QueryPair,
  requireType,
  searchParameterNames,
  unknownParameter,
} from '#search';
import { type Inclusion, parseInclusion } from './search-inclusions.js';
import { type PagePlace, parsePlace } from './search-place.js';
import type { TypeSearch } from './search-resources.js';
import { parseSort, type SortRule } from './search-sort.js';

/** A search as a client asks for it; chains are still to be followed. */
export interface SearchRequest {
  /** Resource types, in the order in which their resources come. */
  readonly types: readonly string[];
  /** Parameters on content, checked for their names. */
  readonly content: readonly QueryPair[];
  /** Only what belongs to this resource. */
  readonly compartment: Compartment | undefined;
  /** Conditions on `meta.lastUpdated`: every list must hold, by any of its entries. */
  readonly lastUpdated: TypeSearch['lastUpdated'];
  readonly sort: readonly SortRule[];
  readonly inclusions: readonly Inclusion[];
  /** Resources on a page; 0: only how many there are. */
  readonly count: number;
  readonly countAll: boolean;
  /** Where the page before ended. */
  readonly after: PagePlace | undefined;
  /** The pairs that were followed, for the self link (R4 search, section 3.1.1.1: what the server really used). */
  readonly followed: readonly QueryPair[];
  /** Names that were skipped because the client asked for leniency. */
  readonly ignored: readonly string[];
  readonly options: SearchOptions;
}

export interface Compartment {
  readonly type: string;
  readonly id: string;
}

export interface SearchOptions {
  /** `Prefer: handling=lenient`: unknown parameters are skipped instead of refused. */
  readonly lenient: boolean;
  /** The address under which the client reached this server, so that absolute references to it are understood. */
  readonly ownUrl: string | undefined;
  readonly compartment?: Compartment;
}

const DEFAULT_COUNT = 50;
const MAX_COUNT = 1_000;
/** Parameters that shape the result or look at the row, not at the content. */
const resultParameters = [
  '_lastUpdated',
  '_has',
  '_list',
  '_count',
  '_sort',
  '_total',
  '_summary',
  '_include',
  '_revinclude',
  '_type',
  '_page',
];

type Draft = {
  -readonly [Key in 'count' | 'countAll' | 'after' | 'sort']: SearchRequest[Key];
} & {
  readonly content: QueryPair[];
  readonly lastUpdated: TypeSearch['lastUpdated'][number][];
  readonly inclusions: Inclusion[];
};

/**
 * Reads the query of a search of `type` (undefined: of the types that `_type` names). Throws `rejected`: SEARCH_TYPE_UNKNOWN,
 * SEARCH_PARAMETER_UNKNOWN with the list of what exists, SEARCH_VALUE_INVALID, SEARCH_TOO_COSTLY.
 */
export function parseSearch(
  type: string | undefined,
  pairs: readonly QueryPair[],
  options: SearchOptions,
): SearchRequest {
  const types = typesOf(type, pairs, options.compartment);
  for (const one of types) requireType(one);
  const followed: QueryPair[] = [];
  const ignored: string[] = [];
  const draft: Draft = {
    content: [],
    lastUpdated: [],
    inclusions: [],
    sort: [],
    count: DEFAULT_COUNT,
    countAll: false,
    after: undefined,
  };
  for (const pair of pairs) {
    const [name, value] = pair;
    if (value === '') continue; // a parameter without a value asks for nothing
    if (!take(draft, pair, types)) {
      const unknown = types.find((one) => !isKnown(one, name));
      if (unknown === undefined) draft.content.push(pair);
      else if (options.lenient) {
        ignored.push(name);
        continue;
      } else throw unknownParameter(name, unknown, [...searchParameterNames(unknown), ...resultParameters]);
    }
    if (name !== '_page') followed.push(pair);
  }
  return { ...draft, types, compartment: options.compartment, followed, ignored, options };
}

/** Takes a parameter that is not about content; false: it is another one. */
function take(draft: Draft, [name, value]: QueryPair, types: readonly string[]): boolean {
  switch (name) {
    case '_lastUpdated':
      draft.lastUpdated.push(alternatives(name, value).map((one) => instantQuery(name, one, Date.now())));
      return true;
    case '_count':
      draft.count = parseCount(value);
      if (draft.count === 0) draft.countAll = true;
      return true;
    case '_total':
      requireOneOf(name, value, ['none', 'estimate', 'accurate']);
      if (value === 'accurate') draft.countAll = true;
      return true;
    case '_summary':
      requireOneOf(name, value, ['count', 'false']);
      if (value === 'count') Object.assign(draft, { count: 0, countAll: true });
      return true;
    case '_sort':
      draft.sort = parseSort(value, types);
      return true;
    case '_page':
      draft.after = parsePlace(value);
      return true;
    case '_type':
      return true;
  }
  const [base, modifier] = cutModifier(name);
  if (base !== '_include' && base !== '_revinclude') return false;
  draft.inclusions.push(parseInclusion(base, modifier, value));
  return true;
}

function typesOf(
  type: string | undefined,
  pairs: readonly QueryPair[],
  compartment: Compartment | undefined,
): string[] {
  const asked = pairs
    .filter(([name]) => name === '_type')
    .flatMap(([name, value]) => alternatives(name, value));
  if (type !== undefined && type !== '*') return [type];
  if (asked.length > 0) return [...new Set(asked)];
  if (type === '*' && compartment !== undefined) return [...(compartmentOf(compartment.type)?.keys() ?? [])];
  throw new EngineError(
    'rejected',
    'SEARCH_TOO_COSTLY',
    "a search of the whole server needs '_type' with the resource types to look at",
    { cause: { at: 'http._type' } },
  );
}

/** The names that a search of `type` accepts. */
export function searchableNames(type: string): { name: string; kind: string }[] {
  const content = [...parametersOf(type).values()].map(({ name, kind }) => ({ name, kind: kind as string }));
  return [
    { name: '_id', kind: 'token' },
    { name: '_lastUpdated', kind: 'date' },
    { name: '_text', kind: 'string' },
    { name: '_content', kind: 'string' },
    { name: '_list', kind: 'special' },
    ...(type === 'Location' ? [{ name: 'near', kind: 'special' }] : []),
    ...content,
  ];
}

function requireOneOf(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw invalidValue(name, `is one of ${allowed.join(', ')} here`);
}

function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text), MAX_COUNT);
  throw invalidValue('_count', `is a number from 0 to ${MAX_COUNT}`);
}

/** A chain is known when its first step is; the rest is read when it is followed. */
function isKnown(type: string, nameAndModifier: string): boolean {
  const [base] = cutModifier(nameAndModifier);
  if (base === '_id' || base === '_text' || base === '_content' || base === '_has') return true;
  if (nameAndModifier === '_list') return true;
  if (type === 'Location' && nameAndModifier === 'near') return true;
  const dot = base.indexOf('.');
  return parametersOf(type).has(dot < 0 ? base : base.slice(0, dot));
}
