import { spliceMeta, writeJson } from '#fhir';
import { assert, EngineError } from '#kernel';
import type { StoredResource } from '#store';
import type { PlannedWrite, WriteAnswer } from './resource-write.js';

/** What is answered; throws when another version was current than the client said. */
export function answerOf(
  { type, does, ifMatch, onlyNew, current }: PlannedWrite,
  stored: StoredResource | undefined,
  deleted: number | undefined,
): WriteAnswer {
  if (does === 'nothing') {
    if (current === undefined || current.deleted) return { status: 204, version: undefined };
    const { version, lastUpdatedMs, text } = current;
    return { status: 200, type, id: current.id, version, lastUpdatedMs, text };
  }
  if (does === 'delete') {
    if (ifMatch !== undefined && deleted !== ifMatch + 1) throw otherVersion();
    return { status: 204, version: deleted };
  }
  assert(stored !== undefined, 'WRITE_NOT_STORED');
  const { version, lastUpdatedMs, changed, created } = stored;
  // Between the plan and the write another one may have come; what was patched must be what is replaced.
  if (current !== undefined && version - Number(changed) !== current.version)
    throw new EngineError('unavailable', 'DATABASE_CONFLICT', 'another write came first');
  if (ifMatch !== undefined && (created || version - Number(changed) !== ifMatch)) throw otherVersion();
  if (onlyNew && !created) throw exists();
  const lastUpdated = new Date(lastUpdatedMs).toISOString();
  const text = spliceMeta(writeJson(stored.content), { versionId: version, lastUpdated });
  return { status: created ? 201 : 200, type, id: stored.id, version, lastUpdatedMs, text };
}

function otherVersion(): EngineError {
  return new EngineError(
    'rejected',
    'RESOURCE_VERSION_CONFLICT',
    'another version is current than If-Match says; read it, and write again',
    { cause: { at: 'http.If-Match' } },
  );
}

function exists(): EngineError {
  return new EngineError(
    'rejected',
    'RESOURCE_EXISTS',
    'there is such a resource, and If-None-Match says *',
    {
      cause: { at: 'http.If-None-Match' },
    },
  );
}
