import type { BundleEntry } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceReader, ResourceVersion } from '#store';
import { spanOfParameter, type TimeSpan } from './date-span.js';
import { isGeneralParameter } from './representation.js';

const DEFAULT_COUNT = 50;
const MAX_COUNT = 1_000;

type ChangePlace = NonNullable<Awaited<ReturnType<ResourceReader['changes']>>['next']>;
type Pair = [name: string, value: string];

/** What the query of a history asks for, and the pairs that its self link repeats. */
export interface HistoryQuery {
  readonly count: number;
  readonly sinceMs: number | undefined;
  readonly at: TimeSpan | undefined;
  /** Our `_page`, as it stands. */
  readonly page: string | undefined;
  readonly followed: readonly Pair[];
}

/**
 * Reads `_count`, `_since`, `_at` and our `_page` (R4 http, section 3.1.0.11). Throws `rejected` SEARCH_VALUE_INVALID,
 * SEARCH_PARAMETER_UNKNOWN.
 */
export function parseHistoryQuery(pairs: readonly Pair[]): HistoryQuery {
  let count = DEFAULT_COUNT;
  let sinceMs: number | undefined;
  let at: TimeSpan | undefined;
  let page: string | undefined;
  const followed: Pair[] = [];
  for (const pair of pairs) {
    const [name, value] = pair;
    if (isGeneralParameter(name)) continue;
    if (name === '_page') page = value;
    else followed.push(pair);
    switch (name) {
      case '_count':
        count = Math.min(wholeNumber(name, value), MAX_COUNT);
        break;
      case '_since':
        sinceMs = spanOfParameter(name, value).fromMs;
        break;
      case '_at':
        at = spanOfParameter(name, value);
        break;
      case '_page':
        break;
      // R5 has it: newest first is what every history here is.
      case '_sort':
        if (value !== '-_lastUpdated') throw invalidValue(name, '-_lastUpdated: newest first');
        break;
      default:
        throw new EngineError(
          'rejected',
          'SEARCH_PARAMETER_UNKNOWN',
          `a history has no parameter '${name.slice(0, 64)}'; it has _count, _since, _at, _sort, _format`,
          { cause: { at: `http.${name.slice(0, 64)}` } },
        );
    }
  }
  return { count, sinceMs, at, page, followed };
}

/** The version before which a page of one resource's history begins. Throws `rejected` SEARCH_VALUE_INVALID. */
export function versionOfPage(page: string | undefined): number | undefined {
  return page === undefined ? undefined : wholeNumber('_page', page);
}

/** Where a page of the history of many resources begins. Throws `rejected` SEARCH_VALUE_INVALID. */
export function placeOfPage(page: string | undefined): ChangePlace | undefined {
  if (page === undefined) return undefined;
  const match = /^(\d{1,15})-(\d{1,5})-(\d{1,5})-(\d{1,16})-(\d{1,6})$/.exec(page);
  if (!match) throw invalidValue('_page', 'from a next link of this server only');
  const [storedAtMs = 0, lane = 0, partition = 0, seq = 0, done = 0] = match.slice(1).map(Number);
  if (lane > 0x7fff || partition > 0x7fff || seq > Number.MAX_SAFE_INTEGER)
    throw invalidValue('_page', 'from a next link of this server only');
  return { storedAtMs, lane, partition, seq, done };
}

/** The text of a place for a next link. */
export function pageOfPlace({ storedAtMs, lane, partition, seq, done }: ChangePlace): string {
  return [storedAtMs, lane, partition, seq, done].join('-');
}

/** An entry of a history; a deletion has no resource. */
export function historyEntry(address: string, found: ResourceVersion): BundleEntry {
  const { type, id, version, lastUpdatedMs } = found;
  const facts = {
    fullUrl: `${address}/${type}/${id}`,
    request: { method: found.deleted ? 'DELETE' : 'PUT', url: `${type}/${id}` },
    response: {
      status: found.deleted ? '204' : version === 1 ? '201' : '200',
      etag: `W/"${version}"`,
      lastModified: new Date(lastUpdatedMs).toISOString(),
    },
  };
  return found.deleted ? facts : { ...facts, resource: found.text };
}

function wholeNumber(name: string, value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw invalidValue(name, 'a whole number from 1');
}

function invalidValue(name: string, what: string): EngineError {
  return new EngineError('rejected', 'SEARCH_VALUE_INVALID', `'${name}' is ${what}`, {
    cause: { at: `http.${name}` },
  });
}
