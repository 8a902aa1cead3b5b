import type { KeyObject } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { type Clock, EngineError } from '#kernel';
import { type Client, signingAlgorithms } from './client.js';

/** Clocks of clients are this wrong, in seconds, without harm. */
export const CLOCK_TOLERANCE_S = 10;
/** SMART App Launch 2.2, client-confidential-asymmetric: `exp` is no more than five minutes in the future. */
const MAX_LIFETIME_S = 300;
const MAX_ASSERTION_LENGTH = 16_384;
const MAX_JTI_LENGTH = 256;

/** An assertion that was checked, but for whether it was used before. */
export interface CheckedAssertion {
  readonly client: Client;
  /** That it was signed with. */
  readonly key: KeyObject;
  readonly jti: string;
  /** Seconds since the epoch. */
  readonly exp: number;
}

export interface AssertionChecks {
  readonly clients: ReadonlyMap<string, Client>;
  /** The addresses of the token endpoint. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
}

/**
 * Checks a client's signed assertion (RFC 7523, section 3; SMART App Launch 2.2, client-confidential-asymmetric): signature by a
 * registered key, ES384 or RS384; `iss` and `sub` the client; `aud` this token endpoint; `exp` not past and not further than five minutes;
 * `jti` there. Throws one and the same `denied` TOKEN_CLIENT_INVALID for whatever is wrong; its cause, for the log, says more.
 */
export async function checkAssertion(
  assertion: string,
  { clients, audiences, clock }: AssertionChecks,
): Promise<CheckedAssertion> {
  try {
    if (assertion.length > MAX_ASSERTION_LENGTH)
      throw mistrust('ASSERTION_TOO_LONG', 'the assertion is too long');
    const client = clients.get(decodeJwt(assertion).iss ?? '');
    if (client === undefined) throw mistrust('ASSERTION_CLIENT_UNKNOWN', 'iss is no registered client');
    const nowMs = clock.nowMs();
    const key = client.keys.get(decodeProtectedHeader(assertion).kid ?? '');
    if (key === undefined) throw mistrust('ASSERTION_KEY_UNKNOWN', 'kid names no key of the client');
    const { payload } = await jwtVerify(assertion, key, {
      algorithms: [...signingAlgorithms],
      issuer: client.id,
      subject: client.id,
      audience: [...audiences],
      requiredClaims: ['exp', 'jti'],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(nowMs),
    });
    const { exp = 0, jti } = payload;
    if (exp > nowMs / 1000 + MAX_LIFETIME_S + CLOCK_TOLERANCE_S)
      throw mistrust('ASSERTION_TOO_FAR', 'exp is more than five minutes in the future');
    if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH)
      throw mistrust('ASSERTION_JTI_INVALID', `jti is a text of 1 to ${MAX_JTI_LENGTH} characters`);
    return { client, key, jti, exp };
  } catch (cause) {
    throw invalidClient(cause);
  }
}

/** What every client that is not believed is told, so that nobody learns what is registered here. */
export function invalidClient(cause: unknown): EngineError {
  return new EngineError('denied', 'TOKEN_CLIENT_INVALID', 'the client assertion is not accepted', { cause });
}

/** Why, for the log. */
export function mistrust(code: string, message: string): EngineError {
  return new EngineError('denied', code, message);
}
