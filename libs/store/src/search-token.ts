import { EngineError } from '#kernel';

/** A coded value as search sees it: Identifier, Coding, or a bare code. Both parts are '' where absent. */
export interface Token {
  readonly system: string;
  readonly value: string;
}

/** What a token parameter asks for; undefined means "any". `system: ''` means "has no system". */
export interface TokenQuery {
  readonly system: string | undefined;
  readonly value: string | undefined;
}

/**
 * Reads one token value of a query (R4 search, section 3.1.1.4.10): `value`, `system|value`, `|value`, `system|`.
 * Throws `rejected` SEARCH_VALUE_INVALID when nothing is asked for.
 */
export function parseToken(text: string, parameter: string): TokenQuery {
  const bar = indexOfBar(text);
  const system = bar < 0 ? undefined : unescapeValue(text.slice(0, bar));
  const value = unescapeValue(bar < 0 ? text : text.slice(bar + 1));
  if (value === '' && (system === undefined || system === '')) {
    throw new EngineError(
      'rejected',
      'SEARCH_VALUE_INVALID',
      `the search parameter '${parameter}' needs a code, a system, or both`,
      { cause: { at: `http.${parameter}` } },
    );
  }
  return { system, value: value === '' ? undefined : value };
}

/** True when `token` is what `query` asks for. Case counts: R4 makes identifiers and codes case-sensitive by default. */
export function tokenMatches(query: TokenQuery, token: Token): boolean {
  if (query.value !== undefined && query.value !== token.value) return false;
  return query.system === undefined || query.system === token.system;
}

/**
 * The text whose hash finds a value. `system` is the system of a token or the type of a reference; an empty one stands
 * for "whichever".
 */
export function searchKey(type: string, parameter: string, system: string, value: string): string {
  return `${type}|${parameter}|${system}|${value}`;
}

/** The identifiers under `element` (one Identifier or a list of them) that have a value or a system. */
export function identifierTokens(element: unknown): Token[] {
  const tokens: Token[] = [];
  for (const item of Array.isArray(element) ? (element as unknown[]) : [element]) {
    if (typeof item !== 'object' || item === null) continue;
    const { system, value } = item as { system?: unknown; value?: unknown };
    const token = {
      system: typeof system === 'string' ? system : '',
      value: typeof value === 'string' ? value : '',
    };
    if (token.system !== '' || token.value !== '') tokens.push(token);
  }
  return tokens;
}

/** The first `|` that is not escaped by a backslash; -1 when there is none. */
function indexOfBar(text: string): number {
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (text[index] === '|') return index;
  }
  return -1;
}

/** Takes away the backslash before `$`, `,`, `|` and `\` (R4 search, section 3.1.1.3.1). */
export function unescapeValue(text: string): string {
  return text.includes('\\') ? text.replace(/\\([$,|\\])/g, '$1') : text;
}
