import type { Query } from '#database';
import { EngineError } from '#kernel';
import { alternatives, compileConditions, type QueryContext, type QueryPair } from '#search';
import { searchType } from './search-resources.js';

type Codes = ReadonlyMap<string, ReadonlySet<string>>;
interface Concept {
  readonly system?: string;
  readonly code?: string;
  readonly contains?: readonly Concept[];
  readonly concept?: readonly Concept[];
}
interface Include {
  readonly system?: string;
  readonly concept?: readonly Concept[];
  readonly filter?: readonly { readonly property?: string; readonly op?: string; readonly value?: string }[];
  readonly valueSet?: readonly string[];
}
interface ValueSet {
  readonly compose?: { readonly include?: readonly Include[]; readonly exclude?: readonly Include[] };
  readonly expansion?: { readonly contains?: readonly Concept[] };
}
interface CodeSystem {
  readonly content?: string;
  readonly concept?: readonly Concept[];
}

/** Most value sets that lead to each other, and most codes of one. */
const MAX_DEPTH = 5;
const MAX_CODES = 50_000;

/**
 * The value sets that `:in` and `:not-in` of a query name, of those that are stored here: by their expansion, or by what they compose of codes, of
 * whole code systems and what is below a code (is-a, descendent-of), and of other value sets, as far as all of these are stored here too.
 */
export async function localValueSets(
  database: Query,
  pairs: readonly QueryPair[],
): Promise<NonNullable<QueryContext['valueSet']>> {
  const sets = new Map<string, Codes>();
  for (const [name, value] of pairs) {
    if (!/:(not-)?in$/.test(name)) continue;
    for (const url of alternatives(name, value)) {
      const codes = await codesOf(database, url, 0);
      if (codes) sets.set(url, codes);
    }
  }
  return (url) => sets.get(url);
}

/** The codes of a stored value set; undefined when it is not here, or says its codes by a rule that is not followed. */
async function codesOf(database: Query, url: string, depth: number): Promise<Codes | undefined> {
  const set = depth > MAX_DEPTH ? undefined : await stored<ValueSet>(database, 'ValueSet', url);
  if (set === undefined) return undefined;
  const codes = new Map<string, Set<string>>();
  if (set.expansion?.contains) {
    addAll(codes, undefined, set.expansion.contains);
    return codes;
  }
  if (set.compose?.include === undefined) return undefined;
  for (const include of set.compose.include) {
    const included = await codesOfInclude(database, include, depth);
    if (included === undefined) return undefined;
    for (const [system, of] of included) for (const code of of) add(codes, system, code);
  }
  for (const exclude of set.compose.exclude ?? []) {
    const excluded = await codesOfInclude(database, exclude, depth);
    if (excluded === undefined) return undefined;
    for (const [system, of] of excluded) for (const code of of) codes.get(system)?.delete(code);
  }
  return codes;
}

/** All that it names must hold: codes of a system, and each of the value sets (R4 ValueSet.compose.include). */
async function codesOfInclude(database: Query, include: Include, depth: number): Promise<Codes | undefined> {
  const { system, concept, filter = [], valueSet = [] } = include;
  const parts: Codes[] = [];
  if (system !== undefined) {
    const codes = new Map<string, Set<string>>();
    const concepts = concept ?? below(await stored<CodeSystem>(database, 'CodeSystem', system), filter);
    if (concepts === undefined) return undefined;
    addAll(codes, system, concepts);
    parts.push(codes);
  }
  for (const url of valueSet) {
    const codes = await codesOf(database, url, depth + 1);
    if (codes === undefined) return undefined;
    parts.push(codes);
  }
  const [first, ...others] = parts;
  if (first === undefined) return undefined;
  const left = [...first].map(([of, codes]): [string, Set<string>] => [
    of,
    new Set([...codes].filter((code) => others.every((other) => other.get(of)?.has(code) === true))),
  ]);
  return new Map(left);
}

/** The concepts of a whole code system that pass its filters. */
function below(
  codeSystem: CodeSystem | undefined,
  filter: NonNullable<Include['filter']>,
): readonly Concept[] | undefined {
  if (codeSystem?.content !== 'complete') return undefined;
  let concepts = codeSystem.concept ?? [];
  for (const { property, op, value = '' } of filter) {
    if (property !== 'concept' || (op !== 'is-a' && op !== 'descendent-of')) return undefined;
    const root = find(concepts, value);
    concepts = root === undefined ? [] : op === 'is-a' ? [root] : (root.concept ?? []);
  }
  return concepts;
}

function find(concepts: readonly Concept[], code: string): Concept | undefined {
  for (const one of concepts) {
    const found = one.code === code ? one : find(one.concept ?? [], code);
    if (found !== undefined) return found;
  }
  return undefined;
}

function addAll(codes: Map<string, Set<string>>, of: string | undefined, concepts: readonly Concept[]): void {
  for (const { system, code, contains = [], concept = [] } of concepts) {
    if (code !== undefined) add(codes, of ?? system ?? '', code);
    addAll(codes, of, [...contains, ...concept]);
  }
}

function add(codes: Map<string, Set<string>>, system: string, code: string): void {
  const known = codes.get(system) ?? new Set();
  codes.set(system, known.add(code));
  if (known.size > MAX_CODES)
    throw new EngineError(
      'rejected',
      'SEARCH_TOO_COSTLY',
      `a value set has more than ${MAX_CODES} codes; name one that says less`,
    );
}

/** A definition by its canonical address; with a version, only that one. */
async function stored<T>(
  database: Query,
  type: 'ValueSet' | 'CodeSystem',
  canonical: string,
): Promise<T | undefined> {
  const [url = '', version] = canonical.split('|');
  const pairs: QueryPair[] = [['url', url.replace(/[\\$,|]/g, '\\$&')]];
  if (version !== undefined) pairs.push(['version', version.replace(/[\\$,|]/g, '\\$&')]);
  const criteria = compileConditions(type, pairs, {});
  const { matches } = await searchType(database, { criteria, lastUpdated: [] }, undefined, 1);
  const [found] = matches;
  return found === undefined || found.deleted ? undefined : (JSON.parse(found.text) as T);
}
