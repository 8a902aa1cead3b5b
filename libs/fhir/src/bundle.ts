import { headOf } from './resource-text.js';
import type { FhirObject } from './write-json.js';

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
  readonly response?: {
    readonly status: string;
    readonly location?: string;
    readonly etag?: string;
    readonly lastModified?: string;
    /** An OperationOutcome. */
    readonly outcome?: FhirObject;
  };
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
export const unknownBase = 'http://suture.invalid/fhir/';

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
  const quotedBase = JSON.stringify(base).slice(1, -1);
  let comma = '';
  for (const entry of entries) {
    out += comma + entryText(type, typeof entry === 'string' ? { resource: entry } : entry, quotedBase);
    comma = ',';
  }
  return `${out}]}`;
}

/** `base` is as JSON writes it, without its quotes. */
function entryText(type: BundleType, entry: BundleEntry, base: string): string {
  const head = entry.resource === undefined ? undefined : headIfAny(entry.resource);
  const fullUrl = entry.fullUrl === undefined ? head && `"${base}${head}"` : JSON.stringify(entry.fullUrl);
  const search = entry.search ?? (type === 'searchset' ? 'match' : undefined);
  const asks = head !== undefined && (type === 'transaction' || type === 'batch');
  const request = entry.request ?? (asks ? { method: 'PUT', url: head } : undefined);
  let out = '';
  const add = (name: string, json: string | undefined) => {
    if (json !== undefined) out += `${out === '' ? '{' : ','}"${name}":${json}`;
  };
  add('fullUrl', fullUrl);
  add('resource', entry.resource);
  if (search !== undefined) add('search', `{"mode":"${search}"}`);
  if (request !== undefined) add('request', JSON.stringify(request));
  if (entry.response !== undefined) add('response', JSON.stringify(entry.response));
  return out === '' ? '{}' : `${out}}`;
}

const typeName = '{"resourceType":"';
const idName = '","id":"';

/** `Type/id`; undefined for a resource without an id (an OperationOutcome, Parameters). */
function headIfAny(resource: string): string | undefined {
  if (!resource.startsWith(typeName)) return undefined;
  if (!resource.startsWith(idName, resource.indexOf('"', typeName.length))) return undefined;
  const { type, id } = headOf(resource);
  return `${type}/${id}`;
}
