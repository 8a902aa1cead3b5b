import { type FhirObject, type FhirValue, readJson } from '#fhir';
import { fromXml } from '#fhirxml';
import { EngineError } from '#kernel';
import { r4Issues } from '#validation';
import { binaryOf } from './binary.js';
import { isObject } from './fhir-tree.js';
import { fhirPathPatch } from './fhirpath-patch.js';
import { type HttpRequest, headerText } from './http-exchange.js';
import { jsonPatch } from './json-patch.js';
import type { OutcomeIssue } from './operation-outcome.js';

/** The text of the body. Throws `rejected`: RESOURCE_BODY_INVALID (400) where there is none, CONTENT_TYPE_UNKNOWN (415) for bytes of another kind. */
export function bodyText(request: HttpRequest): string {
  if (Buffer.isBuffer(request.body))
    throw new EngineError(
      'rejected',
      'CONTENT_TYPE_UNKNOWN',
      'a resource comes as application/fhir+json or application/fhir+xml',
      { cause: { at: 'http.Content-Type' } },
    );
  if (typeof request.body === 'string' && request.body !== '') return request.body;
  throw invalidBody('a resource is expected in the body', 'http.body');
}

/**
 * The resource of the body. Throws `rejected`: RESOURCE_BODY_INVALID (400) for what is no resource of that type, RESOURCE_INVALID (422) with every
 * issue that R4 finds in it, and what `readJson` throws.
 */
export function resourceOf(request: HttpRequest, type: string): FhirObject {
  return checked(ofType(readBody(request, type), type));
}

/** The tree of a body of FHIR, JSON or XML; what is neither is the content of a Binary. */
export function readBody(request: HttpRequest, type: string): FhirValue {
  const { body } = request;
  if (Buffer.isBuffer(body) && type === 'Binary') return binaryOf(request, body);
  const text = bodyText(request);
  return isXml(request) ? fromXml(text) : readJson(text);
}

function isXml(request: HttpRequest): boolean {
  return /^\s*[a-z]+\/(?:fhir\+)?xml\b/i.test(headerText(request, 'content-type') ?? '');
}

/** A tree that is a resource of `type`. */
export function ofType(value: FhirValue | undefined, type: string): FhirObject {
  if (!isObject(value)) throw invalidBody('a resource is a JSON object', 'http.body');
  if (value['resourceType'] !== type)
    throw invalidBody(`a ${type} is expected here; resourceType says otherwise`, `${type}.resourceType`);
  return value;
}

/** The resource itself, when R4 finds nothing wrong with it. `at`: where it stands in what was sent. */
export function checked(resource: FhirObject, at?: string): FhirObject {
  const issues = r4Issues(resource);
  if (issues.length === 0) return resource;
  throw new EngineError('rejected', 'RESOURCE_INVALID', 'R4 does not allow the resource as it is', {
    cause: {
      issues: issues.map(
        ({ path, code, message }): OutcomeIssue => ({
          severity: 'error',
          issue: code,
          code: 'RESOURCE_INVALID',
          message,
          at: at === undefined ? path : at + path.slice(path.search(/\.|$/)),
        }),
      ),
    },
  });
}

/** What a patch of that content type does to a resource, which is checked afterwards. Throws `rejected` PATCH_INVALID at once where it is none. */
export function patchOf(request: HttpRequest): (resource: FhirObject) => FhirObject {
  const type = headerText(request, 'content-type')?.split(';')[0]?.trim().toLowerCase();
  const text = bodyText(request);
  const sent = isXml(request) ? fromXml(text) : readJson(text);
  const inBinary = jsonPatchOfBinary(sent);
  const body = inBinary === undefined ? sent : readJson(inBinary);
  if (type === 'application/json-patch+json' || Array.isArray(body))
    return (resource) => checked(jsonPatch(resource, body));
  if (isObject(body) && body['resourceType'] === 'Parameters')
    return (resource) => checked(fhirPathPatch(resource, body));
  throw new EngineError(
    'rejected',
    'PATCH_INVALID',
    'a patch is a JSON Patch, sent as application/json-patch+json, or a FHIRPath Patch, a Parameters resource',
    { cause: { at: 'http.Content-Type' } },
  );
}

/** The JSON Patch that a Binary carries (R4 http, section 3.1.0.11.4); undefined: it is no Binary with content. */
export function jsonPatchOfBinary(value: FhirValue | undefined): string | undefined {
  const data = isObject(value) && value['resourceType'] === 'Binary' ? value['data'] : undefined;
  return typeof data === 'string' ? Buffer.from(data, 'base64').toString() : undefined;
}

/** The error for a body that is not what is expected, with its place. */
export function invalidBody(message: string, at: string): EngineError {
  return new EngineError('rejected', 'RESOURCE_BODY_INVALID', message, { cause: { at } });
}
