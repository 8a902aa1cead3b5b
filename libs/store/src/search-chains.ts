import type { Query } from '#database';
import { isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import {
  alternatives,
  compileConditions,
  cutModifier,
  invalidValue,
  parametersOf,
  type QueryContext,
  type QueryPair,
  requireType,
  searchParameterNames,
  targetOf,
  unknownParameter,
} from '#search';
import { readResources } from './read-resource.js';
import { hereOf } from './search-inclusions.js';
import { searchType } from './search-resources.js';

/** Most resources at each link of a chain, and most links: a chain is one search for each. */
const MAX_LINKED = 500;
const MAX_DEPTH = 4;

/**
 * Follows chains (`subject:Patient.name=x`), lists (`_list=x`) and reverse chains (`_has:Observation:patient:code=x`) of one type (R4 search, sections
 * 3.1.1.5.4 and 3.1.1.5.5): the pairs that are left look at one resource only. undefined: a chain leads nowhere, so nothing matches.
 * Throws `rejected` SEARCH_TOO_COSTLY when a link holds more than 500 resources.
 */
export async function followChains(
  database: Query,
  type: string,
  pairs: readonly QueryPair[],
  context: QueryContext,
  depth = 0,
): Promise<QueryPair[] | undefined> {
  if (depth > MAX_DEPTH) throw tooLong(`a chain has at most ${MAX_DEPTH} links`);
  const plain: QueryPair[] = [];
  for (const pair of pairs) {
    const [name] = pair;
    let next: QueryPair | undefined = pair;
    if (name === '_list') next = await members(database, type, pair);
    else if (name.startsWith('_has:')) next = await reverse(database, type, pair, context, depth);
    else if (name.includes('.')) next = await forward(database, type, pair, context, depth);
    if (next === undefined) return undefined;
    plain.push(next);
  }
  return plain;
}

async function forward(
  database: Query,
  type: string,
  [name, value]: QueryPair,
  context: QueryContext,
  depth: number,
): Promise<QueryPair | undefined> {
  const dot = name.indexOf('.');
  const [base, said] = cutModifier(name.slice(0, dot));
  const parameter = parametersOf(type).get(base);
  if (parameter === undefined) throw unknownParameter(name, type, searchParameterNames(type));
  if (parameter.kind !== 'reference' || (said !== undefined && !isResourceType(said))) {
    throw invalidValue(
      name,
      'is no chain: it begins with a reference parameter, perhaps with a resource type',
    );
  }
  const rest = name.slice(dot + 1);
  const [first = ''] = cutModifier(rest.split('.')[0] ?? '');
  const has = (target: string): boolean => ['_id', '_has'].includes(first) || parametersOf(target).has(first);
  const targets = (said === undefined ? parameter.targets : [said]).filter(has);
  if (targets.length === 0)
    throw unknownParameter(name, said ?? parameter.targets.join(' or '), [
      ...parametersOf(said ?? parameter.targets[0] ?? '').keys(),
    ]);
  const found: string[] = [];
  for (const target of targets) {
    found.push(
      ...(await matching(database, target, [[rest, value]], context, depth)).map(
        ({ id }) => `${target}/${id}`,
      ),
    );
  }
  if (found.length > MAX_LINKED) throw tooLong();
  return found.length === 0 ? undefined : [base, found.join(',')];
}

async function reverse(
  database: Query,
  type: string,
  [name, value]: QueryPair,
  context: QueryContext,
  depth: number,
): Promise<QueryPair | undefined> {
  const [, source = '', base = '', ...rest] = name.split(':');
  requireType(source);
  const parameter = parametersOf(source).get(base);
  if (parameter?.kind !== 'reference' || rest.length === 0) {
    throw invalidValue(name, 'is written as _has:Type:reference:parameter');
  }
  const ids = new Set<string>();
  for (const { text } of await matching(database, source, [[rest.join(':'), value]], context, depth)) {
    parameter.extract(JSON.parse(text) as object, (element, leaf) => {
      const target = hereOf(targetOf(element, leaf), context.ownUrl);
      if (target?.type === type) ids.add(target.id);
    });
  }
  if (ids.size > MAX_LINKED) throw tooLong();
  return ids.size === 0 ? undefined : ['_id', [...ids].join(',')];
}

/** `_list`: what is on Lists of this server, by their ids (R4 search, section 3.1.1.5.9). */
async function members(
  database: Query,
  type: string,
  [name, value]: QueryPair,
): Promise<QueryPair | undefined> {
  const lists = alternatives(name, value);
  if (lists.some((id) => !/^[A-Za-z0-9\-.]{1,64}$/.test(id)))
    throw invalidValue(name, 'takes ids of Lists; lists with a name ($current-...) are not made here');
  const ids = new Set<string>();
  for (const outcome of await readResources(
    database,
    lists.map((id) => ({ type: 'List', id })),
  )) {
    if (!('found' in outcome)) throw outcome.error;
    if (outcome.found === undefined || outcome.found.deleted) continue;
    const { entry = [] } = JSON.parse(outcome.found.text) as {
      entry?: { deleted?: boolean; item?: { reference?: string } }[];
    };
    for (const { deleted, item } of entry) {
      const [of, id] = item?.reference?.split('/') ?? [];
      if (deleted !== true && of === type && id !== undefined) ids.add(id);
    }
  }
  if (ids.size > MAX_LINKED) throw tooLong();
  return ids.size === 0 ? undefined : ['_id', [...ids].join(',')];
}

async function matching(
  database: Query,
  type: string,
  pairs: readonly QueryPair[],
  context: QueryContext,
  depth: number,
): Promise<{ id: string; text: string }[]> {
  const plain = await followChains(database, type, pairs, context, depth + 1);
  if (plain === undefined) return [];
  const criteria = compileConditions(type, plain, context);
  const page = await searchType(database, { criteria, lastUpdated: [] }, undefined, MAX_LINKED);
  if (page.next !== undefined) throw tooLong();
  return page.matches.flatMap((version) => (version.deleted ? [] : [{ id: version.id, text: version.text }]));
}

function tooLong(
  problem = `a chain leads over more than ${MAX_LINKED} resources; narrow it down`,
): EngineError {
  return new EngineError('rejected', 'SEARCH_TOO_COSTLY', problem);
}
