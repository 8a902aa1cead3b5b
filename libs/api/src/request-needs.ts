import type { Need, Permission } from '#access';
import { isResourceType } from '#fhir';
import { type HttpRequest, headerText, queryPairs } from './http-exchange.js';

/** A request below /fhir, as far as it says what it wants. Of a routed request, what stands for an id may be the pattern's `:id`. */
export interface AskedFor {
  readonly method: string;
  readonly segments: readonly string[];
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly ifMatch: boolean;
  /** The condition of If-None-Exist. */
  readonly ifNoneExist: string | undefined;
}

/** `open`: for everybody; `operator`: for nobody else; a list: for whoever is allowed all of it, and has a token where it is empty. */
export type Requirement = 'open' | 'operator' | readonly Need[];

/**
 * What a routed request requires. Decided on the route that was found, so no spelling of the path gets around it; undefined where no route was
 * found: nothing is there, for nobody. What nobody thought of here is the operator's.
 */
export function requirementOf(request: HttpRequest): Requirement | undefined {
  const route = request.routeOptions.url;
  if (route === undefined) return undefined;
  if (/^\/admin(\/|$)/.test(route)) return 'operator';
  const [root, ...pattern] = route.split('/').slice(1);
  if (root !== 'fhir') return 'open';
  const segments = pattern.filter((part) => part !== '').map((part) => typeIn(part, request.params));
  // Nothing is there either; the handler says so.
  if (pattern[0] === ':type' && !isResourceType(segments[0] ?? '')) return [];
  return requirementFor({
    method: request.method,
    segments,
    query: queryPairs(request.url),
    ifMatch: headerText(request, 'if-match') !== undefined,
    ifNoneExist: headerText(request, 'if-none-exist'),
  });
}

/** What a request wrote where the pattern has a type; ids stay as the pattern has them. */
function typeIn(part: string, params: HttpRequest['params']): string {
  return part === ':type' || part === ':owner' ? (params[part.slice(1)] ?? '') : part;
}

/** The same for an entry of a transaction: its method, and an address below /fhir. */
export function requirementForEntry(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
): Requirement {
  const path = url.split('?', 1)[0] ?? '';
  return requirementFor({
    method,
    segments: path.split('/').filter((part) => part !== ''),
    query: queryPairs(url),
    ifMatch: headers['if-match'] !== undefined,
    ifNoneExist: headers['if-none-exist'],
  });
}

/** SMART App Launch 2.2, scopes: which letters an interaction takes. */
export function requirementFor(asked: AskedFor): Requirement {
  const [first, ...rest] = asked.segments;
  // Asks what may be asked, and carries no token (CORS).
  if (asked.method === 'OPTIONS') return 'open';
  const isRead = asked.method === 'GET' || asked.method === 'HEAD';
  // A batch or transaction: each entry requires what it would by itself.
  if (first === undefined) return isRead ? searchOf('*', asked) : [];
  if (isRead && ['metadata', 'openapi.json', '.well-known'].includes(first)) return 'open';
  if (first.startsWith('$')) return operationOf('*', first, asked);
  if (first === '_search' || (first === '_history' && isRead)) return searchOf('*', asked);
  // Whose job it is, the handler asks.
  if (first === '_bulk' && (isRead || asked.method === 'DELETE')) return [];
  return isResourceType(first) ? belowType(first, rest, asked, isRead) : 'operator';
}

function belowType(type: string, rest: readonly string[], asked: AskedFor, isRead: boolean): Requirement {
  const operation = rest.find((segment) => segment.startsWith('$'));
  if (operation !== undefined) return operationOf(type, operation, asked);
  if (rest.at(-1) === '_search')
    return rest.length === 1 ? searchOf(type, asked) : compartmentOf(asked, rest[1]);
  if (rest.length === 0) return ofType(type, asked);
  if (rest[0] === '_history') return isRead ? searchOf(type, asked) : 'operator';
  if (rest.length === 1) return ofInstance(type, asked);
  if (rest[1] !== '_history') return isRead && rest.length === 2 ? compartmentOf(asked, rest[1]) : 'operator';
  if (rest.length > 3) return 'operator';
  if (isRead) return needs(type, 'r');
  return asked.method === 'DELETE' ? needs(type, 'd') : 'operator';
}

/** Create, search, and what goes by a condition: that one tells what is there, so it takes `s` too. */
function ofType(type: string, asked: AskedFor): Requirement {
  switch (asked.method) {
    case 'GET':
    case 'HEAD':
      return searchOf(type, asked);
    case 'POST': {
      const condition = asked.ifNoneExist;
      if (condition === undefined) return writing(type, 'c');
      return [...writing(type, 'c'), ...needsOfCondition(type, condition)];
    }
    case 'PUT':
      return [...writing(type, updating(asked)), ...searchOf(type, asked)];
    case 'PATCH':
      return [...writing(type, 'u'), ...searchOf(type, asked)];
    case 'DELETE':
      return [...needs(type, 'd'), ...searchOf(type, asked)];
    default:
      return 'operator';
  }
}

function ofInstance(type: string, asked: AskedFor): Requirement {
  switch (asked.method) {
    case 'GET':
    case 'HEAD':
      return needs(type, 'r');
    case 'PUT':
      return writing(type, updating(asked));
    case 'PATCH':
      return writing(type, 'u');
    case 'DELETE':
      return needs(type, 'd');
    default:
      return 'operator';
  }
}

/** An update makes the resource where there is none, but for one that names a version. */
function updating({ ifMatch }: AskedFor): string {
  return ifMatch ? 'u' : 'cu';
}

/** A Subscription has whatever it matches sent out: who files one must be allowed to read that. */
function writing(type: string, letters: string): Need[] {
  return type === 'Subscription' ? [...needs(type, letters), ...needs('*', 'rs')] : needs(type, letters);
}

function searchOf(type: string, { query }: AskedFor): Need[] {
  const types = type === '*' ? typesOf(query) : [type];
  return [...types.flatMap((one) => needs(one, 's')), ...reachOf(query)];
}

/** `Patient/1/Observation` searches Observations. */
function compartmentOf(asked: AskedFor, type = ''): Requirement {
  return type === '*' || isResourceType(type) ? searchOf(type, asked) : 'operator';
}

/** The types that `_type` names; all where it names none. */
function typesOf(query: AskedFor['query']): string[] {
  const named = query.filter(([name]) => name === '_type').flatMap(([, value]) => value.split(','));
  return named.length === 0 ? ['*'] : named;
}

/** What SMART has no letter for. An operation that is not here is the operator's. */
function operationOf(type: string, operation: string, asked: AskedFor): Requirement {
  const isOnInstance = asked.segments.length > 2;
  switch (operation) {
    case '$validate':
      return isOnInstance ? needs(type, 'r') : [];
    case '$everything':
      return needs('*', 'rs');
    case '$export':
      // Asked by POST, the types stand in the body.
      return (asked.method === 'GET' ? typesOf(asked.query) : ['*']).flatMap((one) => needs(one, 'rs'));
    case '$import':
      return needs('*', 'cu');
    case '$lastn':
      return [...needs(type, 'rs'), ...reachOf(asked.query)];
    case '$meta':
      // Of a type, or of all, it tells what is there.
      return needs(type, isOnInstance ? 'r' : 'rs');
    case '$status':
      return needs(type, 'r');
    case '$meta-add':
    case '$meta-delete':
      return needs(type, 'u');
    case '$events':
    case '$get-ws-binding-token':
      // Both lead to whatever the subscription matches.
      return [...needs(type, 'r'), ...needs('*', 'rs')];
    default:
      return 'operator';
  }
}

/** What asking a condition takes: the answer, whatever it is, tells what is there. */
export function needsOfCondition(type: string, criteria: string): Need[] {
  return [...needs(type, 's'), ...reachOf([...new URLSearchParams(criteria)])];
}

/** What a search reaches beyond its own type: by chains, by `_has`, and by what is included. */
export function reachOf(query: AskedFor['query']): Need[] {
  return query.flatMap(([name, value]) => {
    const [parameter = ''] = name.split(':');
    if (parameter === '_include') return needs(value.split(':')[2] ?? '*', 'r');
    if (parameter === '_revinclude') return needs(value.split(':')[0] ?? '*', 's');
    if (parameter === '_filter' || parameter === '_query') return needs('*', 's');
    if (parameter === '_list') return needs('List', 'r');
    const reverse = name.split('_has:').slice(1);
    const chained = name.split('.').slice(0, -1);
    return [
      ...reverse.flatMap((part) => needs(part.split(':')[0] ?? '*', 's')),
      ...chained.flatMap((link) =>
        needs(link.replace(/^(?:_has:[^:]*:[^:]*:)+/, '').split(':')[1] ?? '*', 's'),
      ),
    ];
  });
}

/** Of a type that nobody knows, all are needed. */
function needs(type: string, letters: string): Need[] {
  const known = isResourceType(type) ? type : '*';
  return Array.from(letters, (letter) => ({ type: known, permission: letter as Permission }));
}
