import type { Query } from '#database';
import { resourceTypeCode } from '#fhir';
import { EngineError } from '#kernel';
import type { Criteria, instantQuery } from '#search';
import { pointerColumns, type ResourceVersion, readPointers } from './read-resource.js';
import {
  areMany,
  type Candidate,
  type Chunk,
  fewestCandidates,
  type RowPlace,
  readIndexed,
} from './search-candidates.js';

/** What is looked for in one type, once its chains are followed. */
export interface TypeSearch {
  readonly criteria: Criteria;
  /** Conditions on `meta.lastUpdated`: every list must hold, by any of its entries. */
  readonly lastUpdated: readonly (readonly ReturnType<typeof instantQuery>[])[];
}

/** By the time of the last change, for which there is an index; equal times go by row number. */
export type TimeOrder = 'newest' | 'oldest';

/** A match, with what a sorted search goes by. */
export interface Match {
  readonly version: ResourceVersion;
  readonly rid: number;
  readonly resource: object;
}

export interface TypePage {
  readonly matches: readonly ResourceVersion[];
  readonly found: readonly Match[];
  /** Where the next page begins; undefined: this was the last. A page may hold fewer than asked for and have a next. */
  readonly next: RowPlace | undefined;
}

/** Most candidates that one page looks at. A search that no index serves then goes on with its next link. */
const MAX_CANDIDATES = 10_000;
/** A page that took longer ends where it is and goes on with its next link. */
const MAX_MS = 5_000;
const MIN_CHUNK = 20;
const MAX_CHUNK = 1_000;

/**
 * One page of what matches now. Candidates come from the best index, in an order that no write changes; each one is
 * decoded and checked, because index rows of former versions stay. In the order of time a change leads to the newest end: who begins with the
 * oldest may meet a resource twice, and misses none.
 */
export async function searchType(
  database: Query,
  search: TypeSearch,
  after: RowPlace | undefined,
  count: number,
  order: TimeOrder | undefined = isFoundByTime(search) ? 'oldest' : undefined,
): Promise<TypePage> {
  const { criteria } = search;
  const found: Match[] = [];
  const startedMs = Date.now();
  let next: RowPlace | undefined = after;
  let scanned: RowPlace | undefined = after;
  let looked = 0;
  for (;;) {
    const limit = Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, count + 1 - found.length));
    const chunk =
      order === undefined
        ? await readCandidates(database, criteria, scanned, limit)
        : await readByTime(database, search, order, scanned, limit);
    const current = chunk.rows.filter((row) => !row.deleted && isUpdatedAsAsked(search, row));
    const versions = await readPointers(database, current);
    for (const [index, version] of versions.entries()) {
      if (version.deleted) continue;
      const resource = decode(version.text);
      if (!criteria.unconditional && !criteria.matches(resource)) continue;
      // One more than asked for: only now is it certain that there is a next page.
      if (found.length === count) return pageOf(found, next);
      const row = current[index] as Candidate;
      found.push({ version, rid: row.rid, resource });
      next = order === undefined ? placeOf(criteria, row) : timePlace(row);
    }
    if (chunk.upTo === undefined) return pageOf(found, undefined);
    scanned = chunk.upTo;
    if (found.length < count) next = scanned;
    looked += Math.max(chunk.rows.length, 1);
    if (looked >= MAX_CANDIDATES || Date.now() - startedMs > MAX_MS) return pageOf(found, next);
  }
}

function pageOf(found: readonly Match[], next: RowPlace | undefined): TypePage {
  return { found, next, matches: found.map(({ version }) => version) };
}

/** All that match. Throws `rejected` SEARCH_TOO_COSTLY when more than 10,000 candidates would have to be looked at. */
export async function searchAll(database: Query, search: TypeSearch, why: string): Promise<readonly Match[]> {
  const page = await searchType(database, search, undefined, MAX_CANDIDATES);
  if (page.next === undefined) return page.found;
  throw new EngineError(
    'rejected',
    'SEARCH_TOO_COSTLY',
    `${why} would have to look at more than ${MAX_CANDIDATES} resources; narrow the search down`,
  );
}

/** For comparing only: the text itself goes to the client. The digits that a double does not hold make no difference here. */
function decode(text: string): object {
  return JSON.parse(text) as object;
}

function isUpdatedAsAsked({ lastUpdated }: TypeSearch, row: Candidate): boolean {
  return isWithin(lastUpdated, row.last_updated.getTime());
}

function isWithin(lastUpdated: TypeSearch['lastUpdated'], atMs: number): boolean {
  return lastUpdated.every((queries) => queries.some(({ test }) => test(atMs)));
}

/**
 * Sorting by the last change needs no sorting where the type is read in that order: where nothing leads to fewer, or where so many match
 * that some of them will be among the first.
 */
export async function isReadByTime(database: Query, { criteria }: TypeSearch): Promise<boolean> {
  if (criteria.ids !== undefined) return false;
  if (criteria.candidates === undefined) return true;
  return areMany(database, criteria, resourceTypeCode(criteria.type), MAX_CANDIDATES);
}

/** No index serves, but the time of the last change is asked for. */
function isFoundByTime({ criteria, lastUpdated }: TypeSearch): boolean {
  const { low, high } = reachOf(lastUpdated);
  return (
    criteria.candidates === undefined &&
    criteria.ids === undefined &&
    (Number.isFinite(low) || Number.isFinite(high))
  );
}

function reachOf(lastUpdated: TypeSearch['lastUpdated']): { low: number; high: number } {
  const lows = lastUpdated.map((queries) => Math.min(...queries.map(({ reach }) => reach.low)));
  const highs = lastUpdated.map((queries) => Math.max(...queries.map(({ reach }) => reach.high)));
  return {
    low: Math.max(Number.NEGATIVE_INFINITY, ...lows),
    high: Math.min(Number.POSITIVE_INFINITY, ...highs),
  };
}

function timePlace({ last_updated, rid }: Candidate): RowPlace {
  return { by: 'time', lastUpdatedMs: last_updated.getTime(), rid };
}

/** The next rows of the type in the order of their last change, of those that changed when `_lastUpdated` says. */
async function readByTime(
  database: Query,
  { criteria, lastUpdated }: TypeSearch,
  order: TimeOrder,
  place: RowPlace | undefined,
  limit: number,
): Promise<Chunk> {
  const { low, high } = reachOf(lastUpdated);
  const [sign, direction] = order === 'newest' ? ['<', 'DESC'] : ['>', 'ASC'];
  const start = order === 'newest' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const { lastUpdatedMs, rid } = place?.by === 'time' ? place : { lastUpdatedMs: start, rid: 0 };
  const rows = await database.query<Candidate>(
    `SELECT r.rid, ${pointerColumns} FROM resource r
     WHERE type = $1 AND last_updated >= to_timestamp($2::float8) AND last_updated <= to_timestamp($3::float8)
       AND (last_updated, rid) ${sign} (to_timestamp($4::float8), $5::bigint)
     ORDER BY last_updated ${direction}, rid ${direction} LIMIT $6`,
    [resourceTypeCode(criteria.type), low / 1000, high / 1000, lastUpdatedMs / 1000, rid, limit],
    `search-${order}`,
  );
  const last = rows.at(-1);
  return { rows, upTo: last === undefined || rows.length < limit ? undefined : timePlace(last) };
}

function placeOf(criteria: Criteria, row: Candidate): RowPlace {
  const byId = criteria.ids !== undefined || criteria.candidates === undefined;
  return byId ? { by: 'id', id: row.id } : { by: 'rid', rid: row.rid };
}

/** The next candidates after `place`, about `limit`. By id where the unique key (type, id) serves, by row number elsewhere. */
async function readCandidates(
  database: Query,
  criteria: Criteria,
  place: RowPlace | undefined,
  limit: number,
): Promise<Chunk> {
  const type = resourceTypeCode(criteria.type);
  const columns = `SELECT r.rid, ${pointerColumns} FROM resource r`;
  const afterId = place?.by === 'id' ? place.id : '';
  if (criteria.candidates !== undefined && criteria.ids === undefined) {
    const after = place?.by === 'rid' ? place.rid : 0;
    return readIndexed(database, type, await fewestCandidates(database, criteria, type), after, limit);
  }
  const rows =
    criteria.ids === undefined
      ? await database.query<Candidate>(
          `${columns} WHERE type = $1 AND id > $2 ORDER BY id LIMIT $3`,
          [type, afterId, limit],
          'search-type',
        )
      : await database.query<Candidate>(
          `${columns} WHERE type = $1 AND id = ANY($2) AND id > $3 ORDER BY id LIMIT $4`,
          [type, criteria.ids, afterId, limit],
          'search-ids',
        );
  const last = rows.at(-1);
  return { rows, upTo: last === undefined || rows.length < limit ? undefined : { by: 'id', id: last.id } };
}
