import { hash64 } from '#kernel';
import { parametersOf, type SearchParameter } from './search-parameters.js';
import { patientHash, referenceTargets } from './search-reference.js';
import { identifierTokens, searchKey } from './search-token.js';

/**
 * The rows that `search_hash` must hold for this version of a resource, without repeats. Cheap and pure; the
 * resource is only read. `patient` is what its row will hold in `resource.patient`; pass it, it spares rows.
 *
 * Tokens have two rows: one with their system, one for any. References have two as well (one with the type of the
 * target), but none to the Patient that the column names already: that spares nearly all of them.
 */
export function searchHashes(resource: object, patient: bigint | null = null): bigint[] {
  const type = (resource as { resourceType?: unknown }).resourceType;
  if (typeof type !== 'string') return [];
  const keys = new Set<string>();
  for (const parameter of parametersOf(type).values()) addKeys(type, parameter, resource, patient, keys);
  const hashes: bigint[] = [];
  for (const key of keys) hashes.push(hash64(key));
  return hashes;
}

function addKeys(
  type: string,
  parameter: SearchParameter,
  resource: object,
  patient: bigint | null,
  keys: Set<string>,
): void {
  const { name, kind } = parameter;
  switch (kind) {
    case 'token':
      for (const { system, value } of identifierTokens(parameter.values(resource))) {
        if (value === '') continue; // only found by `system|`, which has no row and is answered by reading
        keys.add(searchKey(type, name, '', value));
        if (system !== '') keys.add(searchKey(type, name, system, value));
      }
      return;
    case 'reference':
      for (const target of referenceTargets(parameter.values(resource))) {
        if (!target.here) keys.add(searchKey(type, name, '', target.url));
        else if (target.type !== 'Patient' || patientHash(target.id) !== patient) {
          keys.add(searchKey(type, name, '', target.id));
          keys.add(searchKey(type, name, target.type, target.id));
        }
      }
  }
}
