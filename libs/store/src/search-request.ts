import { EngineError } from '#kernel';
import {
  alternatives,
  type Criteria,
  compileConditions,
  type QueryPair,
  searchParameterNames,
  unknownParameter,
} from './search-criteria.js';
import { type DateQuery, parseDateQuery } from './search-date.js';
import { parametersOf } from './search-parameters.js';

/** A search as a client asks for it. */
export interface SearchRequest {
  readonly criteria: Criteria;
  /** Conditions on `meta.lastUpdated`: every list must hold, by any of its entries. */
  readonly lastUpdated: readonly (readonly DateQuery[])[];
  readonly count: number;
  /** Where the page before ended. */
  readonly after: PagePlace | undefined;
  /** The pairs that were followed, for the self link (R4 search, section 3.1.1.1: what the server really used). */
  readonly followed: readonly QueryPair[];
  /** Names that were skipped because the client asked for leniency. */
  readonly ignored: readonly string[];
}

/** Pages follow each other by row number, or by id where the index is in the order of ids. Neither ever changes. */
export type PagePlace =
  | { readonly by: 'rid'; readonly rid: number }
  | { readonly by: 'id'; readonly id: string };

export interface SearchOptions {
  /** `Prefer: handling=lenient`: unknown parameters are skipped instead of refused. */
  readonly lenient: boolean;
  /** The address under which the client reached this server, so that absolute references to it are understood. */
  readonly ownUrl: string | undefined;
}

const DEFAULT_COUNT = 50;
const MAX_COUNT = 1_000;
/** Parameters that shape the result or look at the row, not at the content. */
const resultParameters = ['_lastUpdated', '_count', '_page'];

/**
 * Reads the query of a search. Throws `rejected`: SEARCH_TYPE_UNKNOWN, SEARCH_PARAMETER_UNKNOWN with the list of what
 * exists, SEARCH_VALUE_INVALID, SEARCH_TOO_COSTLY.
 */
export function parseSearch(
  type: string,
  pairs: readonly QueryPair[],
  options: SearchOptions,
): SearchRequest {
  const content: QueryPair[] = [];
  const followed: QueryPair[] = [];
  const ignored: string[] = [];
  const lastUpdated: DateQuery[][] = [];
  let count = DEFAULT_COUNT;
  let after: PagePlace | undefined;
  for (const pair of pairs) {
    const [name, value] = pair;
    if (value === '') continue; // a parameter without a value asks for nothing
    if (name === '_lastUpdated') lastUpdated.push(alternatives(name, value).map(parseDateQuery));
    else if (name === '_count') count = parseCount(value);
    else if (name === '_page') after = parsePlace(value);
    else if (isKnown(type, name)) content.push(pair);
    else if (options.lenient) {
      ignored.push(name);
      continue;
    } else throw unknownParameter(name, type, [...searchParameterNames(type), ...resultParameters]);
    if (name !== '_page') followed.push(pair);
  }
  const criteria = compileConditions(type, content, options.ownUrl);
  return { criteria, lastUpdated, count, after, followed, ignored };
}

/** The names that a search of `type` accepts. */
export function searchableNames(type: string): { name: string; kind: string }[] {
  const content = [...parametersOf(type).values()].map(({ name, kind }) => ({ name, kind: kind as string }));
  return [{ name: '_id', kind: 'token' }, { name: '_lastUpdated', kind: 'date' }, ...content];
}

/** The text of a place for a next link. */
export function formatPlace(place: PagePlace): string {
  return place.by === 'rid' ? `r${place.rid}` : `i${place.id}`;
}

function parsePlace(text: string): PagePlace {
  if (/^r\d{1,15}$/.test(text)) return { by: 'rid', rid: Number(text.slice(1)) };
  if (/^i[A-Za-z0-9\-.]{1,64}$/.test(text)) return { by: 'id', id: text.slice(1) };
  throw new EngineError(
    'rejected',
    'SEARCH_VALUE_INVALID',
    "'_page' comes from a next link of this server only",
    {
      cause: { at: 'http._page' },
    },
  );
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Math.min(Number(text), MAX_COUNT);
  throw new EngineError('rejected', 'SEARCH_VALUE_INVALID', `'_count' is a number from 1 to ${MAX_COUNT}`, {
    cause: { at: 'http._count' },
  });
}

function isKnown(type: string, name: string): boolean {
  if (name === '_id') return true;
  const colon = name.indexOf(':');
  return parametersOf(type).has(colon < 0 ? name : name.slice(0, colon));
}
