import { isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import { dateQuery } from './date-query.js';
import type { Leaf } from './expression.js';
import { keyPrefix } from './index-keys.js';
import { numberQuery } from './number-query.js';
import { quantityQuery } from './quantity-query.js';
import { alternatives, cutAt, invalidValue } from './query-text.js';
import { referenceQuery } from './reference-query.js';
import type { CompositePart, SearchKind, SearchParameter } from './search-parameters.js';
import { stringQuery } from './string-query.js';
import { inValueSetQuery, ofTypeQuery, tokenQuery, tokenTextQuery } from './token-query.js';
import { uriQuery } from './uri-query.js';
import type { QueryContext, Span, Target, Test, ValueQuery } from './value-query.js';

/** What one parameter of a query asks of a resource. */
export interface Condition {
  /** Index keys: whatever matches has one of them. Undefined: no index serves. */
  readonly keys: readonly string[] | undefined;
  /** Of references: the resources of this server that are asked for. */
  readonly targets?: readonly Target[];
  /** Of a time of which there is never more than one: what it overlaps with when it matches. */
  readonly reach?: Span | undefined;
  matches(resource: object): boolean;
}

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
    const queries = values.map((value) => compositeQuery(parameter, value, context));
    return { keys: undefined, matches: (resource) => queries.some((matches) => matches(resource)) };
  }
  const queries = values.map((value) => valueQuery(kind, parameter, modifier, value, context));
  const negated = modifier === 'not' || modifier === 'not-in';
  const keys = negated ? undefined : keysOf(queries);
  const tests = queries.map(({ test }) => test);
  return {
    keys: keys?.map((key) => `${keyPrefix(type, parameter)}${key}`),
    targets: queries.flatMap(({ target }) => target ?? []),
    reach: parameter.extract.single === true && queries.length === 1 ? queries[0]?.reach : undefined,
    matches: (resource) => some(resource, parameter, tests) !== negated,
  };
}

function keysOf(queries: readonly ValueQuery[]): string[] | undefined {
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
  const { test } = tokenQuery(name, value);
  return {
    test: (reference) => test((reference as { identifier?: unknown }).identifier, identifierLeaf),
    keys: undefined,
  };
}

/** One `a$b` of a composite parameter: an element all of whose parts match (R4 search, section 3.1.1.4.15). */
function compositeQuery(
  parameter: SearchParameter,
  text: string,
  context: QueryContext,
): (resource: object) => boolean {
  const { name, elements } = parameter;
  const values = cutAt(text, '$');
  const count = elements[0]?.parts.length ?? 0;
  if (values.length !== count) throw invalidValue(name, `needs ${count} values joined by $`);
  const tests = values.map((value, at) => {
    const kind = elements[0]?.parts[at]?.kind as Exclude<SearchKind, 'composite'>;
    return valueQuery(kind, { name, targets: [] }, undefined, value, context).test;
  });
  const partMatches = (part: CompositePart, at: number, element: object, resource: object): boolean =>
    some(part.fromResource ? resource : element, part, [tests[at] as Test]);
  return (resource) => {
    let found = false;
    for (const { extract, parts } of elements) {
      extract(resource, (element) => {
        if (found || typeof element !== 'object' || element === null) return;
        found = parts.every((part, at) => partMatches(part, at, element, resource));
      });
    }
    return found;
  };
}
