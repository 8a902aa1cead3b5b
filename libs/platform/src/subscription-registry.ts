import type { SubscriptionRegistry, SubscriptionVersion } from '#api';
import { type FhirObject, readJson } from '#fhir';
import type { SubscriptionRecord, SubscriptionService } from '#subscriptions';

/** Subscriptions as the HTTP edge asks for them. */
export function registryOf(service: SubscriptionService): SubscriptionRegistry {
  return {
    create: async (resource) => versionOf(await service.create(resource)),
    update: async (id, resource) => {
      const { record, created } = await service.update(id, resource);
      return { ...versionOf(record), created };
    },
    remove: (id) => service.remove(id),
    newId: () => service.newId(),
    apply: async (tx, { id, resource }) => {
      if (resource === undefined) {
        await service.removeIn(tx, id);
        return undefined;
      }
      const { record, created, announce } = await service.fileIn(tx, id, resource);
      return { ...versionOf(record), created, announce };
    },
    read: async (id) => {
      const record = await service.read(id);
      return record && versionOf(record);
    },
    list: async (after) => (await service.list(after)).map(versionOf),
  };
}

function versionOf({
  id,
  version,
  lastUpdated,
  deleted,
  resource: text,
}: SubscriptionRecord): SubscriptionVersion {
  const { meta, ...rest } = readJson(text) as FhirObject;
  // The edge adds both again; what else was filed in meta stays.
  const { versionId: _version, lastUpdated: _updated, ...tags } = (meta ?? {}) as FhirObject;
  const resource = Object.keys(tags).length === 0 ? rest : { ...rest, meta: tags };
  return { id, version, lastUpdatedMs: lastUpdated.getTime(), deleted, resource: resource as FhirObject };
}
