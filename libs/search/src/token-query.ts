import type { Leaf } from './expression.js';
import { cutAt, invalidValue, unescapeValue } from './query-text.js';
import { foldText } from './string-query.js';
import type { QueryContext, Test, ValueQuery } from './value-query.js';

/** A coded value as search sees it. Both parts are '' where absent. */
export interface Token {
  readonly system: string;
  readonly value: string;
}

interface Identifier {
  readonly system?: unknown;
  readonly value?: unknown;
  readonly type?: { readonly text?: unknown; readonly coding?: unknown };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Calls `emit` for each token of a value (R4 search, section 3.1.1.4.10). A ContactPoint has no system: what FHIR calls so there is
 * the kind of contact. A code belongs to the system of its required binding.
 */
export function tokensOf(value: unknown, leaf: Leaf, emit: (token: Token) => void): void {
  if (typeof value === 'string') emit({ system: leaf.systems?.get(value) ?? '', value });
  else if (typeof value === 'boolean')
    emit({ system: 'http://terminology.hl7.org/CodeSystem/special-values', value: `${value}` });
  else if (typeof value === 'object' && value !== null) {
    const { system, code, coding, value: own } = value as Record<string, unknown>;
    if (leaf.type === 'CodeableConcept') {
      for (const one of Array.isArray(coding) ? (coding as Record<string, unknown>[]) : [])
        emitToken(one['system'], one['code'], emit);
    } else if (leaf.type === 'ContactPoint') emitToken('', own, emit);
    else emitToken(system, leaf.type === 'Coding' ? code : own, emit);
  }
}

function emitToken(system: unknown, value: unknown, emit: (token: Token) => void): void {
  const token = { system: text(system), value: text(value) };
  if (token.system !== '' || token.value !== '') emit(token);
}

/**
 * Reads one value of a token parameter: `value`, `system|value`, `|value`, `system|`. Throws `rejected` SEARCH_VALUE_INVALID when
 * nothing is asked for. Case counts.
 */
export function tokenQuery(name: string, query: string): ValueQuery {
  const bars = cutAt(query, '|');
  const system = bars.length === 1 ? undefined : unescapeValue(bars[0] ?? '');
  const value = unescapeValue(bars.length === 1 ? query : bars.slice(1).join('|'));
  if (value === '' && (system === undefined || system === '')) {
    throw invalidValue(name, 'needs a code, a system, or both');
  }
  return {
    test: someToken((token, leaf) => {
      if (value !== '' && value !== token.value) return false;
      if (system === undefined || system === token.system) return true;
      return system === '' && leaf.systems !== undefined; // a code is written without its system
    }),
    // A value that only names a system has no key; then the index would miss what it matches.
    keys: value === '' ? undefined : [`|${value}`],
  };
}

function someToken(matches: (token: Token, leaf: Leaf) => boolean): Test {
  return (value, leaf) => {
    let found = false;
    tokensOf(value, leaf, (token) => {
      if (!found && matches(token, leaf)) found = true;
    });
    return found;
  };
}

/** `:text`: what stands beside a code begins with the words asked for, as strings do. */
export function tokenTextQuery(query: string): ValueQuery {
  const wanted = foldText(unescapeValue(query));
  const begins = (shown: unknown): boolean => typeof shown === 'string' && foldText(shown).startsWith(wanted);
  return {
    test: (value) => {
      if (typeof value !== 'object' || value === null) return false;
      const { text: own, display, coding, type } = value as Record<string, unknown>;
      if (begins(own) || begins(display) || begins((type as { text?: unknown } | undefined)?.text))
        return true;
      return Array.isArray(coding) && (coding as { display?: unknown }[]).some((one) => begins(one.display));
    },
    keys: undefined,
  };
}

/** `:of-type`: `system|code|value`, an identifier of that type. */
export function ofTypeQuery(name: string, query: string): ValueQuery {
  const parts = cutAt(query, '|').map(unescapeValue);
  const [system, code, wanted] = parts;
  if (parts.length !== 3 || !code || !wanted)
    throw invalidValue(name, 'with :of-type needs system|code|value');
  return {
    test: (value, leaf) => {
      const { value: own, type } = (leaf.type === 'Identifier' ? value : {}) as Identifier;
      const codings = Array.isArray(type?.coding)
        ? (type.coding as { system?: unknown; code?: unknown }[])
        : [];
      return (
        own === wanted && codings.some((one) => one.code === code && (system === '' || one.system === system))
      );
    },
    keys: [`|${wanted}`],
  };
}

/** Most codes of a value set that are looked up one by one; a larger one filters what another parameter finds. */
const MAX_CODES = 1_000;

/** `:in`: a code of a value set that this server has. Throws `rejected` SEARCH_VALUE_INVALID for one that it has not. */
export function inValueSetQuery(name: string, query: string, context: QueryContext): ValueQuery {
  const set = context.valueSet?.(unescapeValue(query));
  if (set === undefined)
    throw invalidValue(name, 'names a value set that is not on this server, or cannot be listed');
  const test = someToken((token) => set.get(token.system)?.has(token.value) ?? false);
  const codes = new Set([...set.values()].flatMap((of) => [...of]));
  return { test, keys: codes.size > MAX_CODES ? undefined : [...codes].map((code) => `|${code}`) };
}
