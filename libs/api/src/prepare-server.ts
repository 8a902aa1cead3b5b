import { PayloadTooLargeException } from '@nestjs/common';
import { isOperatorsOnly, requireAccessToken } from './access-token.js';
import { type HttpRequest, type HttpServer, headerText } from './http-exchange.js';

/** Largest body: a transaction of 10,000 resources of ordinary size. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Largest body of whoever need not say who they are. */
const MAX_OPEN_BODY_BYTES = 64 * 1024;

/**
 * Registers what must happen before a handler runs: the access token is checked before a byte of the body is read, and
 * bodies arrive as text, because the server's own JSON parser would round decimals and let members stand twice.
 */
export function prepareServer(server: HttpServer, accessToken: string | undefined): void {
  server.addHook('onRequest', (request, reply, done) => {
    try {
      if (isOperatorsOnly(request)) requireAccessToken(request, accessToken);
    } catch (error) {
      reply.header('www-authenticate', 'Bearer');
      done(error as Error);
      return;
    }
    if (!isOperatorsOnly(request) && !isSmall(request)) {
      done(new PayloadTooLargeException());
      return;
    }
    done();
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    [
      'application/fhir+json',
      'application/json',
      'application/json-patch+json',
      'application/x-www-form-urlencoded',
    ],
    { parseAs: 'string', bodyLimit: MAX_BODY_BYTES },
    (_request, body, done) => done(null, body),
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
