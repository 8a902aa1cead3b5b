import { EngineError } from '#kernel';
import { type HttpRequest, headerText, requestPairs } from './http-exchange.js';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';
export const FHIR_XML = 'application/fhir+xml; charset=utf-8';

export type Format = 'json' | 'xml';

const formats: ReadonlyMap<string, Format> = new Map([
  ['json', 'json'],
  ['application/json', 'json'],
  ['application/fhir+json', 'json'],
  ['text/json', 'json'],
  ['text/fhir+json', 'json'],
  // As servers of DSTU 2 had it, and clients of theirs still write.
  ['application/json+fhir', 'json'],
  ['application/*', 'json'],
  ['*/*', 'json'],
  ['*', 'json'],
  ['xml', 'xml'],
  ['application/xml', 'xml'],
  ['application/fhir+xml', 'xml'],
  ['text/xml', 'xml'],
  ['text/fhir+xml', 'xml'],
  ['application/xml+fhir', 'xml'],
  ['text/*', 'xml'],
]);

/** Parameters of every request (R4 http, section 3.1.0.1.11) that are dealt with before a search reads its own. */
const generalParameters = new Set(['_format', '_pretty', '_summary', '_elements']);

/**
 * The format that the client takes, JSON where it takes both equally; undefined: none of ours. `_format` overrides the Accept
 * header (R4 http, section 3.1.0.1.11).
 */
export function wantedFormat(request: HttpRequest): Format | undefined {
  const format = generalPairs(request).findLast(([name]) => name === '_format')?.[1];
  // A plus sign that was not escaped has become a space.
  if (format !== undefined) return formatAmong([format.replace(/^\s*([a-z]+\/[a-z]+) (?=[a-z])/i, '$1+')]);
  const accept = headerText(request, 'accept');
  if (accept === undefined || accept === '*/*' || accept === 'application/fhir+json') return 'json';
  return formatAmong(accept.split(','));
}

/** Throws `rejected` FORMAT_NOT_SUPPORTED (406) unless the client takes FHIR R4 in a format of ours. */
export function requireFormat(request: HttpRequest): void {
  if (wantedFormat(request) !== undefined) return;
  throw new EngineError(
    'rejected',
    'FORMAT_NOT_SUPPORTED',
    'this server writes FHIR R4 (4.0) as application/fhir+json or application/fhir+xml',
    { cause: { at: 'http._format' } },
  );
}

function formatAmong(ranges: readonly string[]): Format | undefined {
  let best: Format | undefined;
  let most = 0;
  for (const range of ranges) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const format = formats.get(name);
    const weight = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    const version = parameters.find((parameter) => parameter.startsWith('fhirversion='));
    if (format === undefined || (version !== undefined && !/=4\.0(\.1)?$/.test(version))) continue;
    if (weight > most || (weight === most && format === 'json')) {
      most = weight;
      best = weight > 0 ? format : best;
    }
  }
  return best;
}

/** The parameters that shape the answer, of the URL and of the form of a search. */
export function generalPairs(request: HttpRequest): [name: string, value: string][] {
  // Most requests have none, and are not taken apart for that.
  if (typeof request.body !== 'string' && !/[?&]_(format|pretty|summary|elements)=/.test(request.url))
    return [];
  return requestPairs(request).filter(([name]) => isGeneralParameter(name));
}

/** True for a parameter that shapes the answer and finds nothing. */
export function isGeneralParameter(name: string): boolean {
  return generalParameters.has(name);
}

/** True when the client prefers that unknown search parameters are skipped (R4 search, section 3.1.1.1). */
export function isLenient(request: HttpRequest): boolean {
  return preferences(request).includes('handling=lenient');
}

/** What a write should answer with (R4 http, section 3.1.0.1.8). */
export function preferredReturn(request: HttpRequest): 'minimal' | 'representation' | 'OperationOutcome' {
  const wanted = preferences(request).find((preference) => preference.startsWith('return='));
  if (wanted === 'return=minimal') return 'minimal';
  return wanted === 'return=operationoutcome' ? 'OperationOutcome' : 'representation';
}

function preferences(request: HttpRequest): string[] {
  const prefer = headerText(request, 'prefer');
  return prefer === undefined ? [] : prefer.split(/[,;]/).map((part) => part.trim().toLowerCase());
}
