import { EngineError } from '#kernel';
import { type HttpRequest, headerText, queryPairs } from './http-exchange.js';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';

const jsonNames = new Set([
  'json',
  'application/json',
  'application/fhir+json',
  'text/json',
  'application/*',
  '*/*',
  '*',
]);

/**
 * Throws `rejected` FORMAT_NOT_SUPPORTED (406) unless the client takes FHIR R4 as JSON. `_format` overrides the Accept
 * header (R4 http, section 3.1.0.1.11).
 */
export function requireJsonWanted(request: HttpRequest): void {
  if (request.url.includes('_format=')) {
    const format = queryPairs(request.url).findLast(([name]) => name === '_format')?.[1];
    // A plus sign that was not escaped has become a space.
    if (format !== undefined) return requireJson([format.replace(' ', '+')]);
  }
  const accept = headerText(request, 'accept');
  if (accept === undefined || accept === '*/*' || accept === 'application/fhir+json') return;
  requireJson(accept.split(','));
}

function requireJson(wanted: readonly string[]): void {
  for (const range of wanted) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const refused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    const version = parameters.find((parameter) => parameter.startsWith('fhirversion='));
    if (jsonNames.has(name) && !refused && (version === undefined || /=4\.0(\.1)?$/.test(version))) return;
  }
  throw new EngineError(
    'rejected',
    'FORMAT_NOT_SUPPORTED',
    'this server writes FHIR R4 (4.0) as application/fhir+json only',
    { cause: { at: 'http._format' } },
  );
}

/** Parameters of every request (R4 http, section 3.1.0.1.11) that are dealt with before a search reads its own. */
export function isGeneralParameter(name: string): boolean {
  return name === '_format';
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
