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

/** A resource that ended with a message, and what it was. */
export interface FormerResource {
  /** Of the message among those that were asked for. */
  readonly index: number;
  readonly type: string;
  readonly id: string;
  readonly text: string | undefined;
}

/** Versions of a message have the time of its pack; the indexes of deletions go by time. */
const deletionsSql = `SELECT k.ord::int, d.id AS deleted_id, (r.rid IS NOT NULL) AS found, ${pointerColumns}
  FROM unnest($1::smallint[], $2::smallint[], $3::bigint[]) WITH ORDINALITY AS k(lane, partition, seq, ord)
  JOIN pack p ON p.lane = k.lane AND p.partition = k.partition AND p.seq = k.seq
  CROSS JOIN LATERAL (
    SELECT c.rid, c.id, c.version FROM resource c
    WHERE c.deleted AND c.last_updated BETWEEN p.stored_at - interval '1 ms' AND p.stored_at + interval '1 ms'
      AND c.type = $4 AND c.lane = k.lane AND c.partition = k.partition AND c.seq = k.seq
    UNION ALL
    SELECT h.rid, h.id, h.version FROM resource_history h
    WHERE h.deleted AND h.last_updated BETWEEN p.stored_at - interval '1 ms' AND p.stored_at + interval '1 ms'
      AND h.type = $4 AND h.lane = k.lane AND h.partition = k.partition AND h.seq = k.seq) AS d
  LEFT JOIN resource_history r ON r.rid = d.rid AND r.version = d.version - 1
  ORDER BY k.ord, d.id`;

/** The resources of a type that messages deleted, in the order of the messages and of their ids, with their last content. */
export async function readDeletions(
  database: Query,
  places: readonly Position[],
  type: string,
): Promise<FormerResource[]> {
  if (places.length === 0) return [];
  const rows = await database.query<PointerRow & { ord: number; deleted_id: string; found: boolean }>(
    deletionsSql,
    [
      places.map(({ lane }) => lane),
      places.map(({ partition }) => partition),
      places.map(({ seq }) => seq),
      resourceTypeCode(type),
    ],
    'read-deletions-of',
  );
  const found = rows.filter((row) => row.found);
  const versions = await readPointers(database, found);
  return rows.map((row) => {
    const version = row.found ? versions[found.indexOf(row)] : undefined;
    const text = version === undefined || version.deleted ? undefined : version.text;
    return { index: row.ord - 1, type, id: row.deleted_id, text };
  });
}
