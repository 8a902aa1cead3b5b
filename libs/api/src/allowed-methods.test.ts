import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../testing/api-server.js';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const json = { 'content-type': 'application/fhir+json' };

describe('a method that an address does not take', () => {
  test.each([
    ['POST', '/fhir/Patient/1', 'GET, HEAD, PUT, PATCH, DELETE'],
    ['PUT', '/fhir/Patient/1/_history/1', 'GET, HEAD'],
    ['DELETE', '/fhir/Patient/1/_history', 'GET, HEAD'],
    ['POST', '/fhir/Patient/_history', 'GET, HEAD'],
    ['PUT', '/fhir/_history', 'GET, HEAD'],
    ['PUT', '/fhir', 'GET, HEAD, POST'],
    ['DELETE', '/fhir/', 'GET, HEAD, POST'],
    ['POST', '/fhir/metadata', 'GET, HEAD'],
    ['POST', '/fhir/openapi.json', 'GET, HEAD'],
    ['GET', '/fhir/Patient/_search', 'POST'],
    ['DELETE', '/fhir/Patient/_search', 'POST'],
    ['GET', '/fhir/Patient/1/Observation/_search', 'POST'],
    ['POST', '/fhir/Patient/1/Observation', 'GET, HEAD'],
    ['POST', '/fhir/Patient/1/*', 'GET, HEAD'],
    ['PUT', '/fhir/Patient/$validate', 'GET, HEAD, POST'],
    ['DELETE', '/fhir/Patient/1/$everything', 'GET, HEAD, POST'],
    ['GET', '/fhir/Patient/1/$meta-add', 'POST'],
    ['GET', '/fhir/$import', 'POST'],
    ['PUT', '/fhir/$export', 'GET, HEAD, POST'],
    ['POST', '/fhir/_bulk/x', 'GET, HEAD, DELETE'],
    ['PUT', '/fhir/_bulk/x/y', 'GET, HEAD'],
    ['GET', '/auth/token', 'POST'],
    ['POST', '/.well-known/smart-configuration', 'GET, HEAD'],
    ['POST', '/ledger/checkpoint', 'GET, HEAD'],
    ['DELETE', '/ledger/tile/0/000', 'GET, HEAD'],
  ])('%s %s is answered with those that it takes: %s', async (method, path, allow) => {
    const body = method === 'GET' ? undefined : '{}';
    const answer = await server.send(method, path, json, body);
    expect([answer.status, answer.headers['allow']]).toEqual([405, allow]);
    if (path.startsWith('/fhir')) expect(answer.json()['resourceType']).toBe('OperationOutcome');
  });

  test.each([
    ['POST', '/fhir/nothing/at/all', 404],
    ['POST', '/fhir/Nonsense/1', 404],
    ['POST', '/fhir/Patient/1/$nonsense', 404],
    ['GET', '/fhir/Patient/$nonsense', 404],
    ['GET', '/elsewhere', 404],
    ['GET', '/fhir/Patient/%', 400],
  ])('is another thing than an address that is none: %s %s', async (method, path, status) => {
    const body = method === 'GET' ? undefined : '{}';
    const answer = await server.send(method, path, json, body);
    expect([answer.status, answer.headers['allow']]).toEqual([status, undefined]);
  });
});
