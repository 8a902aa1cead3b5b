import { headOf } from './resource-text.js';

export type BundleType =
  | 'collection'
  | 'searchset'
  | 'history'
  | 'transaction'
  | 'batch'
  | 'transaction-response'
  | 'batch-response'
  | 'document'
  | 'message';

/** One entry whose parts the caller knows; a plain string is an entry with that resource. */
export interface BundleEntry {
  /** JSON text as `writeJson` wrote it. */
  readonly resource?: string;
  /** Overrides base + Type/id. */
  readonly fullUrl?: string;
  readonly search?: 'match' | 'include' | 'outcome';
  readonly request?: { readonly method: string; readonly url: string };
  readonly response?: { readonly status: string; readonly etag?: string; readonly lastModified?: string };
}

export interface BundleFacts {
  /** Absolute, ends with a slash; relative references resolve against it. */
  readonly base?: string;
  readonly id?: string;
  readonly timestamp?: string;
  /** Only in a searchset or history. */
  readonly total?: number;
  readonly links?: readonly { readonly relation: string; readonly url: string }[];
}

/** R4 wants an absolute fullUrl. The top-level domain is reserved (RFC 2606): nobody can take it for a real server. */
const unknownBase = 'http://suture.invalid/fhir/';

/**
 * The JSON text of a Bundle around resource texts, which are copied byte for byte and not parsed. fullUrl is base +
 * Type/id; entries of a transaction or batch without a request become `PUT Type/id`, those of a searchset a match.
 */
export function bundleOf(
  type: BundleType,
  entries: readonly (string | BundleEntry)[],
  { base = unknownBase, id, timestamp, total, links = [] }: BundleFacts = {},
): string {
  let out = '{"resourceType":"Bundle"';
  if (id !== undefined) out += `,"id":${JSON.stringify(id)}`;
  out += `,"type":"${type}"`;
  if (timestamp !== undefined) out += `,"timestamp":${JSON.stringify(timestamp)}`;
  if (total !== undefined) out += `,"total":${total}`;
  if (links.length > 0) out += `,"link":${JSON.stringify(links)}`;
  // R4 has no empty arrays.
  if (entries.length === 0) return `${out}}`;
  out += ',"entry":[';
  let comma = '';
  for (const entry of entries) {
    out += comma + entryText(type, typeof entry === 'string' ? { resource: entry } : entry, base);
    comma = ',';
  }
  return `${out}]}`;
}

function entryText(type: BundleType, entry: BundleEntry, base: string): string {
  const parts: string[] = [];
  const head = entry.resource === undefined ? undefined : headIfAny(entry.resource);
  const fullUrl = entry.fullUrl ?? (head && `${base}${head}`);
  if (fullUrl !== undefined) parts.push(`"fullUrl":${JSON.stringify(fullUrl)}`);
  if (entry.resource !== undefined) parts.push(`"resource":${entry.resource}`);
  const search = entry.search ?? (type === 'searchset' ? 'match' : undefined);
  if (search !== undefined) parts.push(`"search":{"mode":"${search}"}`);
  const asks = head !== undefined && (type === 'transaction' || type === 'batch');
  const request = entry.request ?? (asks ? { method: 'PUT', url: head } : undefined);
  if (request !== undefined) parts.push(`"request":${JSON.stringify(request)}`);
  if (entry.response !== undefined) parts.push(`"response":${JSON.stringify(entry.response)}`);
  return `{${parts.join(',')}}`;
}

/** `Type/id`; undefined for a resource without an id (an OperationOutcome, Parameters). */
function headIfAny(resource: string): string | undefined {
  if (!/^\{"resourceType":"[A-Za-z]+","id":"/.test(resource)) return undefined;
  const { type, id } = headOf(resource);
  return `${type}/${id}`;
}
