import { isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import { dateQuery } from './date-query.js';
import type { Leaf } from './expression.js';
import { isPaired, keyPrefix } from './index-keys.js';
import { numberQuery } from './number-query.js';
import { quantityQuery } from './quantity-query.js';
import { alternatives, cutAt, invalidValue } from './query-text.js';
import { referenceQuery } from './reference-query.js';
import {
  type CompositePart,
  parametersOf,
  type SearchKind,
  type SearchParameter,
} from './search-parameters.js';
import { stringQuery } from './string-query.js';
import { inValueSetQuery, ofTypeQuery, tokenQuery, tokenTextQuery } from './token-query.js';
import { uriQuery } from './uri-query.js';
import type { QueryContext, Span, Target, Test, ValueQuery } from './value-query.js';

/** What one parameter of a query asks of a resource. */
export interface Condition {
  /** Index keys: whatever matches has one of them. Undefined: no index serves. */
  readonly keys: readonly string[] | undefined;
  /** How many candidates the keys may lead to; smaller is better. */
  readonly rank: number;
  /** Of references: the resources of this server that are asked for. */
  readonly targets?: readonly Target[];
  /** Of a time of which there is never more than one: what it overlaps with when it matches. */
  readonly reach?: Span | undefined;
  matches(resource: object): boolean;
}

/** Which index leads to the fewest candidates, by kind; smaller is better. */
const breadth: Readonly<Record<SearchKind, number>> = {
  reference: 1,
  uri: 2,
  string: 3,
  composite: 3,
  token: 4,
  date: 5,
  quantity: 6,
  number: 6,
};

/** Names that lead to fewer than their kind says. */
const bestNames: Readonly<Record<string, number>> = { identifier: 0, patient: 0.6 };

/** Modifiers by kind; a reference also takes the name of a resource type. */
const modifiers: Readonly<Record<SearchKind, readonly string[]>> = {
  token: ['missing', 'not', 'text', 'in', 'not-in', 'of-type'],
  string: ['missing', 'exact', 'contains'],
  reference: ['missing', 'identifier'],
  date: ['missing'],
  number: ['missing'],
  quantity: ['missing'],
  uri: ['missing', 'above', 'below'],
  composite: ['missing'],
};

/** The modifiers that a parameter of `kind` takes, for a refusal. */
function modifierNames(kind: SearchKind): string {
  const names = modifiers[kind].map((name) => `:${name}`).join(', ');
  return kind === 'reference' ? `${names}, the name of a resource type` : names;
}

/**
 * Compiles `name:modifier=value` of a resource type. Throws `rejected` SEARCH_PARAMETER_UNKNOWN for a modifier that the
 * parameter does not take, SEARCH_VALUE_INVALID.
 */
export function compileCondition(
  type: string,
  parameter: SearchParameter,
  modifier: string | undefined,
  text: string,
  context: QueryContext,
): Condition {
  const { name, kind } = parameter;
  const typeModifier = kind === 'reference' && modifier !== undefined && isResourceType(modifier);
  if (modifier !== undefined && !typeModifier && !modifiers[kind].includes(modifier)) {
    throw new EngineError(
      'rejected',
      'SEARCH_PARAMETER_UNKNOWN',
      `the search parameter '${name}' has no modifier ':${modifier.slice(0, 64)}' here; possible: ${modifierNames(kind)}`,
      { cause: { at: `http.${name}` } },
    );
  }
  if (modifier === 'missing') return missingCondition(parameter, text);
  const values = alternatives(name, text);
  if (kind === 'composite') {
    const queries = values.map((value) => compositeQuery(type, parameter, value, context));
    return {
      keys: keysOf(queries),
      rank: Math.max(...queries.map(({ rank }) => rank)),
      matches: (resource) => queries.some(({ matches }) => matches(resource)),
    };
  }
  const rank = bestNames[name] ?? breadth[kind];
  const queries = values.map((value) => valueQuery(kind, parameter, modifier, value, context));
  const negated = modifier === 'not' || modifier === 'not-in';
  const keys = negated ? undefined : keysOf(queries);
  const tests = queries.map(({ test }) => test);
  return {
    keys: keys?.map((key) => `${keyPrefix(type, parameter)}${key}`),
    rank,
    targets: queries.flatMap(({ target }) => target ?? []),
    reach: parameter.extract.single === true && queries.length === 1 ? queries[0]?.reach : undefined,
    matches: (resource) => some(resource, parameter, tests) !== negated,
  };
}

function keysOf(queries: readonly Pick<ValueQuery, 'keys'>[]): string[] | undefined {
  const keys = new Set<string>();
  for (const query of queries) {
    if (query.keys === undefined) return undefined;
    for (const key of query.keys) keys.add(key);
  }
  return [...keys];
}

function some(
  element: object,
  { extract }: Pick<SearchParameter, 'extract'>,
  tests: readonly Test[],
): boolean {
  let found = false;
  extract(element, (value, leaf) => {
    if (!found) for (const test of tests) if (test(value, leaf)) found = true;
  });
  return found;
}

function missingCondition(parameter: SearchParameter, text: string): Condition {
  if (text !== 'true' && text !== 'false')
    throw invalidValue(parameter.name, 'with :missing needs true or false');
  return {
    keys: undefined,
    rank: breadth[parameter.kind],
    matches: (resource) => some(resource, parameter, [() => true]) === (text === 'false'),
  };
}

function valueQuery(
  kind: Exclude<SearchKind, 'composite'>,
  { name, targets }: Pick<SearchParameter, 'name' | 'targets'>,
  modifier: string | undefined,
  value: string,
  context: QueryContext,
): ValueQuery {
  switch (kind) {
    case 'token':
      if (modifier === 'text') return tokenTextQuery(value);
      if (modifier === 'of-type') return ofTypeQuery(name, value);
      if (modifier === 'in' || modifier === 'not-in') return inValueSetQuery(name, value, context);
      return tokenQuery(name, value);
    case 'string':
      return stringQuery(value, modifier as 'exact' | 'contains' | undefined);
    case 'reference':
      if (modifier === 'identifier') return identifierQuery(name, value);
      return referenceQuery(value, modifier ?? (targets.length === 1 ? targets[0] : undefined), context);
    case 'date':
      return dateQuery(name, value, context.nowMs);
    case 'number':
      return numberQuery(name, value);
    case 'quantity':
      return quantityQuery(name, value);
    case 'uri':
      return uriQuery(value, modifier as 'above' | 'below' | undefined);
  }
}

const identifierLeaf: Leaf = { type: 'Identifier', systems: undefined };

/** `:identifier`: the Reference says that identifier; where it points does not matter. */
function identifierQuery(name: string, value: string): ValueQuery {
  const { test, keys } = tokenQuery(name, value);
  return {
    test: (reference) => test((reference as { identifier?: unknown }).identifier, identifierLeaf),
    keys,
  };
}

/** Most keys of one pair of parts; more are left to the better part alone. */
const MAX_PAIRED = 2_000;

interface CompositeQuery {
  readonly matches: (resource: object) => boolean;
  /** Whole, with what stands before a key. */
  readonly keys: readonly string[] | undefined;
  readonly rank: number;
}

/** One `a$b` of a composite parameter: an element all of whose parts match (R4 search, section 3.1.1.4.15). */
function compositeQuery(
  type: string,
  parameter: SearchParameter,
  text: string,
  context: QueryContext,
): CompositeQuery {
  const { name, elements } = parameter;
  const values = cutAt(text, '$');
  const parts = elements[0]?.parts ?? [];
  if (values.length !== parts.length) throw invalidValue(name, `needs ${parts.length} values joined by $`);
  const queries = values.map((value, at) => {
    const kind = parts[at]?.kind as Exclude<SearchKind, 'composite'>;
    return valueQuery(kind, { name, targets: [] }, undefined, value, context);
  });
  const partMatches = (part: CompositePart, at: number, element: object, resource: object): boolean =>
    some(part.fromResource ? resource : element, part, [queries[at]?.test as Test]);
  const matches = (resource: object): boolean => {
    let found = false;
    for (const { extract, parts: own } of elements) {
      extract(resource, (element) => {
        if (found || typeof element !== 'object' || element === null) return;
        found = own.every((part, at) => partMatches(part, at, element, resource));
      });
    }
    return found;
  };
  return { matches, ...compositeKeys(type, parameter, queries) };
}

/** Codes with quantities are in the index as pairs; of other parameters the best part leads to candidates. */
function compositeKeys(
  type: string,
  parameter: SearchParameter,
  queries: readonly ValueQuery[],
): Pick<CompositeQuery, 'keys' | 'rank'> {
  const [first, second] = queries;
  const pairs = (first?.keys?.length ?? 0) * (second?.keys?.length ?? 0);
  if (isPaired(parameter) && pairs > 0 && pairs <= MAX_PAIRED) {
    const prefix = keyPrefix(type, parameter);
    const keys = first?.keys?.flatMap((code) => second?.keys?.map((key) => `${prefix}${code}$${key}`) ?? []);
    return { keys, rank: breadth.composite };
  }
  const ranked = queries.flatMap(({ keys }, at) => {
    const part = parameter.elements[0]?.parts[at];
    const own = part && parametersOf(type).get(part.name);
    if (keys === undefined || own?.kind !== part?.kind || own === undefined) return [];
    const prefix = keyPrefix(type, own);
    return [{ keys: keys.map((key) => `${prefix}${key}`), rank: breadth[own.kind] }];
  });
  return ranked.sort((a, b) => a.rank - b.rank)[0] ?? { keys: undefined, rank: breadth.composite };
}
