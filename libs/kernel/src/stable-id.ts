import { hash } from 'node:crypto';

/**
 * A FHIR id that is a pure function of what identifies the resource (design: stable ids). 32 lower-case hex
 * digits, 128 bits of SHA-256 over tenant, type and key parts. Each part is preceded by its length, so
 * ['ab','c'] and ['a','bc'] differ.
 */
export function stableId(tenant: string, type: string, keyParts: readonly string[]): string {
  let text = `${tenant.length}:${tenant}${type.length}:${type}`;
  for (const part of keyParts) text += `${part.length}:${part}`;
  return hash('sha256', text, 'hex').slice(0, 32);
}

/** The first 64 bits of SHA-256 as a signed integer: what PostgreSQL's bigint holds. For index rows, never for proof. */
export function hash64(text: string | Uint8Array): bigint {
  return hash('sha256', text, 'buffer').readBigInt64BE(0);
}
