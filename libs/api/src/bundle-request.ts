import { type FhirObject, type FhirValue, isResourceType, readJson } from '#fhir';
import { EngineError, isEngineError } from '#kernel';
import type { ResourceWrite } from '#pipeline';
import { isObject } from './fhir-tree.js';
import { fhirPathPatch } from './fhirpath-patch.js';
import { jsonPatch } from './json-patch.js';
import { conditionOf, mustBeNew, versionToMatch } from './preconditions.js';
import { checked, jsonPatchOfBinary, ofType } from './request-body.js';

/** Most entries of a Bundle that is asked. */
const MAX_ENTRIES = 10_000;

/** One entry of a batch or transaction, as a request. */
export interface AskedEntry {
  readonly at: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Relative to the address of the server: `Patient/1?_format=json`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fullUrl: string | undefined;
  readonly resource: FhirObject | undefined;
  /** A JSON Patch, as text. */
  readonly jsonPatch: string | undefined;
}

/** An entry of a batch that asks for nothing we know costs itself alone. */
export type BundleRequest =
  | { readonly type: 'transaction'; readonly entries: readonly AskedEntry[] }
  | { readonly type: 'batch'; readonly entries: readonly (AskedEntry | EngineError)[] };

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);
const headerNames = {
  ifMatch: 'if-match',
  ifNoneMatch: 'if-none-match',
  ifNoneExist: 'if-none-exist',
  ifModifiedSince: 'if-modified-since',
} as const;

/** Reads a Bundle that asks for something. Throws `rejected` TRANSACTION_INVALID (400) with the place of what is wrong. */
export function bundleRequest(bundle: FhirObject): BundleRequest {
  const { type, entry = [] } = bundle;
  if (type !== 'batch' && type !== 'transaction')
    throw invalid('a Bundle that is sent here is a batch or a transaction', 'Bundle.type');
  if (!Array.isArray(entry) || entry.length > MAX_ENTRIES)
    throw invalid(`a Bundle has at most ${MAX_ENTRIES} entries`, 'Bundle.entry');
  const place = (index: number) => `Bundle.entry[${index}]`;
  if (type === 'batch') return { type, entries: entry.map((one, index) => orRefused(one, place(index))) };
  const entries = entry.map((one, index) => askedEntry(one, place(index)));
  const names = entries.map(({ fullUrl }) => fullUrl).filter((name) => name !== undefined);
  if (new Set(names).size < names.length)
    throw invalid('two entries have one fullUrl', 'Bundle.entry.fullUrl');
  return { type, entries };
}

function orRefused(entry: FhirValue, at: string): AskedEntry | EngineError {
  try {
    return askedEntry(entry, at);
  } catch (error) {
    if (isEngineError(error)) return error;
    throw error;
  }
}

function askedEntry(entry: FhirValue, at: string): AskedEntry {
  if (!isObject(entry)) throw invalid('an entry is an object', at);
  const { request, resource, fullUrl } = entry;
  if (!isObject(request)) throw invalid('an entry needs a request', `${at}.request`);
  const { method, url } = request;
  if (typeof method !== 'string' || !methods.has(method))
    throw invalid('method is one of GET, HEAD, POST, PUT, PATCH, DELETE', `${at}.request.method`);
  if (typeof url !== 'string' || !isBelowHere(url))
    throw invalid('url is an address below this server, as Patient/1', `${at}.request.url`);
  return {
    at,
    method: method as AskedEntry['method'],
    url,
    headers: entryHeaders(request, at),
    fullUrl: typeof fullUrl === 'string' ? fullUrl : undefined,
    resource: isObject(resource) ? resource : undefined,
    jsonPatch: method === 'PATCH' ? jsonPatchOf(resource, at) : undefined,
  };
}

/** What the entry would say in headers. One that cannot stand in a header is refused, for without it more would be done than was asked. */
function entryHeaders(request: FhirObject, at: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, header] of Object.entries(headerNames)) {
    const value = request[name];
    if (value === undefined) continue;
    // A search may be about any text: it is escaped, as in an address.
    const text =
      typeof value === 'string' && name === 'ifNoneExist'
        ? Buffer.from(value)
            .toString()
            .replace(/[^\x21-\x7e]/gu, encodeURIComponent)
        : value;
    if (typeof text !== 'string' || /[^\x20-\x7e]/.test(text))
      throw invalid(`${name} is the text of a header`, `${at}.request.${name}`);
    headers[header] = text;
  }
  return headers;
}

/** Stands for this server while an address is resolved. */
const HERE = new URL('http://here/fhir/');

/**
 * The address leads to this server, whatever it is resolved against. Read as the URL standard reads it, for `https:host` and `http:\\host` lead
 * elsewhere without a `://`, and `%2e%2e` upwards without dots; in a query all of these may stand.
 */
function isBelowHere(url: string): boolean {
  if (!/^[A-Z$_]/i.test(url) || URL.canParse(url) || !URL.canParse(url, HERE)) return false;
  const { origin, pathname } = new URL(url, HERE);
  return origin === HERE.origin && pathname.startsWith(HERE.pathname);
}

function jsonPatchOf(resource: FhirValue | undefined, at: string): string | undefined {
  if (isObject(resource) && resource['resourceType'] === 'Parameters') return undefined;
  const text = jsonPatchOfBinary(resource);
  if (text !== undefined) return text;
  throw invalid('a patch is a Binary with a JSON Patch', `${at}.resource`);
}

/** An entry of a transaction that writes. Its resource is checked. */
export function writeOf(entry: AskedEntry): ResourceWrite {
  const { at, url, headers, method, fullUrl } = entry;
  const mark = url.indexOf('?');
  const [type = '', id, ...rest] = (mark < 0 ? url : url.slice(0, mark)).split('/');
  const query = mark < 0 ? undefined : url.slice(mark + 1);
  if (!isResourceType(type) || rest.length > 0)
    throw invalid('url of an entry that writes is Type, Type/id or Type?condition', `${at}.request.url`);
  const ifMatch = versionToMatch(headers['if-match']);
  const where = `${at}.request.url`;
  if (method === 'POST') {
    if (id !== undefined || query !== undefined) throw invalid('url of a POST is a type', where);
    const criteria = conditionOf(headers['if-none-exist']);
    return { method, at, type, criteria, resource: resourceOf(entry, type), fullUrl };
  }
  if ((id === undefined) === (query === undefined))
    throw invalid('url names an id or a condition, not both', where);
  if (id !== undefined && !/^[A-Za-z0-9\-.]{1,64}$/.test(id))
    throw invalid('the id in url is of 1 to 64 letters, digits, hyphens and dots', where);
  const target = { at, type, id, criteria: query, ifMatch };
  if (method === 'DELETE') return { method, ...target };
  if (method === 'PATCH') {
    return { method, ...target, patch: patchOfEntry(entry) };
  }
  const onlyNew = mustBeNew(headers['if-none-match']);
  const resource = resourceOf(entry, type);
  return { method: 'PUT', ...target, resource, onlyNew, fullUrl };
}

function patchOfEntry({ jsonPatch: text, resource, at }: AskedEntry): (before: FhirObject) => FhirObject {
  if (text === undefined && resource)
    return (before) => checked(fhirPathPatch(before, resource), `${at}.resource`);
  const operations = readJson(text ?? '');
  return (before) => checked(jsonPatch(before, operations), `${at}.resource`);
}

/** The resource of an entry, which is of that type and checked. */
export function resourceOf({ resource, at }: AskedEntry, type: string): FhirObject {
  if (resource === undefined) throw invalid('the entry needs a resource', `${at}.resource`);
  return checked(ofType(resource, type), `${at}.resource`);
}

function invalid(message: string, at: string): EngineError {
  return new EngineError('rejected', 'TRANSACTION_INVALID', message, { cause: { at } });
}
