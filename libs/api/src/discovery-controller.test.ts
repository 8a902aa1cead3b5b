import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../testing/api-server.js';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const get = (path: string, headers: Record<string, string> = {}) =>
  server.send('GET', path, { authorization: '', ...headers });

describe('the SMART configuration', () => {
  test.each(['/.well-known/smart-configuration', '/fhir/.well-known/smart-configuration'])(
    'at %s says where and how tokens are asked for',
    async (path) => {
      const answer = await get(path);
      expect([answer.status, answer.headers['content-type']]).toEqual([
        200,
        'application/json; charset=utf-8',
      ]);
      expect(answer.json()).toMatchObject({
        token_endpoint: `${server.origin}/auth/token`,
        token_endpoint_auth_methods_supported: ['private_key_jwt'],
        token_endpoint_auth_signing_alg_values_supported: ['ES384', 'RS384'],
        grant_types_supported: ['client_credentials'],
        capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
      });
    },
  );

  test('names an address that the connection has, not one that the request made up', async () => {
    const { port } = new URL(server.origin);
    const made = await get('/.well-known/smart-configuration', { host: 'other.example' });
    expect(made.json()['token_endpoint']).toBe(`${server.origin}/auth/token`);
    const local = await get('/.well-known/smart-configuration', { host: `localhost:${port}` });
    expect(local.json()['token_endpoint']).toBe(`http://localhost:${port}/auth/token`);
  });
});

test('the CapabilityStatement names SMART and the token endpoint', async () => {
  const { rest } = (await get('/fhir/metadata')).json() as { rest: { security: object }[] };
  expect(rest[0]?.security).toMatchObject({
    extension: [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: [{ url: 'token', valueUri: `${server.origin}/auth/token` }],
      },
    ],
    cors: true,
    service: [{ coding: [{ code: 'SMART-on-FHIR' }] }],
  });
});

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly security: readonly Record<string, readonly string[]>[];
}

describe('the OpenAPI document', () => {
  const read = async () => {
    const answer = await get('/fhir/openapi.json');
    expect(answer.headers['content-type']).toMatch(/^application\/vnd\.oai\.openapi\+json/);
    return answer.json() as unknown as {
      openapi: string;
      servers: { url: string }[];
      paths: Record<string, Record<string, Operation>>;
      components: { securitySchemes: { smart: { flows: { clientCredentials: { scopes: object } } } } };
    };
  };

  test('holds what is routed, type by type, with the scopes that it takes', async () => {
    const { openapi, servers, paths } = await read();
    expect([openapi, servers]).toEqual(['3.0.3', [{ url: `${server.origin}/fhir` }]]);
    expect(Object.keys(paths['/Patient'] ?? {}).sort()).toEqual(['delete', 'get', 'patch', 'post', 'put']);
    expect(Object.keys(paths['/Observation/{id}/_history/{version}'] ?? {})).toEqual(['get']);
    expect(paths['/Patient/{id}']?.['get']?.security).toEqual([
      { smart: ['system/Patient.r'] },
      { operator: [] },
    ]);
    expect(paths['/metadata']?.['get']?.security).toEqual([]);
    expect(paths['/']?.['post']).toBeDefined();
  });

  test('a search has the parameters that the CapabilityStatement names', async () => {
    const { paths } = await read();
    const { rest } = (await get('/fhir/metadata')).json() as {
      rest: { resource: { type: string; searchParam: { name: string }[] }[] }[];
    };
    for (const { type, searchParam } of rest[0]?.resource ?? []) {
      const names = paths[`/${type}`]?.['get']?.parameters?.map(({ name }) => name) ?? [];
      expect(names).toEqual(searchParam.map(({ name }) => name));
    }
  });

  test('every operation has a name of its own, every template its parameters, every scope its entry', async () => {
    const { paths, components } = await read();
    const ids: string[] = [];
    const { scopes } = components.securitySchemes.smart.flows.clientCredentials;
    for (const [path, item] of Object.entries(paths)) {
      const templates = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const operation of Object.values(item)) {
        ids.push(operation.operationId);
        const named = (operation.parameters ?? []).filter((one) => one.in === 'path').map(({ name }) => name);
        expect(named).toEqual(templates);
        for (const scope of operation.security.flatMap(({ smart = [] }) => smart))
          expect(scopes).toHaveProperty([scope]);
      }
    }
    expect(new Set(ids).size).toBe(ids.length);
  });
});
