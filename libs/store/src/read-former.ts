import type { Query } from '#database';
import { resourceTypeCode } from '#fhir';
import type { Position } from '#kernel';
import { type PointerRow, pointerColumns, readPointers } from './read-resource.js';

/** What a resource was before a message changed it; undefined content: it was not there. */
export interface FormerContent {
  readonly text: string | undefined;
}

const formerSql = `SELECT k.ord::int, (r.rid IS NOT NULL) AS found, ${pointerColumns}
  FROM unnest($1::smallint[], $2::text[], $3::smallint[], $4::smallint[], $5::bigint[])
    WITH ORDINALITY AS k(type, id, lane, partition, seq, ord)
  JOIN resource c ON c.type = k.type AND c.id = k.id
  CROSS JOIN LATERAL (
    SELECT max(v.version) AS version FROM (
      SELECT c.version, c.lane, c.partition, c.seq
      UNION ALL SELECT h.version, h.lane, h.partition, h.seq FROM resource_history h WHERE h.rid = c.rid) AS v
    WHERE v.lane = k.lane AND v.partition = k.partition AND v.seq = k.seq) AS made
  LEFT JOIN resource_history r ON r.rid = c.rid AND r.version = made.version - 1
  WHERE made.version IS NOT NULL`;

/**
 * For each resource that a message holds: what it was before. Undefined where the message did not change it. Versions
 * never change, so the answer is the same whenever it is asked for.
 */
export async function readFormer(
  database: Query,
  asked: readonly { readonly type: string; readonly id: string; readonly position: Position }[],
): Promise<(FormerContent | undefined)[]> {
  const answers = asked.map((): FormerContent | undefined => undefined);
  if (asked.length === 0) return answers;
  const rows = await database.query<PointerRow & { ord: number; found: boolean }>(
    formerSql,
    [
      asked.map(({ type }) => resourceTypeCode(type)),
      asked.map(({ id }) => id),
      asked.map(({ position }) => position.lane),
      asked.map(({ position }) => position.partition),
      asked.map(({ position }) => position.seq),
    ],
    'read-former',
  );
  const found = rows.filter((row) => row.found);
  const versions = await readPointers(database, found);
  for (const row of rows) {
    const version = row.found ? versions[found.indexOf(row)] : undefined;
    const text = version === undefined || version.deleted ? undefined : version.text;
    answers[row.ord - 1] = { text };
  }
  return answers;
}
