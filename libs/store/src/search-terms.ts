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
  const rows: TermRow[] = [];
  const open = new Map<string, TermRow>();
  const owners: { rid: number; isNew: boolean; terms: readonly string[] }[] = [];
  for (const [key, terms] of changes.terms) {
    const rid = rids.get(key);
    assert(rid !== undefined, 'STORE_RESOURCE_WITHOUT_ROW');
    owners.push({ rid, isNew: !changes.before.has(key), terms });
  }
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
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO search_term (hash, first, rids)
     SELECT hash, first, rids::bigint[] FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS s(hash, first, rids)
     ORDER BY hash, first ON CONFLICT DO NOTHING`,
    [
      rows.map((row) => row.term),
      rows.map((row) => row.rids[0]),
      rows.map((row) => `{${row.rids.join(',')}}`),
    ],
    'insert-search-terms',
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
