import { createHash, timingSafeEqual } from 'node:crypto';
import { EngineError } from '#kernel';
import { type HttpRequest, headerText } from './http-exchange.js';

/**
 * What only the operator may reach: /admin, all that writes, and subscriptions, for they say where data goes and hold secrets
 * of receivers. Decided on the route that was found, so no spelling of the path gets around it.
 */
export function isOperatorsOnly(request: HttpRequest): boolean {
  const route = request.routeOptions.url;
  if (route === undefined) return false; // nothing is there, for nobody
  return (
    /^\/(admin|fhir\/Subscription)(\/|$)/.test(route) ||
    (/^\/fhir(\/|$)/.test(route) && writes(request, route)) ||
    // Routes of every type reach Subscription too.
    (route.startsWith('/fhir/:type') && request.params['type'] === 'Subscription')
  );
}

function writes({ method }: HttpRequest, route: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && !route.endsWith('/_search');
}

/**
 * Checks `Authorization: Bearer` in constant time. Throws `denied`: ACCESS_TOKEN_MISSING, ACCESS_TOKEN_WRONG (401),
 * ACCESS_CLOSED (403) when no token is configured.
 */
export function requireAccessToken(request: HttpRequest, expected: string | undefined): void {
  if (expected === undefined || expected === '') {
    throw new EngineError(
      'denied',
      'ACCESS_CLOSED',
      'no access token is configured, so this is closed to all',
    );
  }
  const given = /^Bearer +([^ ]+) *$/i.exec(headerText(request, 'authorization') ?? '')?.[1];
  if (given === undefined) {
    throw new EngineError(
      'denied',
      'ACCESS_TOKEN_MISSING',
      'this needs `Authorization: Bearer` and the access token',
    );
  }
  // Digests have one length, so neither length nor content of the token shows in the time that this takes.
  if (!timingSafeEqual(digest(given), digest(expected))) {
    throw new EngineError(
      'denied',
      'ACCESS_TOKEN_WRONG',
      'the access token is not the one this server knows',
    );
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
