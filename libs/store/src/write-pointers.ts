import type { Query } from '#database';
import { resourceTypeCode } from '#fhir';
import { assert, EngineError } from '#kernel';
import type { Changes } from './changes.js';
import { type CurrentResource, resourceKey } from './current-resources.js';
import { writeSearchTerms } from './search-terms.js';

const POINTER_COLUMNS =
  'type, id, version, lane, partition, seq, position, patient, last_updated, digest, deleted';

/** Columns of pointer rows as array parameters, in the order of `POINTER_UNNEST`. */
function pointerArrays(rows: readonly CurrentResource[]): unknown[] {
  return [
    rows.map((row) => resourceTypeCode(row.type)),
    rows.map((row) => row.id),
    rows.map((row) => row.version),
    rows.map((row) => row.place.lane),
    rows.map((row) => row.place.partition),
    rows.map((row) => row.place.seq),
    rows.map((row) => row.line),
    rows.map((row) => row.patient?.toString() ?? null),
    rows.map((row) => row.lastUpdatedMs / 1000),
    rows.map((row) => row.digest),
    rows.map((row) => row.deleted),
  ];
}

const POINTER_UNNEST = `unnest($1::smallint[], $2::text[], $3::int[], $4::smallint[], $5::smallint[], $6::bigint[],
  $7::smallint[], $8::bigint[], $9::float8[], $10::text[], $11::boolean[])`;

/**
 * Writes the pointers that changed, former versions into the history, and the search rows. Rows are written in the
 * order of (type, id), so that two transactions that share resources wait for each other rather than deadlock.
 */
export async function writePointers(tx: Query, changes: Changes): Promise<void> {
  const changed = [...changes.changed].sort().map((key) => {
    const resource = changes.current.get(key);
    assert(resource !== undefined, 'STORE_CHANGE_WITHOUT_RESOURCE');
    return resource;
  });
  if (changed.length === 0) return;
  const rids = new Map<string, number>();
  await Promise.all([
    insertNew(
      tx,
      changed.filter((resource) => resource.rid === undefined),
      rids,
    ),
    updateExisting(
      tx,
      changed.filter((resource) => resource.rid !== undefined),
      changes,
    ),
  ]);
  for (const resource of changed) {
    if (resource.rid !== undefined) rids.set(resourceKey(resource.type, resource.id), resource.rid);
  }
  await Promise.all([insertHistory(tx, changes, rids), writeSearchTerms(tx, changes, rids)]);
}

async function insertNew(
  tx: Query,
  rows: readonly CurrentResource[],
  rids: Map<string, number>,
): Promise<void> {
  if (rows.length === 0) return;
  const inserted = await tx.query<{ rid: number; type: number; id: string }>(
    `INSERT INTO resource (${POINTER_COLUMNS})
     SELECT type, id, version, lane, partition, seq, position, patient, to_timestamp(updated), decode(digest, 'hex'), deleted
     FROM ${POINTER_UNNEST} WITH ORDINALITY
       AS r(type, id, version, lane, partition, seq, position, patient, updated, digest, deleted, ord)
     ORDER BY ord RETURNING rid, type, id`,
    pointerArrays(rows),
    'insert-resources',
  );
  const keys = new Map(
    rows.map((row) => [`${resourceTypeCode(row.type)}/${row.id}`, resourceKey(row.type, row.id)]),
  );
  for (const row of inserted) {
    const key = keys.get(`${row.type}/${row.id}`);
    if (key !== undefined) rids.set(key, row.rid);
  }
}

async function updateExisting(tx: Query, rows: readonly CurrentResource[], changes: Changes): Promise<void> {
  if (rows.length === 0) return;
  const bases = rows.map((row) => changes.before.get(resourceKey(row.type, row.id))?.version);
  // Locks come in the order of `ord`; an UPDATE alone would take them in the order of its plan.
  const updated = await tx.query(
    `WITH next AS MATERIALIZED (
       SELECT n.*, r.rid FROM ${POINTER_UNNEST} WITH ORDINALITY
         AS n(type, id, version, lane, partition, seq, position, patient, updated, digest, deleted, ord)
       JOIN unnest($12::int[]) WITH ORDINALITY AS b(base, ord) USING (ord)
       JOIN resource r ON r.type = n.type AND r.id = n.id AND r.version = b.base
       ORDER BY ord FOR UPDATE OF r
     )
     UPDATE resource r SET version = n.version, lane = n.lane, partition = n.partition, seq = n.seq,
       position = n.position, patient = n.patient, last_updated = to_timestamp(n.updated), digest = decode(n.digest, 'hex'),
       deleted = n.deleted
     FROM next n WHERE r.rid = n.rid RETURNING r.rid`,
    [...pointerArrays(rows), bases],
    'update-resources',
  );
  if (updated.length === rows.length) return;
  throw new EngineError(
    'unavailable',
    'DATABASE_CONFLICT',
    'a shared resource changed in another transaction',
  );
}

async function insertHistory(tx: Query, changes: Changes, rids: Map<string, number>): Promise<void> {
  const former = [...changes.overtaken];
  for (const key of changes.changed) {
    const before = changes.before.get(key);
    if (before) former.push(before);
  }
  if (former.length === 0) return;
  await tx.query(
    `INSERT INTO resource_history (rid, ${POINTER_COLUMNS})
     SELECT rid, type, id, version, lane, partition, seq, position, patient, to_timestamp(updated), decode(digest, 'hex'), deleted
     FROM ${POINTER_UNNEST} WITH ORDINALITY
       AS r(type, id, version, lane, partition, seq, position, patient, updated, digest, deleted, ord)
     JOIN unnest($12::bigint[]) WITH ORDINALITY AS k(rid, ord) USING (ord)`,
    [...pointerArrays(former), former.map((row) => row.rid ?? rids.get(resourceKey(row.type, row.id)))],
    'insert-history',
  );
}
