import type { Query } from '#database';
import { type FhirObject, readJson, resourceTypeCode } from '#fhir';
import { formatPosition, type Position } from '#kernel';
import { resourceAt, unfoldPack } from './pack-bytes.js';

/** The current version of a resource: where it stands and what it says. */
export interface CurrentResource {
  readonly type: string;
  readonly id: string;
  /** Undefined until the database has given it a row. */
  readonly rid: number | undefined;
  readonly version: number;
  /** Hexadecimal digits; equal digests, equal content. */
  readonly digest: string;
  readonly deleted: boolean;
  readonly place: Position;
  /** Line in its pack. */
  readonly line: number;
  readonly patient: bigint | null;
  readonly lastUpdatedMs: number;
  /** Loaded only where a merge needs it. */
  content?: FhirObject;
}

export const resourceKey = (type: string, id: string): string => `${type}/${id}`;

interface PointerRow {
  ord: number;
  rid: number;
  version: number;
  digest: string;
  deleted: boolean;
  lane: number;
  partition: number;
  seq: number;
  position: number;
  patient: string | null;
  last_updated: Date;
}

/** The current pointers of `wanted`, by their keys (those very strings, which are then found faster). What does not exist is absent. */
export async function readCurrent(
  tx: Query,
  wanted: readonly { type: string; id: string; key: string }[],
): Promise<Map<string, CurrentResource>> {
  const found = new Map<string, CurrentResource>();
  if (wanted.length === 0) return found;
  const rows = await tx.query<PointerRow>(
    `SELECT k.ord::int, r.rid, r.version, encode(r.digest, 'hex') AS digest, r.deleted, r.lane, r.partition, r.seq, r.position,
            r.patient::text, r.last_updated
     FROM unnest($1::smallint[], $2::text[]) WITH ORDINALITY AS k(type, id, ord)
     JOIN resource r ON r.type = k.type AND r.id = k.id`,
    [wanted.map((resource) => resourceTypeCode(resource.type)), wanted.map((resource) => resource.id)],
    'read-current',
  );
  for (const row of rows) {
    const asked = wanted[row.ord - 1];
    if (asked === undefined) continue;
    found.set(asked.key, {
      type: asked.type,
      id: asked.id,
      rid: row.rid,
      version: row.version,
      digest: row.digest,
      deleted: row.deleted,
      place: { lane: row.lane, partition: row.partition, seq: row.seq },
      line: row.position,
      patient: row.patient === null ? null : BigInt(row.patient),
      lastUpdatedMs: row.last_updated.getTime(),
    });
  }
  return found;
}

/** Most resources whose content a worker keeps between transactions. */
const MAX_CACHED = 2_000;

/**
 * The content of resources that messages merge into, kept between transactions. An entry is used only when its digest
 * equals the one that the database names now, so a transaction that was rolled back leaves nothing wrong behind.
 */
export class ContentCache {
  private readonly entries = new Map<string, { digest: string; content: FhirObject }>();

  remember(key: string, digest: string, content: FhirObject): void {
    this.entries.delete(key);
    this.entries.set(key, { digest, content });
    if (this.entries.size <= MAX_CACHED) return;
    const oldest = this.entries.keys().next();
    if (!oldest.done) this.entries.delete(oldest.value);
  }

  /** Fills in `content` of all `resources`: from memory, or from their packs, each pack inflated once. */
  async load(tx: Query, resources: readonly CurrentResource[]): Promise<void> {
    const missing = new Map<string, CurrentResource[]>();
    for (const resource of resources) {
      const entry = this.entries.get(resourceKey(resource.type, resource.id));
      if (entry?.digest === resource.digest) {
        resource.content = entry.content;
        continue;
      }
      const place = formatPosition(resource.place);
      const same = missing.get(place);
      if (same) same.push(resource);
      else missing.set(place, [resource]);
    }
    if (missing.size === 0) return;
    const places = [...missing.values()].map((same) => same[0]?.place);
    const rows = await tx.query<Position & { folded: Buffer }>(
      `SELECT lane, partition, seq, folded FROM folded_pack
       JOIN unnest($1::smallint[], $2::smallint[], $3::bigint[]) AS k(lane, partition, seq)
       USING (lane, partition, seq)`,
      [places.map((p) => p?.lane), places.map((p) => p?.partition), places.map((p) => p?.seq)],
      'read-packs',
    );
    for (const row of rows) {
      const plain = unfoldPack(row.folded);
      for (const resource of missing.get(formatPosition(row)) ?? []) {
        const content = readJson(resourceAt(plain, resource.line)) as FhirObject; // the store wrote it as an object
        resource.content = content;
        this.remember(resourceKey(resource.type, resource.id), resource.digest, content);
      }
    }
  }
}
