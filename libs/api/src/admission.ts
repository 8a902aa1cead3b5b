import { type Caller, missingNeed, type Need, type Scope, type TokenService } from '#access';
import { EngineError } from '#kernel';
import { bearerToken, isOperatorToken } from './access-token.js';
import { type HttpRequest, headerText } from './http-exchange.js';
import { needsOfCondition, type Requirement, requirementOf } from './request-needs.js';

/** What people at the machine itself may do without a token, where the operator opens that. */
const loopbackScopes: readonly Scope[] = [{ type: '*', permissions: 'rs' }];
const LOOPBACK_ADDRESS = /^(127\.|::1$|::ffff:127\.)/;
const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;
/** Whoever stands in between says so with one of these. */
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

export interface AdmissionRules {
  /** The operator's; undefined: there is none, and what needs it is closed. */
  readonly accessToken: string | undefined;
  readonly tokens: Pick<TokenService, 'callerOf'>;
  readonly openLoopback: boolean;
}

/**
 * Decides whether a routed request may go on, before its body is read. Answers who asks; undefined where nobody needs to be known. Throws `denied`
 * ACCESS_TOKEN_MISSING, ACCESS_TOKEN_WRONG (401), ACCESS_SCOPE_INSUFFICIENT, ACCESS_OPERATOR_ONLY (403).
 */
export async function admit(request: HttpRequest, rules: AdmissionRules): Promise<Caller | undefined> {
  const requirement = requirementOf(request);
  if (requirement === undefined || requirement === 'open') return undefined;
  const caller = await callerOf(request, rules);
  requireAllowed(caller, requirement);
  return caller;
}

/** Throws `denied` ACCESS_SCOPE_INSUFFICIENT or ACCESS_OPERATOR_ONLY (403) when the caller may not do that. `at`: which entry it is about. */
export function requireAllowed(
  caller: Caller | undefined,
  requirement: Exclude<Requirement, 'open'>,
  at?: string,
): void {
  if (caller?.kind === 'operator') return;
  if (requirement === 'operator') {
    const message = 'this is open to the token of the operator only';
    throw new EngineError('denied', 'ACCESS_OPERATOR_ONLY', message, { cause: { at } });
  }
  const missing = caller === undefined ? requirement[0] : missingNeed(caller, requirement);
  if (missing !== undefined) throw insufficientScope(caller, missing, at);
}

/** For conditional references in what a caller writes: throws as `requireAllowed` does where it may not search for that. */
export function mayAsk(caller: Caller | undefined): (type: string, criteria: string) => void {
  return (type, criteria) => requireAllowed(caller, needsOfCondition(type, criteria));
}

function insufficientScope(caller: Caller | undefined, { type, permission }: Need, at?: string): EngineError {
  // Without a token there is a remedy that needs no other scopes.
  if (caller === undefined || caller.kind === 'loopback') return tokenMissing();
  const scope = `system/${type}.${permission}`;
  const message = `the token does not hold ${scope}, which this needs`;
  return new EngineError('denied', 'ACCESS_SCOPE_INSUFFICIENT', message, { cause: { at, scope } });
}

async function callerOf(request: HttpRequest, rules: AdmissionRules): Promise<Caller> {
  if (headerText(request, 'authorization') === undefined && rules.openLoopback && isFromLoopback(request))
    return { kind: 'loopback', scopes: loopbackScopes };
  const token = bearerToken(request);
  if (token === undefined) throw tokenMissing();
  if (isOperatorToken(token, rules.accessToken)) return { kind: 'operator' };
  const caller = await rules.tokens.callerOf(token);
  if (caller !== undefined) return caller;
  const message = 'the access token is unknown, or its time is over';
  throw new EngineError('denied', 'ACCESS_TOKEN_WRONG', message);
}

/**
 * From this machine, by its own name: a web page that was led here by DNS names another host. Pages of other origins, which CORS lets
 * read what a token opens, say their origin.
 */
function isFromLoopback(request: HttpRequest): boolean {
  return (
    LOOPBACK_ADDRESS.test(request.ip) &&
    LOOPBACK_HOST.test(request.host) &&
    headerText(request, 'origin') === undefined &&
    proxyHeaders.every((name) => headerText(request, name) === undefined)
  );
}

function tokenMissing(): EngineError {
  const message = 'this needs `Authorization: Bearer` and an access token';
  return new EngineError('denied', 'ACCESS_TOKEN_MISSING', message);
}

/** WWW-Authenticate for a refusal (RFC 6750, section 3). */
export function challengeFor(error: unknown): string | undefined {
  if (!(error instanceof EngineError)) return undefined;
  switch (error.code) {
    case 'ACCESS_TOKEN_MISSING':
      return 'Bearer';
    case 'ACCESS_TOKEN_WRONG':
      return 'Bearer error="invalid_token"';
    case 'ACCESS_SCOPE_INSUFFICIENT': {
      const { scope } = error.cause as { scope: string };
      return `Bearer error="insufficient_scope", scope="${scope}"`;
    }
    case 'ACCESS_OPERATOR_ONLY':
      return 'Bearer error="insufficient_scope"';
    default:
      return undefined;
  }
}
