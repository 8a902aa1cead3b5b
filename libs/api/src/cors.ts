import { type HttpReply, type HttpRequest, headerText } from './http-exchange.js';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const REQUEST_HEADERS =
  'Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, Prefer, X-Security-Context';
const ANSWER_HEADERS = 'Content-Location, ETag, Last-Modified, Location, Retry-After, X-Progress';
const MAX_AGE_SECONDS = '600';

/**
 * Lets pages of any origin ask /fhir (R4 security, section 6.1.0.2.3). Nothing here goes by cookies: a page can use only a token that
 * it was given. Returns true when that was all that was asked (a preflight), and answers it.
 */
export function allowOrigins(request: HttpRequest, reply: HttpReply): boolean {
  if (headerText(request, 'origin') === undefined || !/^\/(fhir|\.well-known)(\/|\?|$)/.test(request.url))
    return false;
  reply.header('access-control-allow-origin', '*').header('access-control-expose-headers', ANSWER_HEADERS);
  if (request.method !== 'OPTIONS' || headerText(request, 'access-control-request-method') === undefined)
    return false;
  reply
    .code(204)
    .header('access-control-allow-methods', METHODS)
    .header('access-control-allow-headers', REQUEST_HEADERS)
    .header('access-control-max-age', MAX_AGE_SECONDS)
    .send();
  return true;
}
