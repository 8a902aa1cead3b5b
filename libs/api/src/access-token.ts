import { hash, timingSafeEqual } from 'node:crypto';
import { type HttpRequest, headerText } from './http-exchange.js';

/** The token of `Authorization: Bearer`; undefined when there is none. */
export function bearerToken(request: HttpRequest): string | undefined {
  return /^Bearer +([^ ]+) *$/i.exec(headerText(request, 'authorization') ?? '')?.[1];
}

/** Whether a token is the operator's, in constant time. Without a configured one none is. */
export function isOperatorToken(given: string, expected: string | undefined): boolean {
  if (expected === undefined || expected === '') return false;
  // Digests have one length, so neither length nor content of the token shows in the time that this takes.
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', expected, 'buffer'));
}
