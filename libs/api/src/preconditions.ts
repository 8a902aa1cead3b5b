import { EngineError } from '#kernel';
import { type HttpRequest, headerText } from './http-exchange.js';

/** The version that `If-Match` names; undefined where it does not stand. Throws `rejected` REQUEST_HEADER_INVALID (400). */
export function versionToMatch(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const version = /^\s*(?:W\/)?"([1-9]\d{0,9})"\s*$/.exec(header)?.[1];
  if (version !== undefined) return Number(version);
  throw invalidHeader('If-Match', 'names one version, as W/"3"');
}

/** `If-None-Match: *` of a write: only where there is none. */
export function mustBeNew(header: string | undefined): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  throw invalidHeader('If-None-Match', 'can be * with a write, nothing else');
}

/** The query of `If-None-Exist`, with or without a question mark (R4 http, section 3.1.0.8.1). */
export function conditionOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  return header.slice(header.indexOf('?') + 1);
}

/** Of a request by HTTP. */
export function headersOf(request: HttpRequest): {
  readonly ifMatch: number | undefined;
  readonly onlyNew: boolean;
  readonly ifNoneExist: string | undefined;
} {
  return {
    ifMatch: versionToMatch(headerText(request, 'if-match')),
    onlyNew: request.method === 'PUT' && mustBeNew(headerText(request, 'if-none-match')),
    ifNoneExist: conditionOf(headerText(request, 'if-none-exist')),
  };
}

function invalidHeader(name: string, what: string): EngineError {
  return new EngineError('rejected', 'REQUEST_HEADER_INVALID', `${name} ${what}`, {
    cause: { at: `http.${name}` },
  });
}
