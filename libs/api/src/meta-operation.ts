import type { FhirObject, FhirValue } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceReader } from '#store';
import { requireWhole } from './everything.js';
import { isObject } from './fhir-tree.js';

/** The parts of `meta` that R4 $meta-add and $meta-delete change; the rest is the server's. */
const lists = ['profile', 'security', 'tag'] as const;

/** The `meta` of a Parameters that is sent to $meta-add or $meta-delete. Throws `rejected` RESOURCE_BODY_INVALID. */
export function metaOfParameters(parameters: FhirObject): FhirObject {
  const { parameter } = parameters;
  for (const one of Array.isArray(parameter) ? parameter : []) {
    if (isObject(one) && one['name'] === 'meta' && isObject(one['valueMeta'])) return one['valueMeta'];
  }
  throw new EngineError(
    'rejected',
    'RESOURCE_BODY_INVALID',
    "a parameter 'meta' with valueMeta is expected",
    {
      cause: { at: 'Parameters.parameter' },
    },
  );
}

/** The resource with the profiles, tags and security labels of `meta` beside its own. */
export function withMeta(resource: FhirObject, meta: FhirObject): FhirObject {
  return changed(resource, (own, given) => {
    const there = new Set(own.map(identityOf));
    return [...own, ...given.filter((one) => !there.has(identityOf(one)))];
  })(meta);
}

/** The resource without those of `meta`. */
export function withoutMeta(resource: FhirObject, meta: FhirObject): FhirObject {
  return changed(resource, (own, given) => {
    const gone = new Set(given.map(identityOf));
    return own.filter((one) => !gone.has(identityOf(one)));
  })(meta);
}

/** The JSON of the Parameters that these operations answer with. */
export function metaParameters(resource: FhirObject): FhirObject {
  return {
    resourceType: 'Parameters',
    parameter: [{ name: 'return', valueMeta: resource['meta'] ?? {} }],
  };
}

/** Most resources that are looked at for the labels in use. */
const MAX_LOOKED_AT = 50_000;
const CHUNK = 250;

/** The profiles, security labels and tags that resources of these types, or of all, have now. Throws `rejected` SEARCH_TOO_COSTLY. */
export async function labelsInUse(
  reader: Pick<ResourceReader, 'walk'>,
  types: readonly string[] | undefined,
): Promise<FhirObject> {
  const found = new Map<string, Map<string, FhirValue>>();
  let looked = 0;
  for (let afterRid: number | undefined = 0; afterRid !== undefined; ) {
    const of = 'everything' as const;
    const walk = { of, types, sinceMs: undefined, asOfMs: undefined, afterRid, limit: CHUNK };
    const walked = await reader.walk(walk);
    requireWhole(walked);
    for (const version of walked.found) {
      const { meta } = version.deleted ? {} : (JSON.parse(version.text) as FhirObject);
      if (!isObject(meta)) continue;
      for (const name of lists)
        for (const label of listOf(meta[name])) {
          const labels = found.get(name) ?? new Map<string, FhirValue>();
          found.set(name, labels.set(identityOf(label), label));
        }
    }
    looked += walked.found.length;
    if (looked > MAX_LOOKED_AT) {
      const message = `there are more than ${MAX_LOOKED_AT} resources to look at; search by _tag, _profile or _security`;
      throw new EngineError('rejected', 'SEARCH_TOO_COSTLY', message);
    }
    afterRid = walked.next;
  }
  return Object.fromEntries([...found].map(([name, labels]) => [name, [...labels.values()]]));
}

function changed(
  resource: FhirObject,
  change: (own: readonly FhirValue[], given: readonly FhirValue[]) => FhirValue[],
): (meta: FhirObject) => FhirObject {
  return (meta) => {
    const own = isObject(resource['meta']) ? resource['meta'] : {};
    const next: FhirObject = { ...own };
    for (const name of lists) {
      const list = change(listOf(own[name]), listOf(meta[name]));
      if (list.length > 0) next[name] = list;
      else delete next[name];
    }
    const { meta: _meta, ...rest } = resource;
    return Object.keys(next).length === 0 ? rest : { ...rest, meta: next };
  };
}

/** A profile by its address, a label by system and code. */
function identityOf(value: FhirValue): string {
  if (!isObject(value)) return JSON.stringify(value);
  return JSON.stringify([value['system'] ?? '', value['code'] ?? '']);
}

function listOf(value: FhirValue | undefined): FhirValue[] {
  return Array.isArray(value) ? value : [];
}
