import type { Query } from '#database';
import { isResourceType, resourceTypeCode, resourceTypes, spliceMeta } from '#fhir';
import { assert, formatPosition, type Position } from '#kernel';
import { inflated, resourceAt, resourcesOf, unfoldPack } from './pack-bytes.js';
import { packPartColumns, SEGMENT_LINES } from './pack-segments.js';

interface VersionHead {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly lastUpdatedMs: number;
}

/** One version of a resource as a client sees it. A deletion is a version too, without content. */
export type ResourceVersion =
  | (VersionHead & { readonly deleted: false; readonly text: string })
  | (VersionHead & { readonly deleted: true });

/** A row of `resource` or `resource_history`: where a version lies. */
export interface PointerRow {
  type: number;
  id: string;
  version: number;
  lane: number;
  partition: number;
  seq: number;
  position: number;
  deleted: boolean;
  last_updated: Date;
}

export const pointerColumns = [
  'type',
  'id',
  'version',
  'lane',
  'partition',
  'seq',
  'position',
  'deleted',
  'last_updated',
]
  .map((column) => `r.${column}`)
  .join(', ');

/** The pack may be missing only for a deletion, which needs none. */
const PACK = 'LEFT JOIN folded_pack p ON p.lane = r.lane AND p.partition = r.partition AND p.seq = r.seq';

const readCurrentSql = `SELECT k.ord::int, ${pointerColumns}, ${packPartColumns('r.position')}
  FROM unnest($1::smallint[], $2::text[]) WITH ORDINALITY AS k(type, id, ord)
  JOIN resource r ON r.type = k.type AND r.id = k.id ${PACK}`;

const readVersionSql = `SELECT ${pointerColumns}, ${packPartColumns('r.position')} FROM (
    SELECT * FROM resource WHERE type = $1 AND id = $2 AND version = $3
    UNION ALL
    SELECT h.* FROM resource c JOIN resource_history h ON h.rid = c.rid
    WHERE c.type = $1 AND c.id = $2 AND h.version = $3) r ${PACK}`;

/** What `packPartColumns` gives; null where there is no pack. */
interface PackPart {
  in_segment: boolean | null;
  folded: Buffer | null;
}

type PackedRow = PointerRow & PackPart;

/** What one of several reads found: nothing, a version, or that its pack is damaged. */
export type ReadOutcome = { readonly found: ResourceVersion | undefined } | { readonly error: unknown };

/** The current versions of several resources in one statement. A damaged pack spoils only what lies in it. */
export async function readResources(
  database: Query,
  wanted: readonly { readonly type: string; readonly id: string }[],
): Promise<ReadOutcome[]> {
  const rows = await database.query<PackedRow & { ord: number }>(
    readCurrentSql,
    [wanted.map(({ type }) => resourceTypeCode(type)), wanted.map(({ id }) => id)],
    'read-resources',
  );
  const outcomes = wanted.map((): ReadOutcome => ({ found: undefined }));
  for (const row of rows) {
    try {
      outcomes[row.ord - 1] = { found: versionOf(row) };
    } catch (error) {
      outcomes[row.ord - 1] = { error }; // thrown again for the one who asked for this resource
    }
  }
  return outcomes;
}

/** One version by its number; undefined when there is none. */
export async function readVersion(
  database: Query,
  type: string,
  id: string,
  version: number,
): Promise<ResourceVersion | undefined> {
  if (!isResourceType(type) || !Number.isInteger(version) || version < 1 || version > 0x7fffffff)
    return undefined;
  const [row] = await database.query<PackedRow>(
    readVersionSql,
    [resourceTypeCode(type), id, version],
    'read-version',
  );
  return row && versionOf(row);
}

function versionOf(row: PackedRow): ResourceVersion {
  const head = headOfRow(row);
  if (row.deleted) return { ...head, deleted: true };
  assert(row.folded !== null, 'STORE_PACK_MISSING', formatPosition(row));
  return contentOf(
    head,
    resourceAt(plainPart(row.folded, row.in_segment), lineIn(row.in_segment, row.position)),
  );
}

function plainPart(folded: Buffer, inSegment: boolean | null): Buffer {
  return inSegment ? inflated(folded) : unfoldPack(folded);
}

function lineIn(inSegment: boolean | null, line: number): number {
  return inSegment ? line % SEGMENT_LINES : line;
}

/** What a pointer says by itself. */
export function headOfRow(row: PointerRow): VersionHead {
  const type = resourceTypes[row.type];
  assert(type !== undefined, 'STORE_TYPE_CODE_UNKNOWN');
  return { type, id: row.id, version: row.version, lastUpdatedMs: row.last_updated.getTime() };
}

/** A version with its stored text. */
export function contentOf(head: VersionHead, stored: string): ResourceVersion {
  const lastUpdated = new Date(head.lastUpdatedMs).toISOString();
  return { ...head, deleted: false, text: spliceMeta(stored, { versionId: head.version, lastUpdated }) };
}

/** What a pointer leads to, or that its pack is damaged. */
export type PointerOutcome =
  | { readonly found: ResourceVersion }
  | { readonly head: VersionHead; readonly error: unknown };

/**
 * The versions that `pointers` point to, in their order. Each pack, or segment of a large one, is fetched and inflated once,
 * however many of the versions lie in it. Throws where one is damaged.
 */
export async function readPointers(
  database: Query,
  pointers: readonly PointerRow[],
): Promise<ResourceVersion[]> {
  return (await readPointersApart(database, pointers)).map((outcome) => {
    if ('error' in outcome) throw outcome.error;
    return outcome.found;
  });
}

/** The same, where a damaged pack spoils only what lies in it. */
export async function readPointersApart(
  database: Query,
  pointers: readonly PointerRow[],
): Promise<PointerOutcome[]> {
  const wanted = new Map<string, PointerRow>();
  for (const row of pointers) if (!row.deleted) wanted.set(partName(row), row);
  const parts = await readParts(database, [...wanted.values()]);
  return pointers.map((row) => {
    const head = headOfRow(row);
    if (row.deleted) return { found: { ...head, deleted: true } };
    const part = parts.get(partName(row));
    if (part && 'error' in part) return { head, error: part.error };
    try {
      const stored = part?.lines[lineIn(part.inSegment, row.position)];
      assert(stored !== undefined, 'STORE_PACK_MISSING', formatPosition(row));
      return { found: contentOf(head, stored) };
    } catch (error) {
      return { head, error }; // thrown again, or told, by the caller
    }
  });
}

/** The resources of packs, by their places. Each is inflated once. */
export async function readPacks(
  database: Query,
  places: readonly Position[],
): Promise<Map<string, string[]>> {
  const packs = new Map<string, string[]>();
  if (places.length === 0) return packs;
  const rows = await database.query<Position & { folded: Buffer }>(
    `SELECT p.lane, p.partition, p.seq, p.folded
     FROM unnest($1::smallint[], $2::smallint[], $3::bigint[]) AS k(lane, partition, seq)
     JOIN folded_pack p USING (lane, partition, seq)`,
    [places.map((p) => p.lane), places.map((p) => p.partition), places.map((p) => p.seq)],
    'read-packs-at',
  );
  for (const row of rows) packs.set(formatPosition(row), resourcesOf(unfoldPack(row.folded)));
  return packs;
}

function partName(row: PointerRow): string {
  return `${formatPosition(row)} ${Math.floor(row.position / SEGMENT_LINES)}`;
}

interface PlainPart {
  readonly inSegment: boolean;
  readonly lines: readonly string[];
}

async function readParts(
  database: Query,
  wanted: readonly PointerRow[],
): Promise<Map<string, PlainPart | { readonly error: unknown }>> {
  const parts = new Map<string, PlainPart | { readonly error: unknown }>();
  if (wanted.length === 0) return parts;
  const rows = await database.query<PackPart & { ord: number }>(
    `SELECT k.ord::int, ${packPartColumns('k.line')}
     FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::int[]) WITH ORDINALITY
       AS k(lane, partition, seq, line, ord)
     JOIN folded_pack p USING (lane, partition, seq)`,
    [
      wanted.map((row) => row.lane),
      wanted.map((row) => row.partition),
      wanted.map((row) => row.seq),
      wanted.map((row) => row.position),
    ],
    'read-pack-parts',
  );
  for (const { ord, folded, in_segment } of rows) {
    const row = wanted[ord - 1];
    if (row === undefined || folded === null) continue;
    try {
      const lines = resourcesOf(plainPart(folded, in_segment));
      parts.set(partName(row), { inSegment: in_segment === true, lines });
    } catch (error) {
      parts.set(partName(row), { error }); // told of each version that lies in it
    }
  }
  return parts;
}
