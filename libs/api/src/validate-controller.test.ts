import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/fhir+json' };

async function validated(
  path: string,
  body: unknown,
): Promise<{ status: number; issues: Record<string, unknown>[] }> {
  const answer = await server.send('POST', `/fhir/${path}`, headers, JSON.stringify(body));
  return { status: answer.status, issues: answer.json()['issue'] as Record<string, unknown>[] };
}

test('$validate finds what a write would refuse, and writes nothing', async () => {
  const good = await validated('Patient/$validate', { resourceType: 'Patient', active: true });
  expect([good.status, good.issues[0]?.['severity']]).toEqual([200, 'information']);
  const bad = await validated('Patient/$validate', { resourceType: 'Patient', gender: 'none' });
  expect([bad.status, bad.issues[0]?.['expression']]).toEqual([200, ['Patient.gender']]);
  const found = await server.send('GET', '/fhir/Patient', headers);
  expect(found.json()['entry']).toBeUndefined();
});

test('$validate takes mode and profile, in the address or as Parameters', async () => {
  const patient = { resourceType: 'Patient', active: true };
  const update = await validated('Patient/$validate?mode=update', patient);
  expect(update.issues[0]?.['expression']).toEqual(['Patient.id']);
  const wrapped = await validated('Patient/$validate', {
    resourceType: 'Parameters',
    parameter: [
      { name: 'resource', resource: patient },
      { name: 'profile', valueUri: 'http://example.org/unknown' },
    ],
  });
  expect(wrapped.issues[0]?.['code']).toBe('not-found');
  expect((await validated('Patient/$validate?mode=all', patient)).status).toBe(400);
  expect((await validated('Pateint/$validate', patient)).status).toBe(404);
  expect((await validated('Patient/nobody/$validate', patient)).status).toBe(404);
});

describe('$validate of what is there', () => {
  const ask = async (method: string, path: string, body?: object) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await server.send(method, `/fhir/${path}`, headers, text);
    const [issue] = answer.json()['issue'] as { severity: string; expression?: string[] }[];
    return [answer.status, issue?.severity, issue?.expression?.[0]];
  };
  beforeAll(async () => {
    const body = '{"resourceType":"Patient","id":"v1","active":true}';
    await server.send('PUT', '/fhir/Patient/v1', headers, body);
  });

  test.each([
    ['GET', 'Patient/v1/$validate', undefined, [200, 'information', undefined]],
    ['GET', 'Patient/v1/$validate?mode=delete', undefined, [200, 'information', undefined]],
    ['GET', 'Patient/v1/$validate?mode=profile&profile=urn:x', undefined, [200, 'error', 'Patient']],
    ['GET', 'Patient/v1/$validate?mode=profile', undefined, [400, 'error', 'http.profile']],
    ['GET', 'Patient/nobody/$validate', undefined, [404, 'error', undefined]],
    ['GET', 'Patient/$validate', undefined, [400, 'error', 'http.body']],
    ['POST', 'Patient/v1/$validate', { resourceType: 'Parameters' }, [200, 'information', undefined]],
    [
      'POST',
      'Patient/v1/$validate',
      { resourceType: 'Parameters', parameter: [{ name: 'mode', valueCode: 'delete' }] },
      [200, 'information', undefined],
    ],
    ['POST', 'Patient/$validate', { resourceType: 'Parameters' }, [400, 'error', 'http.body']],
    ['POST', 'Patient/$validate', { resourceType: 'Basic', code: {} }, [200, 'error', 'Basic.code']],
    [
      'POST',
      'Patient/$validate',
      { resourceType: 'Group', type: 'person', actual: true },
      [200, 'error', 'Group'],
    ],
    [
      'POST',
      'Patient/v1/$validate?mode=update',
      { resourceType: 'Patient', id: 'v2' },
      [200, 'error', 'Patient.id'],
    ],
    [
      'POST',
      'Parameters/$validate',
      {
        resourceType: 'Parameters',
        parameter: [{ name: 'resource', resource: { resourceType: 'Parameters' } }],
      },
      [200, 'information', undefined],
    ],
    [
      'POST',
      'Parameters/$validate',
      { resourceType: 'Parameters', parameter: [{ name: 'mode', valueCode: 'delete' }, { valueCode: 'x' }] },
      [200, 'error', 'Parameters.parameter[1].name'],
    ],
  ])('%s %s', async (method, path, body, expected) => {
    expect(await ask(method, path, body)).toEqual(expected);
  });
});
