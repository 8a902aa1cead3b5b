import type { Query } from '#database';
import { resourceTypeCode } from '#fhir';
import { compileConditions, type QueryPair } from '#search';
import type { ResourceVersion } from './read-resource.js';
import { followChains } from './search-chains.js';
import { readIncluded } from './search-inclusions.js';
import { formatPlace, type PagePlace } from './search-place.js';
import type { SearchRequest } from './search-request.js';
import { isReadByTime, searchAll, searchType, type TimeOrder, type TypeSearch } from './search-resources.js';
import { compareSorted, sortKeysOf } from './search-sort.js';
import { localValueSets } from './search-value-sets.js';

/** One page of a search, with what its links say. */
export interface SearchResult {
  readonly matches: readonly ResourceVersion[];
  /** What goes along with the matches. */
  readonly included: readonly ResourceVersion[];
  /** How many match in all, where that is known without another search or was asked for. */
  readonly total: number | undefined;
  /** The parameters that were followed. */
  readonly followed: readonly QueryPair[];
  /** The value of `_page` for the next page; undefined: this was the last. A page with a next may be short, or empty. */
  readonly next: string | undefined;
  /** Names that were skipped because the client asked for leniency. */
  readonly ignored: readonly string[];
}

interface Page {
  readonly matches: readonly ResourceVersion[];
  readonly next: PagePlace | undefined;
}

/** Answers a search. Throws `rejected` as `parseSearch` does, and SEARCH_TOO_COSTLY for what its bounds do not allow. */
export async function answerSearch(database: Query, request: SearchRequest): Promise<SearchResult> {
  const { followed, ignored, options } = request;
  const searches = await prepare(database, request);
  const page =
    request.count === 0 ? { matches: [], next: undefined } : await readPage(database, request, searches);
  const whole = request.after === undefined && page.next === undefined;
  let total = request.count > 0 && whole ? page.matches.length : undefined;
  if (total === undefined && request.countAll) total = await countAll(database, searches);
  const included = await readIncluded(database, request.inclusions, page.matches, options.ownUrl);
  return {
    matches: page.matches,
    included,
    total,
    followed,
    ignored,
    next: page.next && formatPlace(page.next),
  };
}

/** What is looked for in each type; undefined: nothing of it can match. */
async function prepare(database: Query, request: SearchRequest): Promise<(TypeSearch | undefined)[]> {
  const { types, content, compartment, lastUpdated, options } = request;
  const valueSet = await localValueSets(database, content);
  const context = { ownUrl: options.ownUrl, nowMs: Date.now(), valueSet };
  const searches: (TypeSearch | undefined)[] = [];
  for (const type of types) {
    const pairs = await followChains(database, type, content, context);
    const criteria = pairs && compileConditions(type, pairs, context, compartment);
    searches.push(criteria && { criteria, lastUpdated });
  }
  return searches;
}

async function readPage(
  database: Query,
  request: SearchRequest,
  searches: readonly (TypeSearch | undefined)[],
): Promise<Page> {
  const { after, count } = request;
  if (request.sort.length > 0) return sortedPage(database, request, searches[0]);
  const matches: ResourceVersion[] = [];
  for (let type = after?.type ?? 0; type < searches.length; type++) {
    const search = searches[type];
    if (search === undefined) continue;
    const place = after !== undefined && after.type === type && after.by !== 'sort' ? after : undefined;
    const page = await searchType(database, search, place, count - matches.length);
    matches.push(...page.matches);
    if (page.next !== undefined) return { matches, next: { type, ...page.next } };
    if (matches.length === count && type + 1 < searches.length) {
      return { matches, next: { type: type + 1, by: 'rid', rid: 0 } };
    }
  }
  return { matches, next: undefined };
}

async function sortedPage(
  database: Query,
  { sort, after, count }: SearchRequest,
  search: TypeSearch | undefined,
): Promise<Page> {
  if (search === undefined) return { matches: [], next: undefined };
  const order = timeOrder(sort);
  const isNext = after?.by === 'time';
  if (order !== undefined && (isNext || (after === undefined && (await isReadByTime(database, search))))) {
    const page = await searchType(database, search, isNext ? after : undefined, count, order);
    return { matches: page.matches, next: page.next && { type: 0, ...page.next } };
  }
  const all = (await searchAll(database, search, 'sorting')).map(({ version, rid, resource }) => ({
    version,
    rid,
    keys: sortKeysOf(sort, version, resource),
  }));
  all.sort((a, b) => compareSorted(sort, a, b));
  const rest = after?.by === 'sort' ? all.filter((one) => compareSorted(sort, one, after) > 0) : all;
  const chosen = rest.slice(0, count);
  const last = chosen.at(-1);
  return {
    matches: chosen.map(({ version }) => version),
    next: last && rest.length > count ? { type: 0, by: 'sort', keys: last.keys, rid: last.rid } : undefined,
  };
}

/** The order of the last change has an index: where nothing else leads to fewer, it needs no sorting. */
function timeOrder(sort: SearchRequest['sort']): TimeOrder | undefined {
  const [first, ...others] = sort;
  if (first?.parameter !== '_lastUpdated' || others.length > 0) return undefined;
  return first.descending ? 'newest' : 'oldest';
}

async function countAll(database: Query, searches: readonly (TypeSearch | undefined)[]): Promise<number> {
  let total = 0;
  for (const search of searches) {
    if (search === undefined) continue;
    const { criteria, lastUpdated } = search;
    if (criteria.unconditional && lastUpdated.length === 0) total += await countType(database, criteria.type);
    else total += (await searchAll(database, search, 'counting all')).length;
  }
  return total;
}

/** All that there is of a type: of these none has to be decoded. */
async function countType(database: Query, type: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM resource WHERE type = $1 AND NOT deleted',
    [resourceTypeCode(type)],
    'count-type',
  );
  return row?.count ?? 0;
}
