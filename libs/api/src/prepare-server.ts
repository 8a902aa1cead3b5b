import { isOperatorsOnly, requireAccessToken } from './access-token.js';
import type { HttpServer } from './http-exchange.js';

/** Largest JSON or form body. Resources of ordinary size; what is larger comes with bulk import. */
const MAX_BODY_BYTES = 1024 * 1024;

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
    done();
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    ['application/fhir+json', 'application/json', 'application/x-www-form-urlencoded'],
    { parseAs: 'string', bodyLimit: MAX_BODY_BYTES },
    (_request, body, done) => done(null, body),
  );
}
