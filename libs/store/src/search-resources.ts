import type { Query } from '#database';
import { isResourceType, resourceTypeCode, resourceTypes } from '#fhir';
import { EngineError } from '#kernel';
import type { Criteria } from '#search';
import { type PointerRow, pointerColumns, type ResourceVersion, readPointers } from './read-resource.js';
import { readSearchTerms } from './search-terms.js';

/** What is looked for in one type, once its chains are followed. */
export interface TypeSearch {
  readonly criteria: Criteria;
  /** Conditions on `meta.lastUpdated`: every list must hold, by any of its entries. */
  readonly lastUpdated: readonly (readonly ((atMs: number) => boolean)[])[];
}

/** Where a page of one type ended. */
export type TypePlace =
  | { readonly by: 'rid'; readonly rid: number }
  | { readonly by: 'id'; readonly id: string };

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
  readonly next: TypePlace | undefined;
}

/** Most candidates that one page looks at. A search that no index serves then goes on with its next link. */
const MAX_CANDIDATES = 10_000;
/** A page that took longer ends where it is and goes on with its next link. */
const MAX_MS = 5_000;
const MIN_CHUNK = 20;
const MAX_CHUNK = 1_000;

type Candidate = PointerRow & { rid: number };
interface Chunk {
  readonly rows: readonly Candidate[];
  /** Everything up to here was looked at; undefined: there is no more. */
  readonly upTo: TypePlace | undefined;
}

/**
 * One page of what matches now. Candidates come from the best index, in an order that no write changes; each one is
 * decoded and checked, because index rows of former versions stay.
 */
export async function searchType(
  database: Query,
  search: TypeSearch,
  after: TypePlace | undefined,
  count: number,
): Promise<TypePage> {
  const { criteria } = search;
  const found: Match[] = [];
  const startedMs = Date.now();
  let next = after;
  let scanned = after;
  let looked = 0;
  for (;;) {
    const limit = Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, count + 1 - found.length));
    const chunk = await readCandidates(database, criteria, scanned, limit);
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
      next = placeOf(criteria, row);
    }
    if (chunk.upTo === undefined) return pageOf(found, undefined);
    scanned = chunk.upTo;
    if (found.length < count) next = scanned;
    looked += Math.max(chunk.rows.length, 1);
    if (looked >= MAX_CANDIDATES || Date.now() - startedMs > MAX_MS) return pageOf(found, next);
  }
}

function pageOf(found: readonly Match[], next: TypePlace | undefined): TypePage {
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
  const atMs = row.last_updated.getTime();
  return lastUpdated.every((tests) => tests.some((test) => test(atMs)));
}

function placeOf(criteria: Criteria, row: Candidate): TypePlace {
  const byId = criteria.ids !== undefined || criteria.candidates === undefined;
  return byId ? { by: 'id', id: row.id } : { by: 'rid', rid: row.rid };
}

/** The next candidates after `place`, about `limit`. By id where the unique key (type, id) serves, by row number elsewhere. */
async function readCandidates(
  database: Query,
  criteria: Criteria,
  place: TypePlace | undefined,
  limit: number,
): Promise<Chunk> {
  const type = resourceTypeCode(criteria.type);
  const columns = `SELECT r.rid, ${pointerColumns} FROM resource r`;
  const afterId = place?.by === 'id' ? place.id : '';
  if (criteria.candidates !== undefined && criteria.ids === undefined) {
    return readIndexed(database, type, criteria.candidates, place?.by === 'rid' ? place.rid : 0, limit);
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

const patientsSql =
  'SELECT rid FROM resource WHERE patient = ANY($1::bigint[]) AND type = $2 AND rid > $3 ORDER BY rid LIMIT $4';

const provenancesSql = `SELECT DISTINCT p.rid FROM unnest($1::smallint[], $2::text[]) AS k(type, id)
  JOIN resource r ON r.type = k.type AND r.id = k.id
  CROSS JOIN LATERAL (
    SELECT r.lane, r.partition, r.seq UNION ALL
    SELECT h.lane, h.partition, h.seq FROM resource_history h WHERE h.rid = r.rid) v
  JOIN resource p ON p.type = ${resourceTypeCode('Provenance')} AND p.lane = v.lane AND p.partition = v.partition AND p.seq = v.seq
  WHERE p.rid > $3 ORDER BY p.rid LIMIT $4`;

/** What the messages wrote that made versions of `origins`: the index holds only the Provenances of those that they left as they were. */
function readProvenances(
  database: Query,
  origins: NonNullable<Criteria['candidates']>['origins'],
  after: number,
  limit: number,
): Promise<{ rid: number }[]> {
  const named = origins.flatMap(({ type, id }) =>
    (type === undefined ? resourceTypes : [type].filter(isResourceType)).map(
      (one) => [resourceTypeCode(one), id] as const,
    ),
  );
  const params = [named.map(([type]) => type), named.map(([, id]) => id), after, limit];
  return database.query<{ rid: number }>(provenancesSql, params, 'search-provenances');
}

/** What the terms lead to and what belongs to the patients, merged in the order of row numbers. */
async function readIndexed(
  database: Query,
  type: number,
  { terms, patients, ids, origins }: NonNullable<Criteria['candidates']>,
  after: number,
  limit: number,
): Promise<Chunk> {
  const indexed = await readSearchTerms(database, terms, after, limit);
  const rids = new Set(indexed.rids);
  let upTo = indexed.upTo;
  const add = (more: readonly { rid: number }[]): void => {
    for (const { rid } of more) rids.add(rid);
    const last = more.at(-1);
    if (last !== undefined && more.length === limit) upTo = Math.min(upTo ?? last.rid, last.rid);
  };
  if (patients.length > 0) {
    const params = [patients.map(String), type, after, limit];
    add(await database.query<{ rid: number }>(patientsSql, params, 'search-patients'));
  }
  if (origins.length > 0) add(await readProvenances(database, origins, after, limit));
  if (ids.length > 0) {
    const named = await database.query<{ rid: number }>(
      'SELECT rid FROM resource WHERE type = $1 AND id = ANY($2) AND rid > $3',
      [type, ids, after],
      'search-named',
    );
    for (const { rid } of named) rids.add(rid);
  }
  const end = upTo;
  const ordered = [...rids].filter((rid) => end === undefined || rid <= end).sort((a, b) => a - b);
  const chosen = ordered.slice(0, limit);
  const last = chosen.at(-1);
  const rows =
    chosen.length === 0
      ? []
      : await database.query<Candidate>(
          `SELECT r.rid, ${pointerColumns} FROM resource r WHERE rid = ANY($1::bigint[]) ORDER BY rid`,
          [chosen],
          'search-rows',
        );
  if (ordered.length > chosen.length && last !== undefined) return { rows, upTo: { by: 'rid', rid: last } };
  return { rows, upTo: end === undefined ? undefined : { by: 'rid', rid: Math.max(end, after) } };
}
