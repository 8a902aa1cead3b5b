import { EngineError } from '#kernel';
import type { ResourceVersion } from '#store';
import { type HttpReply, type HttpRequest, headerText } from './http-exchange.js';
import { operationOutcome } from './operation-outcome.js';
import { FHIR_JSON, preferredReturn } from './representation.js';

/**
 * Answers with a version: 200, or 304 when the client has it already (R4 http, section 3.1.0.5.1). Throws `rejected`
 * RESOURCE_UNKNOWN (404) and RESOURCE_DELETED (410). The stored text goes out as it is.
 */
export function replyVersion(
  request: HttpRequest,
  reply: HttpReply,
  found: ResourceVersion | undefined,
): void {
  if (found === undefined) throw unknownResource();
  describeVersion(reply, found);
  if (found.deleted) {
    throw new EngineError(
      'rejected',
      'RESOURCE_DELETED',
      `the resource was deleted as version ${found.version}`,
    );
  }
  if (isKnownToClient(request, found)) {
    reply.code(304).send();
    return;
  }
  reply.header('content-type', FHIR_JSON).send(found.text);
}

/** Answers a write with the version that it made, as the client prefers (R4 http, section 3.1.0.1.8). The status stays as it is set. */
export function replyWritten(
  request: HttpRequest,
  reply: HttpReply,
  written: Extract<ResourceVersion, { deleted: false }>,
  address: string,
): void {
  const { type, id, version, text } = written;
  describeVersion(reply, written);
  reply.header('location', `${address}/${type}/${id}/_history/${version}`);
  switch (preferredReturn(request)) {
    case 'minimal':
      reply.send();
      return;
    case 'OperationOutcome':
      reply.header('content-type', FHIR_JSON).send(outcomeOfWrite('written'));
      return;
    case 'representation':
      reply.header('content-type', FHIR_JSON).send(text);
  }
}

/** What a client hears that wants no more than that it was done. */
export function outcomeOfWrite(message: string): string {
  return operationOutcome([{ severity: 'information', issue: 'informational', code: 'WRITTEN', message }]);
}

/** Sets ETag and Last-Modified. */
export function describeVersion(reply: HttpReply, { version, lastUpdatedMs }: ResourceVersion): void {
  reply.header('etag', `W/"${version}"`).header('last-modified', new Date(lastUpdatedMs).toUTCString());
}

/** The error for an id or version that never was. */
export function unknownResource(): EngineError {
  return new EngineError(
    'rejected',
    'RESOURCE_UNKNOWN',
    'there is no such resource, or no such version of it',
  );
}

/** RFC 9110, section 13.2.2: If-None-Match decides alone where it stands. */
function isKnownToClient(request: HttpRequest, { version, lastUpdatedMs }: ResourceVersion): boolean {
  const tags = headerText(request, 'if-none-match');
  if (tags !== undefined) {
    return tags.split(',').some((tag) => {
      const known = tag.trim();
      return known === '*' || known === `W/"${version}"` || known === `"${version}"`;
    });
  }
  const since = headerText(request, 'if-modified-since');
  if (since === undefined) return false;
  // The header has whole seconds only; what changed later in that second must not look unchanged.
  return Math.ceil(lastUpdatedMs / 1000) * 1000 <= Date.parse(since);
}
