import type { Query } from '#database';
import { isResourceType, resourceTypeCode, resourceTypes } from '#fhir';
import type { Criteria } from '#search';
import { type PointerRow, pointerColumns } from './read-resource.js';
import { readSearchTerms } from './search-terms.js';

type Candidates = NonNullable<Criteria['candidates']>;
export type Candidate = PointerRow & { rid: number };
export type RowPlace =
  | { readonly by: 'rid'; readonly rid: number }
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'time'; readonly lastUpdatedMs: number; readonly rid: number };

export interface Chunk {
  readonly rows: readonly Candidate[];
  /** Everything up to here was looked at; undefined: there is no more. */
  readonly upTo: RowPlace | undefined;
}

/** Rows of one term, and of patients, after which an option is many. */
const COUNTED = 50;

const countSql = `SELECT o.at, sum(t.n)::int AS found, bool_or(t.rows = $6) AS more
  FROM unnest($1::int[], $2::bigint[]) AS o(at, hash) CROSS JOIN LATERAL (
    SELECT count(*) AS rows, COALESCE(sum(n), 0) AS n
    FROM (SELECT cardinality(rids) AS n FROM search_term WHERE hash = o.hash LIMIT $6) s) t
  GROUP BY o.at
  UNION ALL
  SELECT o.at, sum(t.n)::int, bool_or(t.n = $6)
  FROM unnest($3::int[], $4::bigint[]) AS o(at, patient) CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (SELECT 1 FROM resource WHERE patient = o.patient AND type = $5 LIMIT $6) s) t
  GROUP BY o.at`;

function optionsOf({ candidates, others }: Criteria): Candidates[] {
  return [...(candidates === undefined ? [] : [candidates]), ...others];
}

/** To how many resources each option leads, about; more than any number where a term has `most` rows. */
async function countOptions(
  database: Query,
  options: readonly Candidates[],
  type: number,
  most: number,
): Promise<number[]> {
  const terms = options.flatMap((option, at) => option.terms.map((term) => ({ at, term })));
  const patients = options.flatMap((option, at) => option.patients.map((patient) => ({ at, patient })));
  const rows = await database.query<{ at: number; found: number; more: boolean }>(
    countSql,
    [
      terms.map(({ at }) => at),
      terms.map(({ term }) => term),
      patients.map(({ at }) => at),
      patients.map(({ patient }) => String(patient)),
      type,
      most,
    ],
    'count-candidates',
  );
  const counts = options.map(() => 0);
  for (const { at, found, more } of rows)
    counts[at] = (counts[at] ?? 0) + (more ? Number.MAX_SAFE_INTEGER / 2 : found);
  return counts;
}

/** The index leads to more than `most` resources, whichever condition it begins with. */
export async function areMany(
  database: Query,
  criteria: Criteria,
  type: number,
  most: number,
): Promise<boolean> {
  const counts = await countOptions(database, optionsOf(criteria), type, most);
  return counts.every((count) => count > most);
}

/**
 * Of several conditions that an index serves, the one that leads to the fewest resources: a common code and a rare date are found by the
 * date. Counted as far as it matters. Any choice gives the same pages, because all go by row number.
 */
export async function fewestCandidates(
  database: Query,
  criteria: Criteria,
  type: number,
): Promise<Candidates> {
  const options = optionsOf(criteria);
  const [first] = options;
  if (first === undefined || options.length === 1) return first ?? nothing;
  const counts = await countOptions(database, options, type, COUNTED);
  return options[counts.indexOf(Math.min(...counts))] ?? first;
}

const nothing: Candidates = { terms: [], patients: [], ids: [], origins: [] };

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
  origins: Candidates['origins'],
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
export async function readIndexed(
  database: Query,
  type: number,
  { terms, patients, ids, origins }: Candidates,
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
