import { isResourceType } from '#fhir';

/** What may be done with resources of a type: create, read, update, delete, search (SMART App Launch 2.2, scopes). */
export type Permission = 'c' | 'r' | 'u' | 'd' | 's';

/** One system scope. */
export interface Scope {
  /** A resource type, or `*`. */
  readonly type: string;
  /** Letters of `cruds`, in that order. */
  readonly permissions: string;
}

/** What a request needs. `*` as type: of every type. */
export interface Need {
  readonly type: string;
  readonly permission: Permission;
}

/** Longest scope parameter that is read: every type of R4 by its own has fewer letters. */
const MAX_SCOPE_LENGTH = 8_192;
const ALL = 'cruds';

/** SMART 1 had words for what are letters now (SMART App Launch 2.2, section "Scopes for requesting FHIR Resources"). */
const words: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': ALL };

/**
 * Reads `system/Type.cruds`, or `.read`, `.write`, `.*` as SMART 1 wrote them. Undefined for anything else: other
 * contexts, unknown types, letters out of order, and scopes with a search behind them, which nobody here could enforce.
 */
export function parseScope(text: string): Scope | undefined {
  const [, type = '', written = ''] =
    /^system\/(\*|[A-Za-z]{1,64})\.(\*|read|write|c?r?u?d?s?)$/.exec(text) ?? [];
  if (written === '' || !(type === '*' || isResourceType(type))) return undefined;
  return { type, permissions: words[written] ?? written };
}

/** The scopes of a list parted by spaces; undefined when one of them is none, or there are none. */
export function parseScopes(text: string): Scope[] | undefined {
  if (text.length > MAX_SCOPE_LENGTH) return undefined;
  const scopes: Scope[] = [];
  for (const one of new Set(text.split(' ').filter((part) => part !== ''))) {
    const scope = parseScope(one);
    if (scope === undefined) return undefined;
    scopes.push(scope);
  }
  return scopes.length === 0 ? undefined : scopes;
}

/** As SMART 2 writes them. */
export function formatScopes(scopes: readonly Scope[]): string {
  return scopes.map(({ type, permissions }) => `system/${type}.${permissions}`).join(' ');
}

/**
 * Subscriptions say where data goes and hold secrets of receivers, so "every type" does not mean them: a scope must name them.
 */
function covers(scope: Scope, type: string): boolean {
  return scope.type === type || (scope.type === '*' && type !== 'Subscription');
}

/** True when one of the scopes allows what is needed. */
export function allows(scopes: readonly Scope[], { type, permission }: Need): boolean {
  return scopes.some((scope) => covers(scope, type) && scope.permissions.includes(permission));
}

/** What both lists allow, one scope a type. */
export function narrow(asked: readonly Scope[], allowed: readonly Scope[]): Scope[] {
  const letters = new Map<string, string>();
  for (const one of asked) {
    for (const other of allowed) {
      const type = covers(one, other.type) ? other.type : covers(other, one.type) ? one.type : undefined;
      if (type === undefined) continue;
      letters.set(type, (letters.get(type) ?? '') + common(one.permissions, other.permissions));
    }
  }
  const scopes = [...letters].map(([type, found]) => ({ type, permissions: common(ALL, found) }));
  return scopes.filter(({ permissions }) => permissions !== '');
}

function common(one: string, other: string): string {
  return Array.from(one)
    .filter((letter) => other.includes(letter))
    .join('');
}
