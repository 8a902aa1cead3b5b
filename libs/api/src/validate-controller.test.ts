import { afterAll, beforeAll, expect, test } from '@jest/globals';
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
