import type { Query } from '#database';
import type { FhirObject } from '#fhir';
import { readJson } from '#fhir';
import { EngineError, hash64, type Random } from '#kernel';
import { ResourceReader } from '#store';
import { namesOfConditions } from './conditional-references.js';
import { findMatches, type LiveVersion, onlyOf, pairsOf } from './find-match.js';
import { rootOf, withLinks } from './links.js';
import type { PlannedWrite, ResourceWrite } from './resource-write.js';
import type { WriteCall } from './write-groups.js';

/** First key of the advisory locks of conditions. */
const CONDITION_LOCK_CLASS = 7_310_010;

/**
 * Finds the target of every write: new ids, what conditions match, what is patched; then puts names in the place of
 * references between them. Reads in the caller's transaction; whoever asks the same condition waits until it ends.
 */
export async function planWrites(
  tx: Query,
  { writes, source }: WriteCall,
  random: Random,
): Promise<PlannedWrite[]> {
  const { ownUrl } = source;
  await lockConditions(tx, writes);
  const reader = new ResourceReader(tx);
  const planned = await Promise.all(writes.map((write) => planOne(write, reader, ownUrl, random)));
  requireDistinct(planned);
  const links = linksOf(writes, planned);
  for (const [reference, name] of await namesOfConditions(planned, reader, source))
    links.set(reference, name);
  return planned.map((one, index) => {
    if (!one.resource) return one;
    return { ...one, resource: withLinks(one.resource, links, rootOf(fullUrlOf(writes[index]))) };
  });
}

function requireDistinct(planned: readonly PlannedWrite[]): void {
  const places = new Map<string, string>();
  for (const { does, key, at } of planned) {
    if (does === 'nothing') continue;
    const other = places.get(key);
    if (other !== undefined) {
      throw new EngineError(
        'rejected',
        'TRANSACTION_INVALID',
        `two entries of the transaction write one resource; the other is ${other}`,
        { cause: { at } },
      );
    }
    places.set(key, at);
  }
}

/** Equal conditions are asked one after the other, over all processes, until the transaction of the first has ended. */
async function lockConditions(tx: Query, writes: readonly ResourceWrite[]): Promise<void> {
  const keys = writes.flatMap(({ type, criteria }) =>
    criteria === undefined ? [] : [Number(BigInt.asIntN(32, hash64(`${type}?${normalised(criteria)}`)))],
  );
  if (keys.length === 0) return;
  // In one order, so that two transactions with the same conditions wait for each other rather than deadlock.
  await tx.query(
    'SELECT pg_advisory_xact_lock($1, key) FROM (SELECT DISTINCT key FROM unnest($2::int[]) AS key ORDER BY key) AS keys',
    [CONDITION_LOCK_CLASS, keys],
    'lock-conditions',
  );
}

function normalised(criteria: string): string {
  const pairs = new URLSearchParams(criteria);
  pairs.sort();
  return pairs.toString();
}

async function planOne(
  write: ResourceWrite,
  reader: ResourceReader,
  ownUrl: string | undefined,
  random: Random,
): Promise<PlannedWrite> {
  const { type, ifMatch } = write;
  const { at = 'http' } = write;
  const found = await matchOf(write, reader, ownUrl);
  const common = { type, at, ifMatch, onlyNew: false, resource: undefined, current: undefined };
  const named = (does: PlannedWrite['does'], id: string) => ({ ...common, does, id, key: `${type}/${id}` });
  switch (write.method) {
    case 'POST': {
      if (found) return { ...named('nothing', found.id), current: found };
      const id = newId(random);
      return { ...named('put', id), resource: withId(write.resource, type, id) };
    }
    case 'PUT': {
      const given = write.resource['id'];
      const own = typeof given === 'string' ? given : undefined;
      const id = write.id ?? found?.id ?? own ?? newId(random);
      if (own !== undefined && own !== id) throw otherId(type);
      return {
        ...named('put', id),
        resource: withId(write.resource, type, id),
        onlyNew: write.onlyNew === true,
      };
    }
    case 'PATCH': {
      const current = write.id === undefined ? found : await reader.read(type, write.id);
      if (current === undefined) throw unknown();
      if (current.deleted) throw gone(current.version);
      const patched = write.patch(readJson(current.text) as FhirObject);
      if (patched['id'] !== current.id || patched['resourceType'] !== type) throw otherId(type);
      return { ...named('put', current.id), resource: withId(patched, type, current.id), current };
    }
    case 'DELETE': {
      const id = write.id ?? found?.id;
      return id === undefined ? named('nothing', '') : named('delete', id);
    }
  }
}

/** What the condition of a write matches; undefined: nothing, or it has none. */
async function matchOf(
  { type, criteria, at }: ResourceWrite,
  reader: ResourceReader,
  ownUrl: string | undefined,
): Promise<LiveVersion | undefined> {
  if (criteria === undefined) return undefined;
  const where = at === undefined ? 'http.criteria' : `${at}.request`;
  return onlyOf(await findMatches(reader, type, pairsOf(criteria, where), { ownUrl, most: 2 }), where);
}

/** Server and client facts of `meta` are the server's: they are left out of what is stored. */
function withId(resource: FhirObject, type: string, id: string): FhirObject {
  const { resourceType: _type, id: _id, meta, ...rest } = resource;
  const kept = metaOf(meta);
  return { resourceType: type, id, ...(kept ? { meta: kept } : {}), ...rest };
}

function metaOf(meta: unknown): FhirObject | undefined {
  if (typeof meta !== 'object' || meta === null) return undefined;
  const { versionId: _v, lastUpdated: _l, _versionId, _lastUpdated, ...rest } = meta as FhirObject;
  return Object.keys(rest).length === 0 ? undefined : rest;
}

function linksOf(writes: readonly ResourceWrite[], planned: readonly PlannedWrite[]): Map<string, string> {
  const links = new Map<string, string>();
  for (const [index, write] of writes.entries()) {
    const fullUrl = fullUrlOf(write);
    const key = planned[index]?.key;
    if (fullUrl !== undefined && key !== undefined) links.set(fullUrl, key);
  }
  return links;
}

function fullUrlOf(write: ResourceWrite | undefined): string | undefined {
  return write?.method === 'POST' || write?.method === 'PUT' ? write.fullUrl : undefined;
}

function newId(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function unknown(): EngineError {
  return new EngineError('rejected', 'RESOURCE_UNKNOWN', 'there is no such resource');
}

function gone(version: number): EngineError {
  return new EngineError('rejected', 'RESOURCE_DELETED', `the resource was deleted as version ${version}`);
}

function otherId(type: string): EngineError {
  return new EngineError(
    'rejected',
    'RESOURCE_ID_MISMATCH',
    'type and id of the resource must be those of the address',
    { cause: { at: `${type}.id` } },
  );
}
