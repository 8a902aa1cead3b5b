import { hash64 } from '#kernel';
import { unescapeValue } from './search-token.js';

/** Where a reference points: to a resource of this server, or to a URL elsewhere. Versions are left out. */
export type ReferenceTarget =
  | { readonly here: true; readonly type: string; readonly id: string }
  | { readonly here: false; readonly url: string };

/** What a reference parameter asks for; without a type, any type will do. */
export type ReferenceQuery =
  | { readonly here: true; readonly type: string | undefined; readonly id: string }
  | { readonly here: false; readonly url: string };

const RELATIVE = /^([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:/;

/** Reads `Type/id`, `Type/id/_history/n` or a URL; undefined for what points into the resource itself or nowhere. */
function parseReference(text: string): ReferenceTarget | undefined {
  const relative = RELATIVE.exec(text);
  if (relative) return { here: true, type: relative[1] as string, id: relative[2] as string };
  return ABSOLUTE.test(text) ? { here: false, url: text } : undefined;
}

/**
 * Reads one value of a reference parameter (R4 search, section 3.1.1.4.11): `id`, `Type/id` or a URL. A URL under
 * `ownUrl`, the address of this server, means the resource here.
 */
export function parseReferenceQuery(
  value: string,
  type: string | undefined,
  ownUrl: string | undefined,
): ReferenceQuery {
  let text = unescapeValue(value);
  if (ownUrl !== undefined && text.startsWith(`${ownUrl}/`)) text = text.slice(ownUrl.length + 1);
  const target = parseReference(text);
  if (target === undefined) return { here: true, type, id: text };
  // A type in the value and another in the modifier contradict each other: no reference is both.
  if (target.here && type !== undefined && target.type !== type) return { here: false, url: '' };
  return target;
}

/** True when `target` is what `query` asks for. */
export function referenceMatches(query: ReferenceQuery, target: ReferenceTarget): boolean {
  if (query.here !== target.here) return false;
  if (!query.here || !target.here) return !query.here && !target.here && query.url === target.url;
  return query.id === target.id && (query.type === undefined || query.type === target.type);
}

/** The targets of Reference elements; those that say only an identifier or a display name have none. */
export function referenceTargets(references: readonly unknown[]): ReferenceTarget[] {
  const targets: ReferenceTarget[] = [];
  for (const element of references) {
    if (typeof element !== 'object' || element === null) continue;
    const { reference } = element as { reference?: unknown };
    const target = typeof reference === 'string' ? parseReference(reference) : undefined;
    if (target !== undefined) targets.push(target);
  }
  return targets;
}

let lastPatient = { id: '', hash: 0n };

/**
 * What `resource.patient` holds: a hash, so that a Patient need not be stored before what refers to it. The last one is
 * kept, because the resources of one message nearly all name the same Patient.
 */
export function patientHash(id: string): bigint {
  if (lastPatient.id !== id || id === '') lastPatient = { id, hash: hash64(`Patient/${id}`) };
  return lastPatient.hash;
}
