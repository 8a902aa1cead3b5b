import { PayloadTooLargeException } from '@nestjs/common';
import { EngineError } from '#kernel';
import { type AdmissionRules, admit, challengeFor } from './admission.js';
import type { ApiServices } from './api-services.js';
import { allowOrigins } from './cors.js';
import { type HttpReply, type HttpRequest, type HttpServer, headerText } from './http-exchange.js';
import { requireShape, shapeAnswer } from './shape-answer.js';

/** Largest body: a transaction of 10,000 resources of ordinary size. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Largest body of whoever need not say who they are. */
const MAX_OPEN_BODY_BYTES = 64 * 1024;

/** Types that are read as text, by our own readers. */
const textTypes = [
  'application/fhir+json',
  'application/json',
  'text/json',
  'application/json-patch+json',
  'application/fhir+xml',
  'application/xml',
  'text/xml',
  'application/x-www-form-urlencoded',
];

/**
 * Registers what must happen before a handler runs: whether the caller may do this is decided before a byte of the body is read, and
 * bodies arrive as text, because the server's own JSON parser would round decimals and let members stand twice. And what
 * happens last: answers get the shape that was asked for.
 */
export function prepareServer(
  server: HttpServer,
  rules: AdmissionRules & Pick<ApiServices, 'onAnswered'>,
): void {
  server.decorateRequest('caller', undefined);
  server.addHook('onRequest', (request, reply, done) => {
    if (allowOrigins(request, reply)) return;
    letIn(request, reply, rules).then(() => done(), done);
  });
  server.addHook('onSend', (request, reply, payload, done) => {
    done(null, shapeAnswer(request, reply, payload));
  });
  server.addHook('onResponse', ({ method, routeOptions }, { statusCode, elapsedTime }, done) => {
    rules.onAnswered(elapsedTime / 1_000, {
      method,
      route: routeOptions.url ?? 'none',
      status: `${statusCode}`,
    });
    done();
  });
  server.removeAllContentTypeParsers();
  const limits = { bodyLimit: MAX_BODY_BYTES };
  server.addContentTypeParser(textTypes, { parseAs: 'string', ...limits }, (_request, body, done) =>
    done(null, body),
  );
  server.addContentTypeParser('*', { parseAs: 'buffer', ...limits }, (_request, body, done) =>
    done(null, body),
  );
  // Only $import takes it, and writes it to disk as it comes; its own limit holds.
  server.addContentTypeParser(['application/fhir+ndjson', 'application/ndjson'], (_request, body, done) =>
    done(null, body),
  );
}

async function letIn(request: HttpRequest, reply: HttpReply, rules: AdmissionRules): Promise<void> {
  try {
    const caller = await admit(request, rules);
    if (caller) request.caller = caller;
  } catch (error) {
    const challenge = challengeFor(error);
    if (challenge !== undefined) reply.header('www-authenticate', challenge);
    throw error;
  }
  const isKnown = request.caller !== undefined && request.caller.kind !== 'loopback';
  if (!isKnown && !isSmall(request)) throw new PayloadTooLargeException();
  requireOperation(request);
  requireShape(request);
}

/** Throws `rejected` OPERATION_UNKNOWN (404) for an operation that no route is for: its name would be taken for an id. */
function requireOperation({ url, routeOptions }: HttpRequest): void {
  const name = /^\/fhir\/(?:[^?]*\/)?(\$[A-Za-z-]{1,64})(?:[/?]|$)/.exec(url)?.[1];
  if (name === undefined || routeOptions.url?.includes(name)) return;
  throw new EngineError(
    'rejected',
    'OPERATION_UNKNOWN',
    `there is no operation ${name} here; /fhir/metadata lists those there are`,
  );
}

/** A body that says its length, and is short; a request without one. */
function isSmall(request: HttpRequest): boolean {
  if (headerText(request, 'transfer-encoding') !== undefined) return false;
  return Number(headerText(request, 'content-length') ?? 0) <= MAX_OPEN_BODY_BYTES;
}
