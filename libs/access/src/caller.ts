import { allows, type Need, type Scope } from './scope.js';

/** Who asks: the operator may do all; a client what its scopes say; on the loopback interface, without a token, whoever works there. */
export type Caller =
  | { readonly kind: 'operator' }
  | { readonly kind: 'client'; readonly client: string; readonly scopes: readonly Scope[] }
  | { readonly kind: 'loopback'; readonly scopes: readonly Scope[] };

/** The first of the needs that the caller's scopes do not allow. */
export function missingNeed(caller: Caller, needs: readonly Need[]): Need | undefined {
  if (caller.kind === 'operator') return undefined;
  return needs.find((need) => !allows(caller.scopes, need));
}

/** The caller as a text, for what is kept for it: equal for the same client, other for every other. */
export function nameOfCaller(caller: Caller): string {
  return caller.kind === 'client' ? `client:${caller.client}` : caller.kind;
}
