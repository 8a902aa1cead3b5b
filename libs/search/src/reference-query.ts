import type { Leaf } from './expression.js';
import { unescapeValue } from './query-text.js';
import type { QueryContext, ValueQuery } from './value-query.js';

/** Where a reference points: to a resource of this server, or to a URL elsewhere. */
export type ReferenceTarget =
  | { readonly here: true; readonly type: string; readonly id: string; readonly version: string | undefined }
  | { readonly here: false; readonly url: string };

const RELATIVE = /^([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:/;

/** Reads `Type/id`, `Type/id/_history/n` or a URL; undefined for what points into the resource itself or nowhere. */
function parseReference(text: string): ReferenceTarget | undefined {
  const match = RELATIVE.exec(text);
  if (match) return { here: true, type: match[1] as string, id: match[2] as string, version: match[3] };
  return ABSOLUTE.test(text) ? { here: false, url: text } : undefined;
}

/**
 * Where a value of a reference parameter points: a Reference, a canonical or uri, or a resource that stands in place (the
 * entries of a Bundle). undefined for a Reference that says only an identifier or a display name.
 */
export function targetOf(value: unknown, leaf: Leaf): ReferenceTarget | undefined {
  if (typeof value === 'string') return value === '' ? undefined : { here: false, url: value };
  if (typeof value !== 'object' || value === null) return undefined;
  const { reference, resourceType, id } = value as {
    reference?: unknown;
    resourceType?: unknown;
    id?: unknown;
  };
  if (leaf.type === 'Resource') {
    return typeof resourceType === 'string' && typeof id === 'string'
      ? { here: true, type: resourceType, id, version: undefined }
      : undefined;
  }
  return typeof reference === 'string' ? parseReference(reference) : undefined;
}

/**
 * Reads one value of a reference parameter (R4 search, section 3.1.1.4.11): `id`, `Type/id`, `Type/id/_history/n` or a URL. A URL
 * under the address of this server means the resource here, in the query and in the resource. A canonical is found with and without its version.
 * `type`: of the modifier, or the only one that the parameter points to.
 */
export function referenceQuery(
  query: string,
  type: string | undefined,
  { ownUrl }: QueryContext,
): ValueQuery {
  let text = unescapeValue(query);
  if (ownUrl !== undefined && text.startsWith(`${ownUrl}/`)) text = text.slice(ownUrl.length + 1);
  const target = parseReference(text) ?? { here: true, type, id: text, version: undefined };
  if (!target.here) return elsewhereQuery(target.url);
  // A type in the value and another in the modifier contradict each other: no reference is both.
  if (type !== undefined && target.type !== undefined && target.type !== type)
    return { test: () => false, keys: [] };
  const { id, version } = target;
  const wantedType = target.type ?? type;
  const absolute =
    ownUrl !== undefined && wantedType !== undefined ? `${ownUrl}/${wantedType}/${id}` : undefined;
  return {
    test: (value, leaf) => {
      const found = targetOf(value, leaf);
      if (found === undefined) return false;
      if (!found.here) return absolute !== undefined && version === undefined && found.url === absolute;
      if (found.id !== id || (wantedType !== undefined && found.type !== wantedType)) return false;
      return version === undefined || found.version === version;
    },
    keys: absolute === undefined ? [`|${id}`] : [`|${id}`, `|${absolute}`],
    target: { type: wantedType, id },
  };
}

function elsewhereQuery(url: string): ValueQuery {
  return {
    test: (value, leaf) => {
      const found = targetOf(value, leaf);
      if (found === undefined || found.here) return false;
      return found.url === url || withoutVersion(found.url) === url;
    },
    keys: [`|${withoutVersion(url)}`],
  };
}

/** A canonical without `|version`. */
export function withoutVersion(url: string): string {
  const bar = url.indexOf('|');
  return bar < 0 ? url : url.slice(0, bar);
}
