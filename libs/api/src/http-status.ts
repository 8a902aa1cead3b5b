import type { ErrorKind } from '#kernel';

/** What HTTP and FHIR (value set issue-type) call an error. */
export interface HttpMeaning {
  readonly status: number;
  readonly issue: string;
}

const kinds: Record<ErrorKind, HttpMeaning> = {
  rejected: { status: 422, issue: 'processing' },
  unavailable: { status: 503, issue: 'transient' },
  uncertain: { status: 504, issue: 'timeout' },
  denied: { status: 403, issue: 'forbidden' },
  misconfigured: { status: 500, issue: 'exception' },
  bug: { status: 500, issue: 'exception' },
};

/** Codes for which HTTP has a word of its own (R4 http, section 3.1.0.4.1 and the interactions). */
const codes: Readonly<Record<string, HttpMeaning>> = {
  ACCESS_OPERATOR_ONLY: { status: 403, issue: 'forbidden' },
  ACCESS_SCOPE_INSUFFICIENT: { status: 403, issue: 'forbidden' },
  ACCESS_TOKEN_MISSING: { status: 401, issue: 'login' },
  ACCESS_TOKEN_WRONG: { status: 401, issue: 'login' },
  BULK_GROUP_TOO_LARGE: { status: 422, issue: 'too-costly' },
  BULK_JOB_UNKNOWN: { status: 404, issue: 'not-found' },
  BULK_NOT_ASYNC: { status: 400, issue: 'invalid' },
  BULK_TOO_MANY: { status: 429, issue: 'throttled' },
  CONDITION_AMBIGUOUS: { status: 412, issue: 'multiple-matches' },
  CONTENT_TYPE_UNKNOWN: { status: 415, issue: 'not-supported' },
  DATABASE_TEXT_WITH_NUL: { status: 400, issue: 'value' },
  FORMAT_NOT_SUPPORTED: { status: 406, issue: 'not-supported' },
  IMPORT_BODY_INVALID: { status: 415, issue: 'not-supported' },
  IMPORT_TOO_LARGE: { status: 413, issue: 'too-long' },
  INTERACTION_NOT_SUPPORTED: { status: 405, issue: 'not-supported' },
  LEDGER_FILE_UNKNOWN: { status: 404, issue: 'not-found' },
  OPERATION_UNKNOWN: { status: 404, issue: 'not-supported' },
  PATCH_INVALID: { status: 400, issue: 'invalid' },
  REFERENCE_UNRESOLVED: { status: 412, issue: 'not-found' },
  REQUEST_HEADER_INVALID: { status: 400, issue: 'value' },
  OPERATION_PARAMETER_INVALID: { status: 400, issue: 'value' },
  RESOURCE_BODY_INVALID: { status: 400, issue: 'invalid' },
  RESOURCE_DELETED: { status: 410, issue: 'deleted' },
  RESOURCE_EXISTS: { status: 412, issue: 'conflict' },
  RESOURCE_ID_INVALID: { status: 400, issue: 'value' },
  RESOURCE_ID_MISMATCH: { status: 400, issue: 'value' },
  RESOURCE_TYPE_UNKNOWN: { status: 404, issue: 'not-supported' },
  RESOURCE_UNKNOWN: { status: 404, issue: 'not-found' },
  RESOURCE_VERSION_CONFLICT: { status: 412, issue: 'conflict' },
  SEARCH_PARAMETER_UNKNOWN: { status: 400, issue: 'not-supported' },
  SEARCH_TIMED_OUT: { status: 503, issue: 'timeout' },
  SEARCH_TOO_COSTLY: { status: 400, issue: 'too-costly' },
  SEARCH_TYPE_UNKNOWN: { status: 404, issue: 'not-supported' },
  SEARCH_VALUE_INVALID: { status: 400, issue: 'value' },
  TRANSACTION_INVALID: { status: 400, issue: 'invalid' },
  SUBSCRIPTION_EVENTS_INVALID: { status: 400, issue: 'value' },
};

/** How an EngineError is told over HTTP: by its code where that has a meaning of its own, else by its kind. */
export function httpMeaning(kind: ErrorKind, code: string): HttpMeaning {
  const own = codes[code];
  if (own !== undefined) return own;
  // A body that is not even JSON or XML was not understood (400); one that breaks a rule was (422).
  if (
    /^FHIR_JSON_|^FHIRXML_(MALFORMED|DOCTYPE|NAMESPACE|NO_RESOURCE|TOO_DEEP)$/.test(code) ||
    code === 'FHIR_DECIMAL_MALFORMED'
  )
    return { status: 400, issue: 'structure' };
  return kinds[kind];
}

const statuses: Readonly<Record<number, { issue: string; code: string; message: string }>> = {
  400: {
    issue: 'invalid',
    code: 'HTTP_REQUEST_MALFORMED',
    message: 'the request is malformed; is all of its address percent-encoded?',
  },
  404: { issue: 'not-found', code: 'HTTP_PATH_UNKNOWN', message: 'nothing is at this address' },
  405: { issue: 'not-supported', code: 'HTTP_METHOD_UNKNOWN', message: 'this method has no meaning here' },
  408: { issue: 'timeout', code: 'HTTP_REQUEST_TOO_SLOW', message: 'the request did not arrive in time' },
  413: {
    issue: 'too-long',
    code: 'HTTP_BODY_TOO_LARGE',
    message: 'the body is larger than this server takes',
  },
  414: {
    issue: 'too-long',
    code: 'HTTP_URL_TOO_LONG',
    message: 'the address is longer than this server takes',
  },
  415: {
    issue: 'not-supported',
    code: 'HTTP_CONTENT_TYPE_UNKNOWN',
    message: 'this content type is not read here',
  },
  431: {
    issue: 'too-long',
    code: 'HTTP_HEADERS_TOO_LARGE',
    message: 'the headers are larger than this server takes',
  },
  503: { issue: 'transient', code: 'HTTP_CLOSING', message: 'the server is stopping' },
};

/** How an error that the HTTP server itself raised is told; its own text may quote the request and is left out. */
export function statusMeaning(status: number): HttpMeaning & { code: string; message: string } {
  const known = statuses[status];
  if (known !== undefined) return { status, ...known };
  return {
    status: 500,
    issue: 'exception',
    code: 'HTTP_FAILED',
    message: 'the request failed for a reason of ours',
  };
}
