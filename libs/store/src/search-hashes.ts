import { hash64 } from '#kernel';
import { parametersOf } from './search-parameters.js';
import { tokenKey } from './search-token.js';

/**
 * The rows that `search_hash` must hold for this version of a resource, without repeats. Two for each indexed
 * token: with its system, and with any. Cheap and pure; the resource is only read.
 */
export function searchHashes(resource: object): bigint[] {
  const type = (resource as { resourceType?: unknown }).resourceType;
  if (typeof type !== 'string') return [];
  const keys = new Set<string>();
  for (const parameter of parametersOf(type).indexedTokens) {
    for (const { system, value } of parameter.tokens(resource)) {
      if (value === '') continue; // only found by `system|`, which has no row and is answered by reading
      keys.add(tokenKey(type, parameter.name, '', value));
      if (system !== '') keys.add(tokenKey(type, parameter.name, system, value));
    }
  }
  const hashes: bigint[] = [];
  for (const key of keys) hashes.push(hash64(key));
  return hashes;
}
