import type { Query } from '#database';
import { resourceTypeCode } from '#fhir';
import { type PointerRow, pointerColumns, type ResourceVersion, readPointers } from './read-resource.js';
import { instantMatches } from './search-date.js';
import type { PagePlace, SearchRequest } from './search-request.js';

export interface SearchPage {
  readonly matches: readonly ResourceVersion[];
  /** Where the next page begins; undefined: this was the last. A page may hold fewer than asked for and have a next. */
  readonly next: PagePlace | undefined;
  /** How many match in all, where that is known without another search. */
  readonly total: number | undefined;
}

/** Most candidates that one page looks at. A search that no index serves then goes on with its next link. */
const MAX_CANDIDATES = 10_000;
const MIN_CHUNK = 20;
const MAX_CHUNK = 1_000;

type Candidate = PointerRow & { rid: number };

/**
 * One page of what matches now. Candidates come from the best index, in an order that no write changes; each one is
 * decoded and checked, because index rows of former versions stay.
 */
export async function searchResources(database: Query, request: SearchRequest): Promise<SearchPage> {
  const { criteria, count } = request;
  const matches: ResourceVersion[] = [];
  let next = request.after;
  let scanned = request.after;
  let looked = 0;
  for (;;) {
    const limit = Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, count + 1 - matches.length));
    const chunk = await readCandidates(database, request, scanned, limit);
    const current = chunk.filter((row) => !row.deleted && isUpdatedAsAsked(request, row));
    const versions = await readPointers(database, current);
    for (const [index, version] of versions.entries()) {
      if (version.deleted || !(criteria.unconditional || criteria.matches(decode(version.text)))) continue;
      // One more than asked for: only now is it certain that there is a next page.
      if (matches.length === count) return { matches, next, total: undefined };
      matches.push(version);
      next = placeOf(request, current[index] as Candidate);
    }
    const last = chunk.at(-1);
    if (last === undefined || chunk.length < limit) {
      return { matches, next: undefined, total: request.after === undefined ? matches.length : undefined };
    }
    scanned = placeOf(request, last);
    if (matches.length < count) next = scanned;
    looked += chunk.length;
    if (looked >= MAX_CANDIDATES) return { matches, next, total: undefined };
  }
}

/** For comparing only: the text itself goes to the client. Parameters that compare numbers will need `readJson`. */
function decode(text: string): object {
  return JSON.parse(text) as object;
}

function isUpdatedAsAsked({ lastUpdated }: SearchRequest, row: Candidate): boolean {
  const atMs = row.last_updated.getTime();
  return lastUpdated.every((queries) => queries.some((query) => instantMatches(query, atMs)));
}

function byId({ criteria }: SearchRequest): boolean {
  return criteria.ids !== undefined || criteria.candidates === undefined;
}

function placeOf(request: SearchRequest, row: Candidate): PagePlace {
  return byId(request) ? { by: 'id', id: row.id } : { by: 'rid', rid: row.rid };
}

/** The next `limit` candidates after `place`. By id where the unique key (type, id) serves, by row number elsewhere. */
async function readCandidates(
  database: Query,
  request: SearchRequest,
  place: PagePlace | undefined,
  limit: number,
): Promise<Candidate[]> {
  const { criteria } = request;
  const type = resourceTypeCode(criteria.type);
  const columns = `SELECT r.rid, ${pointerColumns} FROM`;
  const afterId = place?.by === 'id' ? place.id : '';
  const afterRid = place?.by === 'rid' ? place.rid : 0;
  if (criteria.ids !== undefined) {
    return database.query<Candidate>(
      `${columns} resource r WHERE type = $1 AND id = ANY($2) AND id > $3 ORDER BY id LIMIT $4`,
      [type, criteria.ids, afterId, limit],
      'search-ids',
    );
  }
  if (criteria.candidates === undefined) {
    return database.query<Candidate>(
      `${columns} resource r WHERE type = $1 AND id > $2 ORDER BY id LIMIT $3`,
      [type, afterId, limit],
      'search-type',
    );
  }
  const hashes = criteria.candidates.hashes.map(String);
  const patients = criteria.candidates.patients.map(String);
  // As an array the row numbers are looked up one by one; joined, a wrong estimate would read the whole table.
  const those = (rids: string): string =>
    `${columns} resource r WHERE rid = ANY(ARRAY(${rids})) ORDER BY rid`;
  const [hash, ...others] = hashes;
  if (patients.length === 0 && others.length === 0) {
    return database.query<Candidate>(
      // One hash: the primary key gives its rows in order, so the limit ends the scan.
      those('SELECT rid FROM search_hash WHERE hash = $1 AND rid > $2 ORDER BY rid LIMIT $3'),
      [hash, afterRid, limit],
      'search-hash',
    );
  }
  if (patients.length === 0) {
    return database.query<Candidate>(
      those(
        'SELECT DISTINCT rid FROM search_hash WHERE hash = ANY($1::bigint[]) AND rid > $2 ORDER BY rid LIMIT $3',
      ),
      [hashes, afterRid, limit],
      'search-hashes',
    );
  }
  return database.query<Candidate>(
    those(`SELECT rid FROM search_hash WHERE hash = ANY($1::bigint[]) AND rid > $2
           UNION SELECT rid FROM resource WHERE patient = ANY($4::bigint[]) AND type = $5 AND rid > $2
           ORDER BY rid LIMIT $3`),
    [hashes, afterRid, limit, patients, type],
    'search-patients',
  );
}
