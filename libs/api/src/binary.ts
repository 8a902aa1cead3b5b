import { type FhirObject, readJson } from '#fhir';
import { EngineError } from '#kernel';
import type { ResourceVersion } from '#store';
import { type HttpReply, type HttpRequest, headerText } from './http-exchange.js';
import { wantedFormat } from './representation.js';
import { describeVersion } from './resource-reply.js';

/** Who asks for another type than FHIR's gets the bytes themselves (R4 Binary, section 2.41.3). */
export function wantsRaw(request: HttpRequest): boolean {
  return headerText(request, 'accept') !== undefined && wantedFormat(request) === undefined;
}

/** Answers with the bytes. Nothing in them may run where they are shown. Throws `rejected` FORMAT_NOT_SUPPORTED (406) for another type. */
export function replyRaw(
  request: HttpRequest,
  reply: HttpReply,
  found: ResourceVersion & { readonly deleted: false },
): void {
  const { contentType, data } = readJson(found.text) as FhirObject;
  const type = typeof contentType === 'string' ? contentType : 'application/octet-stream';
  const accepted = (headerText(request, 'accept') ?? '')
    .split(',')
    .map((range) => range.split(';')[0]?.trim());
  const family = type.replace(/\/.*/s, '/*');
  if (!accepted.includes(type.split(';')[0]) && !accepted.includes(family)) {
    throw new EngineError(
      'rejected',
      'FORMAT_NOT_SUPPORTED',
      'the content has another type than is accepted',
      {
        cause: { at: 'http.Accept' },
      },
    );
  }
  describeVersion(reply, found);
  reply
    .header('content-type', type)
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "sandbox; default-src 'none'")
    .send(Buffer.from(typeof data === 'string' ? data : '', 'base64'));
}

/** The Binary around a body that is no FHIR. */
export function binaryOf(request: HttpRequest, body: Buffer): FhirObject {
  const contentType = headerText(request, 'content-type') ?? 'application/octet-stream';
  const context = headerText(request, 'x-security-context');
  return {
    resourceType: 'Binary',
    ...(request.params['id'] === undefined ? {} : { id: request.params['id'] }),
    contentType,
    ...(context === undefined ? {} : { securityContext: { reference: context } }),
    data: body.toString('base64'),
  };
}
