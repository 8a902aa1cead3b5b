import type { Query } from '#database';
import { resourceTypeCode } from '#fhir';
import { patientHash } from '#search';
import { type PointerRow, pointerColumns, type ResourceVersion, readPointersApart } from './read-resource.js';

/** What is walked through, in the order in which resources were made: no write changes it. */
export interface Walk {
  /** All resources; what may belong to any patient; what may belong to one, by id. The latter two are to be checked. */
  readonly of: 'everything' | 'patients' | { readonly patient: string };
  readonly types: readonly string[] | undefined;
  /** Only what changed at this time or later. */
  readonly sinceMs: number | undefined;
  /** As they were at this time; undefined: as they are. */
  readonly asOfMs: number | undefined;
  /** Where the walk goes on. */
  readonly afterRid: number;
  readonly limit: number;
}

export interface Walked {
  /** What was deleted is told only where `sinceMs` is given. */
  readonly found: readonly ResourceVersion[];
  /** What cannot be read, because the stored bytes are damaged. */
  readonly damaged: readonly { readonly type: string; readonly id: string; readonly error: unknown }[];
  /** `afterRid` of the next part; undefined: this was the last. */
  readonly next: number | undefined;
}

type WalkedRow = { walked: number } & (PointerRow | { [Column in keyof PointerRow]: null });

/** One part of a walk. Resources of one message lie beside each other, so their pack is read once. */
export async function walkResources(database: Query, walk: Walk): Promise<Walked> {
  const { of, types, sinceMs, asOfMs, afterRid, limit } = walk;
  const { filter, name, hash } = ownersOf(of);
  const rows = await database.query<WalkedRow>(
    `SELECT c.rid AS walked, ${pointerColumns} FROM (
       SELECT * FROM resource
       WHERE rid > $1 ${filter} AND ($2::smallint[] IS NULL OR type = ANY($2::smallint[]))
         AND ($3::float8 IS NULL OR last_updated >= to_timestamp($3::float8))
       ORDER BY rid LIMIT $4) c
     LEFT JOIN LATERAL (
       SELECT v.* FROM (
         SELECT c.* WHERE $5::float8 IS NULL OR c.last_updated <= to_timestamp($5::float8)
         UNION ALL
         (SELECT h.* FROM resource_history h
          WHERE h.rid = c.rid AND c.last_updated > to_timestamp($5::float8) AND h.last_updated <= to_timestamp($5::float8)
          ORDER BY h.version DESC LIMIT 1)) v
       WHERE CASE WHEN $3::float8 IS NULL THEN NOT v.deleted ELSE v.last_updated >= to_timestamp($3::float8) END) r ON true
     ORDER BY c.rid`,
    [
      afterRid,
      types === undefined ? null : types.map(resourceTypeCode),
      sinceMs === undefined ? null : sinceMs / 1000,
      limit,
      asOfMs === undefined ? null : asOfMs / 1000,
      ...(hash === undefined ? [] : [hash]),
    ],
    name,
  );
  const there = rows.filter((row): row is { walked: number } & PointerRow => row.type !== null);
  const outcomes = await readPointersApart(database, there);
  return {
    found: outcomes.flatMap((outcome) => ('found' in outcome ? [outcome.found] : [])),
    damaged: outcomes.flatMap((outcome) =>
      'error' in outcome ? [{ type: outcome.head.type, id: outcome.head.id, error: outcome.error }] : [],
    ),
    next: rows.length < limit ? undefined : rows.at(-1)?.walked,
  };
}

function ownersOf(of: Walk['of']): { filter: string; name: string; hash: string | undefined } {
  if (of === 'everything') return { filter: '', name: 'walk-resources', hash: undefined };
  if (of === 'patients') return { filter: 'AND patient IS NOT NULL', name: 'walk-records', hash: undefined };
  return {
    filter: 'AND patient = $6::bigint',
    name: 'walk-record',
    hash: patientHash(of.patient).toString(),
  };
}

/**
 * The latest time up to which all that has been written can be read: what transactions under way will store has a later one.
 * Milliseconds.
 */
export async function settledMs(database: Query): Promise<number> {
  const rows = await database.query<{ at: number }>(
    `SELECT extract(epoch FROM LEAST(now(), min(xact_start)))::float8 AS at FROM pg_stat_activity
     WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()`,
  );
  return Math.floor((rows[0]?.at ?? 0) * 1000) - 1;
}
