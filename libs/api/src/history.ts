import type { BundleEntry } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceVersion } from '#store';
import { isGeneralParameter } from './representation.js';

const DEFAULT_COUNT = 50;
const MAX_COUNT = 1_000;

type Pair = [name: string, value: string];

/** What the query of a history asks for, and the pairs that its self link repeats. */
export interface HistoryQuery {
  readonly paging: {
    readonly count: number;
    readonly before: number | undefined;
    readonly sinceMs: number | undefined;
  };
  readonly followed: readonly Pair[];
}

/**
 * Reads `_count`, `_since` and our `_page` (R4 http, section 3.1.0.11). Throws `rejected` SEARCH_VALUE_INVALID,
 * SEARCH_PARAMETER_UNKNOWN.
 */
export function parseHistoryQuery(pairs: readonly Pair[]): HistoryQuery {
  let count = DEFAULT_COUNT;
  let before: number | undefined;
  let sinceMs: number | undefined;
  const followed: Pair[] = [];
  for (const pair of pairs) {
    const [name, value] = pair;
    if (isGeneralParameter(name)) continue;
    switch (name) {
      case '_count':
        count = Math.min(wholeNumber(name, value), MAX_COUNT);
        followed.push(pair);
        break;
      case '_since':
        sinceMs = instant(name, value);
        followed.push(pair);
        break;
      case '_page':
        before = wholeNumber(name, value);
        break;
      default:
        throw new EngineError(
          'rejected',
          'SEARCH_PARAMETER_UNKNOWN',
          `a history has no parameter '${name.slice(0, 64)}'; it has _count, _since, _format`,
          { cause: { at: `http.${name.slice(0, 64)}` } },
        );
    }
  }
  return { paging: { count, before, sinceMs }, followed };
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

function instant(name: string, value: string): number {
  // A plus sign that the client did not escape arrives as a space.
  const text = value.replace(' ', '+');
  const ms = /^\d{4}(-\d{2}(-\d{2}(T.*)?)?)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw invalidValue(name, 'an instant, as 2026-11-23T08:00:00Z');
  return ms;
}

function invalidValue(name: string, what: string): EngineError {
  return new EngineError('rejected', 'SEARCH_VALUE_INVALID', `'${name}' is ${what}`, {
    cause: { at: `http.${name}` },
  });
}
