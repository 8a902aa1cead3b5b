import type { Query } from '#database';
import { assert } from '#kernel';
import type { Changes } from './changes.js';

/** The resources of one row of search_term are at most this far apart, so a reader knows how far back to look. */
const MAX_SPAN = 4_096;

interface TermRow {
  readonly term: string;
  readonly rids: number[];
}

/** Writes the index rows of what changed: one for each term and transaction, and one for each resource that existed before. */
export async function writeSearchTerms(
  tx: Query,
  changes: Changes,
  rids: ReadonlyMap<string, number>,
): Promise<void> {
  const owners: { rid: number; isNew: boolean; terms: readonly string[] }[] = [];
  for (const [key, terms] of changes.terms) {
    const rid = rids.get(key);
    assert(rid !== undefined, 'STORE_RESOURCE_WITHOUT_ROW');
    owners.push({ rid, isNew: !changes.before.has(key), terms });
  }
  await insertRows(tx, rowsOf(owners), 'NOTHING');
}

/** The terms of resources, in the order of their row numbers, that the index does not hold yet. */
export async function insertMissingTerms(
  tx: Query,
  owners: readonly { readonly rid: number; readonly terms: readonly string[] }[],
): Promise<void> {
  const [first, last] = [owners[0]?.rid ?? 0, owners.at(-1)?.rid ?? 0];
  const wanted = [...new Set(owners.flatMap(({ terms }) => terms))];
  const known = new Map<string, Set<number>>();
  const rows = await tx.query<{ hash: string; rids: string[] }>(
    `SELECT t.hash::text, t.rids FROM unnest($1::bigint[]) AS k(hash)
     JOIN search_term t ON t.hash = k.hash AND t.first > $2 AND t.first <= $3`,
    [wanted, first - MAX_SPAN, last],
    'read-terms-there',
  );
  for (const { hash, rids } of rows) {
    const there = known.get(hash) ?? new Set();
    for (const rid of rids) there.add(Number(rid));
    known.set(hash, there);
  }
  const missing = owners.map(({ rid, terms }) => ({
    rid,
    isNew: true,
    terms: terms.filter((term) => known.get(term)?.has(rid) !== true),
  }));
  // A row that begins with the same resource takes the others in.
  await insertRows(
    tx,
    rowsOf(missing),
    'UPDATE SET rids = (SELECT array_agg(DISTINCT rid ORDER BY rid) FROM unnest(search_term.rids || excluded.rids) AS rid)',
  );
}

/** One row for each term, and one for each resource that existed before. */
function rowsOf(owners: { rid: number; isNew: boolean; terms: readonly string[] }[]): TermRow[] {
  const rows: TermRow[] = [];
  const open = new Map<string, TermRow>();
  owners.sort((a, b) => a.rid - b.rid);
  for (const { rid, isNew, terms } of owners) {
    for (const term of terms) {
      const row = isNew ? open.get(term) : undefined;
      if (row !== undefined && rid - (row.rids[0] ?? 0) < MAX_SPAN) {
        if (row.rids.at(-1) !== rid) row.rids.push(rid);
        continue;
      }
      const made = { term, rids: [rid] };
      rows.push(made);
      if (isNew) open.set(term, made);
    }
  }
  return rows;
}

async function insertRows(tx: Query, rows: readonly TermRow[], conflict: string): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO search_term (hash, first, rids)
     SELECT hash, first, rids::bigint[] FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS s(hash, first, rids)
     ORDER BY hash, first ON CONFLICT (hash, first) DO ${conflict}`,
    [
      rows.map((row) => row.term),
      rows.map((row) => row.rids[0]),
      rows.map((row) => `{${row.rids.join(',')}}`),
    ],
    conflict === 'NOTHING' ? 'insert-search-terms' : 'insert-missing-terms',
  );
}

/** Row numbers of candidates in order. */
export interface TermPage {
  readonly rids: readonly number[];
  /** Every candidate up to here is in `rids`; undefined: there are no more. */
  readonly upTo: number | undefined;
}

/** Rows of each term that the first statement of a page reads, and the others; and most statements for one page. */
const FIRST_ROWS = 6;
const MORE_ROWS = 50;
const MAX_STATEMENTS = 100;

interface FoundRow {
  hash: string;
  first: number;
  rids: string[];
}

/**
 * At least `limit` resources after `after` that have one of the terms, where there are as many. Each term is read by itself in
 * the order of the primary key, so the cost does not depend on how many resources have it.
 */
export async function readSearchTerms(
  database: Query,
  terms: readonly string[],
  after: number,
  limit: number,
): Promise<TermPage> {
  const found = new Set<number>();
  let from = after - MAX_SPAN;
  for (let statement = 0; ; statement++) {
    const rowsPerTerm = statement === 0 ? FIRST_ROWS : MORE_ROWS;
    const rows = await database.query<FoundRow>(
      `SELECT k.hash::text, t.first, t.rids FROM unnest($1::bigint[]) AS k(hash) CROSS JOIN LATERAL
         (SELECT first, rids FROM search_term WHERE hash = k.hash AND first > $2 ORDER BY first LIMIT $3) t`,
      [terms, from, rowsPerTerm],
      'search-terms',
    );
    const counts = new Map<string, number>();
    let upTo: number | undefined;
    for (const { hash, first, rids } of rows) {
      for (const rid of rids) if (Number(rid) > after) found.add(Number(rid));
      const count = (counts.get(hash) ?? 0) + 1;
      counts.set(hash, count);
      if (count === rowsPerTerm && (upTo === undefined || first < upTo)) upTo = first;
    }
    if (upTo !== undefined && statement < MAX_STATEMENTS && countUpTo(found, upTo) < limit) {
      from = upTo;
      continue;
    }
    const end = upTo ?? Number.POSITIVE_INFINITY;
    return { rids: [...found].filter((rid) => rid <= end).sort((a, b) => a - b), upTo };
  }
}

function countUpTo(rids: ReadonlySet<number>, upTo: number): number {
  let count = 0;
  for (const rid of rids) if (rid <= upTo) count++;
  return count;
}
