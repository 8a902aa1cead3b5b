import { resourceTypes } from '#fhir';
import type { Route } from './interaction.js';
import { requirementFor } from './request-needs.js';

/** What the document is made of. */
export interface RoutedApi {
  /** Of all controllers, those that win first. */
  readonly routes: readonly Route[];
  readonly searchable: (type: string) => readonly { readonly name: string; readonly kind: string }[];
  readonly address: string;
  readonly tokenEndpoint: string;
  readonly softwareVersion: string;
}

const ROOT = '/fhir';
const FHIR_TYPES = ['application/fhir+json', 'application/fhir+xml'];
const resourceContent = content({ $ref: '#/components/schemas/Resource' }, FHIR_TYPES);

type Operation = Readonly<Record<string, unknown>>;

/** The JSON of an OpenAPI 3.0 document of all that is routed below /fhir, each resource type by itself, with the scopes that each operation takes. */
export function openApi(api: RoutedApi): string {
  const paths: Record<string, Record<string, Operation>> = {};
  const scopes = new Map<string, string>();
  const ids = new Set<string>();
  for (const route of api.routes) {
    if (!route.path.startsWith(ROOT)) continue;
    for (const type of route.path.includes(':type') ? resourceTypes : [undefined]) {
      const pattern = route.path.slice(ROOT.length).replace(':type', type ?? '');
      const path = pattern.replace(/:(\w+)/g, '{$1}') || '/';
      const item = (paths[path] ??= {});
      const method = route.method.toLowerCase();
      if (item[method] !== undefined) continue;
      const operationId = freeId(`${route.handler}${type ?? /\w+/.exec(pattern)?.[0] ?? ''}`, ids);
      item[method] = { operationId, ...operationOf(api, route, pattern, scopes) };
    }
  }
  return JSON.stringify({
    openapi: '3.0.3',
    info: { title: 'Suture FHIR R4', version: api.softwareVersion },
    servers: [{ url: api.address }],
    paths,
    components: components(api.tokenEndpoint, scopes),
  });
}

function operationOf(api: RoutedApi, route: Route, pattern: string, scopes: Map<string, string>): Operation {
  const segments = pattern.split('/').filter((part) => part !== '');
  const type = /^[A-Z]/.test(segments[0] ?? '') ? (segments[0] ?? '') : '';
  const names = [...pattern.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const isSearch = route.method === 'GET' && type !== '' && segments.length === 1;
  const parameters = [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...(isSearch ? api.searchable(type).map(searchParameter) : []),
  ];
  return {
    summary: `${route.interaction ?? wordsOf(route.handler)}${type === '' ? '' : ` ${type}`}`,
    ...(type === '' ? {} : { tags: [type] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...bodyOf(route, segments),
    responses: {
      [route.interaction === 'create' ? '201' : '200']: { $ref: '#/components/responses/Resource' },
      default: { $ref: '#/components/responses/OperationOutcome' },
    },
    security: securityOf(route, segments, scopes),
  };
}

/** Handlers of several controllers may have one name. */
function freeId(wanted: string, ids: Set<string>): string {
  let id = wanted;
  for (let n = 2; ids.has(id); n++) id = `${wanted}${n}`;
  ids.add(id);
  return id;
}

function searchParameter({ name, kind }: { readonly name: string; readonly kind: string }): object {
  return { name, in: 'query', description: kind, schema: { type: 'string' } };
}

function bodyOf({ method }: Route, segments: readonly string[]): object {
  if (method === 'GET' || method === 'DELETE') return {};
  const form = { type: 'object', additionalProperties: { type: 'string' } };
  if (segments.at(-1) === '_search')
    return { requestBody: { content: content(form, ['application/x-www-form-urlencoded']) } };
  const patch = { type: 'array', items: { type: 'object' } };
  const accepted = method === 'PATCH' ? content(patch, ['application/json-patch+json']) : resourceContent;
  return { requestBody: { required: true, content: accepted } };
}

/** What the operation requires (request-needs.ts), as scopes; either those, or the token of the operator. */
function securityOf(route: Route, segments: readonly string[], scopes: Map<string, string>): object[] {
  const { method } = route;
  const requirement = requirementFor({ method, segments, query: [], ifMatch: false, ifNoneExist: undefined });
  if (requirement === 'open') return [];
  if (requirement === 'operator') return [{ operator: [] }];
  const names = requirement.map(({ type, permission }) => `system/${type}.${permission}`);
  for (const name of names) scopes.set(name, name);
  return [{ smart: [...new Set(names)] }, { operator: [] }];
}

function components(tokenUrl: string, scopes: ReadonlyMap<string, string>): object {
  return {
    schemas: {
      Resource: {
        type: 'object',
        description: 'A resource of FHIR R4 (4.0.1)',
        required: ['resourceType'],
        properties: { resourceType: { type: 'string' } },
      },
    },
    responses: {
      Resource: { description: 'As R4 says', content: resourceContent },
      OperationOutcome: { description: 'What is wrong, where, and why', content: resourceContent },
    },
    securitySchemes: {
      smart: {
        type: 'oauth2',
        description: 'SMART Backend Services: private_key_jwt',
        flows: { clientCredentials: { tokenUrl, scopes: Object.fromEntries(scopes) } },
      },
      operator: { type: 'http', scheme: 'bearer', description: 'The token of the operator' },
    },
  };
}

function content(schema: object, types: readonly string[]): object {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

/** `searchByForm` as "search by form". */
function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
