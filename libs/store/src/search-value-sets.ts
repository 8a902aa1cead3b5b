import type { Query } from '#database';
import { alternatives, compileConditions, type QueryContext, type QueryPair } from '#search';
import { searchType } from './search-resources.js';

type Codes = ReadonlyMap<string, ReadonlySet<string>>;
interface Concept {
  readonly system?: string;
  readonly code?: string;
  readonly contains?: readonly Concept[];
}
interface ValueSet {
  readonly compose?: {
    readonly include?: readonly {
      readonly system?: string;
      readonly concept?: readonly Concept[];
      readonly filter?: unknown;
      readonly valueSet?: unknown;
    }[];
    readonly exclude?: unknown;
  };
  readonly expansion?: { readonly contains?: readonly Concept[] };
}

/** The value sets that `:in` and `:not-in` of a query name, of those that are stored here and list their codes. */
export async function localValueSets(
  database: Query,
  pairs: readonly QueryPair[],
): Promise<NonNullable<QueryContext['valueSet']>> {
  const sets = new Map<string, Codes>();
  for (const [name, value] of pairs) {
    if (!/:(not-)?in$/.test(name)) continue;
    for (const url of alternatives(name, value)) {
      const criteria = compileConditions('ValueSet', [['url', url]], {});
      const page = await searchType(database, { criteria, lastUpdated: [] }, undefined, 1);
      const [version] = page.matches;
      const codes = version && !version.deleted ? codesOf(JSON.parse(version.text) as ValueSet) : undefined;
      if (codes) sets.set(url, codes);
    }
  }
  return (url) => sets.get(url);
}

/** The codes that a value set lists; undefined when it says them by rule. */
function codesOf({ compose, expansion }: ValueSet): Codes | undefined {
  const codes = new Map<string, Set<string>>();
  const add = (system = '', code = ''): void => {
    const known = codes.get(system) ?? new Set();
    codes.set(system, known.add(code));
  };
  const addAll = (concepts: readonly Concept[]): void => {
    for (const { system, code, contains } of concepts) {
      if (code !== undefined) add(system, code);
      if (contains) addAll(contains);
    }
  };
  if (expansion?.contains) {
    addAll(expansion.contains);
    return codes;
  }
  if (compose?.include === undefined || compose.exclude !== undefined) return undefined;
  for (const { system, concept, filter, valueSet } of compose.include) {
    if (concept === undefined || filter !== undefined || valueSet !== undefined) return undefined;
    for (const { code } of concept) add(system, code);
  }
  return codes;
}
