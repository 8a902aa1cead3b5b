import { PayloadTooLargeException } from '@nestjs/common';
import { isOperatorsOnly, requireAccessToken } from './access-token.js';
import { allowOrigins } from './cors.js';
import { type HttpRequest, type HttpServer, headerText } from './http-exchange.js';
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
 * Registers what must happen before a handler runs: the access token is checked before a byte of the body is read, and
 * bodies arrive as text, because the server's own JSON parser would round decimals and let members stand twice. And what
 * happens last: answers get the shape that was asked for.
 */
export function prepareServer(server: HttpServer, accessToken: string | undefined): void {
  server.addHook('onRequest', (request, reply, done) => {
    if (allowOrigins(request, reply)) return;
    try {
      if (isOperatorsOnly(request)) requireAccessToken(request, accessToken);
      else if (!isSmall(request)) throw new PayloadTooLargeException();
    } catch (error) {
      if (!(error instanceof PayloadTooLargeException)) reply.header('www-authenticate', 'Bearer');
      done(error as Error);
      return;
    }
    try {
      requireShape(request);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
  server.addHook('onSend', (request, reply, payload, done) => {
    done(null, shapeAnswer(request, reply, payload));
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

/** A body that says its length, and is short; a request without one. */
function isSmall(request: HttpRequest): boolean {
  if (headerText(request, 'transfer-encoding') !== undefined) return false;
  return Number(headerText(request, 'content-length') ?? 0) <= MAX_OPEN_BODY_BYTES;
}
