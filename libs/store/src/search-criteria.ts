import { isResourceType } from '#fhir';
import { EngineError, hash64 } from '#kernel';
import { parametersOf, type SearchParameter } from './search-parameters.js';
import {
  parseReferenceQuery,
  patientHash,
  type ReferenceQuery,
  referenceMatches,
  referenceTargets,
} from './search-reference.js';
import { identifierTokens, parseToken, searchKey, tokenMatches, unescapeValue } from './search-token.js';

/** Where to look for what matches: everything that does is under one of these, and other things may be. */
export interface Candidates {
  readonly hashes: readonly bigint[];
  readonly patients: readonly bigint[];
}

/** What resources of one type must look like. */
export interface Criteria {
  readonly type: string;
  /** Only these ids can match; undefined: any. */
  readonly ids: readonly string[] | undefined;
  /** The best index found; undefined: none, every resource of the type is a candidate. */
  readonly candidates: Candidates | undefined;
  /** True when every candidate of the type matches without being looked at. */
  readonly unconditional: boolean;
  matches(resource: object): boolean;
}

/** A `name=value` of a query, decoded, in order; the name may carry a modifier. */
export type QueryPair = readonly [name: string, value: string];

interface Condition {
  readonly candidates: Candidates | undefined;
  matches(resource: object): boolean;
}

/** Most alternatives (`a,b,c`) of one parameter, and most parameters: bounds what one request may cost. */
const MAX_ALTERNATIVES = 500;
const MAX_PARAMETERS = 50;

/**
 * Compiles `Type?name=value&...` as a subscription states it. Throws `rejected`: SEARCH_TYPE_UNKNOWN,
 * SEARCH_PARAMETER_UNKNOWN with the list of what exists, SEARCH_VALUE_INVALID.
 */
export function compileCriteria(text: string): Criteria {
  const mark = text.indexOf('?');
  const type = mark < 0 ? text : text.slice(0, mark);
  const pairs = mark < 0 ? [] : [...new URLSearchParams(text.slice(mark + 1))];
  return compileConditions(type, pairs, undefined);
}

/** `compileCriteria` for a query that is cut into pairs already. `ownUrl`: the address under which this server is asked. */
export function compileConditions(
  type: string,
  pairs: readonly QueryPair[],
  ownUrl: string | undefined,
): Criteria {
  if (!isResourceType(type)) {
    throw new EngineError('rejected', 'SEARCH_TYPE_UNKNOWN', 'this is no resource type of FHIR R4');
  }
  if (pairs.length > MAX_PARAMETERS) {
    throw new EngineError(
      'rejected',
      'SEARCH_TOO_COSTLY',
      `a search has at most ${MAX_PARAMETERS} parameters`,
    );
  }
  let ids: readonly string[] | undefined;
  const conditions: Condition[] = [];
  for (const [name, value] of pairs) {
    if (name === '_id') {
      const asked = alternatives(name, value).map(unescapeValue);
      ids = ids === undefined ? asked : ids.filter((id) => asked.includes(id));
    } else {
      conditions.push(compileParameter(type, name, value, ownUrl));
    }
  }
  return {
    type,
    ids,
    candidates: conditions.find((condition) => condition.candidates !== undefined)?.candidates,
    unconditional: ids === undefined && conditions.length === 0,
    matches: (resource) => {
      const { resourceType, id } = resource as { resourceType?: unknown; id?: unknown };
      if (resourceType !== type) return false;
      if (ids !== undefined && !(typeof id === 'string' && ids.includes(id))) return false;
      for (const condition of conditions) if (!condition.matches(resource)) return false;
      return true;
    },
  };
}

/** The names that a search of `type` may use for content, `_id` first. */
export function searchParameterNames(type: string): string[] {
  return ['_id', ...parametersOf(type).keys()];
}

/** Says what is wrong with a parameter, where (FHIR names a query parameter `http.name`), and what exists instead. */
export function unknownParameter(name: string, type: string, known: readonly string[]): EngineError {
  const shown = name.slice(0, 64);
  return new EngineError(
    'rejected',
    'SEARCH_PARAMETER_UNKNOWN',
    `${type} has no search parameter '${shown}'; it has ${known.join(', ')}`,
    { cause: { at: `http.${shown}` } },
  );
}

function compileParameter(
  type: string,
  nameAndModifier: string,
  text: string,
  ownUrl: string | undefined,
): Condition {
  const colon = nameAndModifier.indexOf(':');
  const name = colon < 0 ? nameAndModifier : nameAndModifier.slice(0, colon);
  const modifier = colon < 0 ? undefined : nameAndModifier.slice(colon + 1);
  const parameter = parametersOf(type).get(name);
  if (parameter === undefined) throw unknownParameter(nameAndModifier, type, searchParameterNames(type));
  const values = alternatives(name, text);
  switch (parameter.kind) {
    case 'token':
      if (modifier !== undefined) throw unknownModifier(name, modifier, 'none');
      return tokenCondition(type, parameter, values);
    case 'reference':
      if (modifier !== undefined && !isResourceType(modifier)) {
        throw unknownModifier(name, modifier, 'the name of a resource type');
      }
      return referenceCondition(
        type,
        parameter,
        values.map((value) => parseReferenceQuery(value, modifier ?? parameter.target, ownUrl)),
      );
  }
}

function tokenCondition(type: string, parameter: SearchParameter, values: readonly string[]): Condition {
  const queries = values.map((value) => parseToken(value, parameter.name));
  const hashes: bigint[] = [];
  for (const { system, value } of queries) {
    if (value !== undefined) hashes.push(hash64(searchKey(type, parameter.name, system ?? '', value)));
  }
  return {
    // A value that only names a system has no hash; then the index would miss what it matches.
    candidates: hashes.length === queries.length ? { hashes, patients: [] } : undefined,
    matches: (resource) => {
      const tokens = identifierTokens(parameter.values(resource));
      return queries.some((query) => tokens.some((token) => tokenMatches(query, token)));
    },
  };
}

function referenceCondition(
  type: string,
  parameter: SearchParameter,
  queries: readonly ReferenceQuery[],
): Condition {
  const hashes: bigint[] = [];
  const patients: bigint[] = [];
  for (const query of queries) {
    const system = query.here ? (query.type ?? '') : '';
    hashes.push(hash64(searchKey(type, parameter.name, system, query.here ? query.id : query.url)));
    if (query.here && (query.type === undefined || query.type === 'Patient')) {
      patients.push(patientHash(query.id));
    }
  }
  return {
    candidates: { hashes, patients },
    matches: (resource) => {
      const targets = referenceTargets(parameter.values(resource));
      return queries.some((query) => targets.some((target) => referenceMatches(query, target)));
    },
  };
}

/** Cuts at commas that are not escaped (R4 search, section 3.1.1.3.1). */
export function alternatives(name: string, text: string): string[] {
  const values: string[] = [];
  let start = 0;
  for (let index = 0; index <= text.length; index++) {
    if (text[index] === '\\') index++;
    else if (index === text.length || text[index] === ',') {
      if (index > start) values.push(text.slice(start, index));
      start = index + 1;
    }
  }
  if (start < text.length) values.push(text.slice(start)); // the text ends in a lone backslash
  if (values.length === 0 || values.length > MAX_ALTERNATIVES) {
    throw new EngineError(
      'rejected',
      'SEARCH_VALUE_INVALID',
      `the search parameter '${name}' needs from 1 to ${MAX_ALTERNATIVES} values`,
      { cause: { at: `http.${name}` } },
    );
  }
  return values;
}

function unknownModifier(name: string, modifier: string, known: string): EngineError {
  return new EngineError(
    'rejected',
    'SEARCH_PARAMETER_UNKNOWN',
    `the search parameter '${name}' has no modifier ':${modifier.slice(0, 64)}' here; possible: ${known}`,
    { cause: { at: `http.${name}` } },
  );
}
