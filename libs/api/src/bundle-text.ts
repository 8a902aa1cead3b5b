import type { ResourceVersion } from '#store';

export interface BundleLink {
  readonly relation: 'self' | 'next';
  readonly url: string;
}

/** The JSON of a Bundle around entries that are JSON already; no entry is parsed or written again. */
export function bundleText(
  type: 'searchset' | 'history',
  total: number | undefined,
  links: readonly BundleLink[],
  entries: readonly string[],
): string {
  let text = `{"resourceType":"Bundle","type":"${type}"`;
  if (total !== undefined) text += `,"total":${total}`;
  text += `,"link":${JSON.stringify(links)}`;
  // An empty list is no FHIR.
  if (entries.length > 0) text += `,"entry":[${entries.join(',')}]`;
  return `${text}}`;
}

/** An entry of a searchset that was asked for. */
export function matchEntry(address: string, type: string, id: string, resource: string): string {
  return `{"fullUrl":${JSON.stringify(`${address}/${type}/${id}`)},"resource":${resource},"search":{"mode":"match"}}`;
}

/** An entry of a searchset that speaks about the search itself. */
export function outcomeEntry(outcome: string): string {
  return `{"resource":${outcome},"search":{"mode":"outcome"}}`;
}

/** An entry of a history (R4 http, section 3.1.0.11): a deletion has no resource. */
export function historyEntry(address: string, found: ResourceVersion): string {
  const { type, id, version, lastUpdatedMs, deleted } = found;
  const method = deleted ? 'DELETE' : 'PUT';
  const status = deleted ? '204' : version === 1 ? '201' : '200';
  const lastModified = new Date(lastUpdatedMs).toISOString();
  return (
    `{"fullUrl":${JSON.stringify(`${address}/${type}/${id}`)},` +
    (deleted ? '' : `"resource":${found.text},`) +
    `"request":{"method":"${method}","url":"${type}/${id}"},` +
    `"response":{"status":"${status}","etag":"W/\\"${version}\\"","lastModified":"${lastModified}"}}`
  );
}
