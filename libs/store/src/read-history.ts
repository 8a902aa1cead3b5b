import type { Query } from '#database';
import { isResourceType, resourceTypeCode } from '#fhir';
import type { TimeSpan } from './read-changes.js';
import { type PointerRow, pointerColumns, type ResourceVersion, readPointers } from './read-resource.js';

export interface HistoryPage {
  /** Newest first. */
  readonly versions: readonly ResourceVersion[];
  /** How many versions there are in all (of those since the time asked for, when one was). */
  readonly total: number;
  /** Pass as `before` for the next page; undefined: this was the last. */
  readonly next: number | undefined;
}

export interface HistoryPaging {
  readonly count: number;
  /** Only versions older than this number. */
  readonly before: number | undefined;
  /** Only versions made at this time or later. */
  readonly sinceMs: number | undefined;
  /** Only versions that were current at some moment of it. */
  readonly at?: TimeSpan | undefined;
}

/**
 * The versions of one resource. Paging by version number is stable under writes: new versions come before the first
 * page. undefined when there never was such a resource.
 */
export async function readHistory(
  database: Query,
  type: string,
  id: string,
  paging: HistoryPaging,
): Promise<HistoryPage | undefined> {
  if (!isResourceType(type)) return undefined;
  const { count, before, sinceMs, at } = paging;
  const rows = await database.query<PointerRow & { total: number }>(
    `SELECT * FROM (SELECT ${pointerColumns}, count(*) OVER ()::int AS total FROM (
         SELECT e.*, lead(e.last_updated) OVER (ORDER BY e.version) AS overtaken_at FROM (
           SELECT * FROM resource WHERE type = $1 AND id = $2
           UNION ALL
           SELECT h.* FROM resource c JOIN resource_history h ON h.rid = c.rid WHERE c.type = $1 AND c.id = $2) e) r
       WHERE ($3::float8 IS NULL OR r.last_updated >= to_timestamp($3))
         AND ($6::float8 IS NULL OR (r.last_updated < to_timestamp($7::float8) AND
           CASE WHEN r.deleted THEN r.last_updated >= to_timestamp($6)
                ELSE r.overtaken_at IS NULL OR r.overtaken_at > to_timestamp($6) END))) v
     WHERE version < $4 ORDER BY version DESC LIMIT $5`,
    [
      resourceTypeCode(type),
      id,
      sinceMs === undefined ? null : sinceMs / 1000,
      before ?? 0x7fffffff,
      count + 1,
      at === undefined ? null : at.fromMs / 1000,
      at === undefined ? null : at.toMs / 1000,
    ],
    'read-history',
  );
  const page = rows.slice(0, count);
  const last = page.at(-1);
  if (last === undefined)
    return (await exists(database, type, id)) ? { versions: [], total: 0, next: undefined } : undefined;
  return {
    versions: await readPointers(database, page),
    total: last.total,
    next: rows.length > count ? last.version : undefined,
  };
}

async function exists(database: Query, type: string, id: string): Promise<boolean> {
  const rows = await database.query('SELECT 1 FROM resource WHERE type = $1 AND id = $2', [
    resourceTypeCode(type),
    id,
  ]);
  return rows.length > 0;
}
