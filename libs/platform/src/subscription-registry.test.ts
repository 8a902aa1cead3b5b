import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemRandom } from '#kernel';
import { SubscriptionService } from '#subscriptions';
import { type ApiServer, accessToken, startApiServer } from '../../api/testing/api-server.js';
import { registryOf } from './subscription-registry.js';

const announced: number[] = [];
let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer(accessToken, {
    subscriptions: (database) =>
      registryOf(
        new SubscriptionService(database, (destination) => announced.push(destination), systemRandom),
      ),
  });
});
afterAll(() => server.close());

const subscription = (more: object = {}) => ({
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'a test',
  criteria: 'Observation?status=final',
  channel: { type: 'rest-hook', endpoint: 'https://ehr.example/in' },
  ...more,
});
const filing = (id: string, more: object = {}) => ({
  resource: subscription({ id, ...more }),
  request: { method: 'PUT', url: `Subscription/${id}` },
});
const patient = (id: string) => ({
  resource: { resourceType: 'Patient', id },
  request: { method: 'PUT', url: `Patient/${id}` },
});
const send = (type: 'batch' | 'transaction', ...entry: object[]) =>
  server.send(
    'POST',
    '/fhir',
    { 'content-type': 'application/fhir+json' },
    JSON.stringify({ resourceType: 'Bundle', type, entry }),
  );
interface Entry {
  resource?: { id: string };
  response: { status: string; location?: string; outcome?: object };
}
const entriesOf = (text: string) => (JSON.parse(text) as { entry: Entry[] }).entry;
const statusOf = async (path: string) => (await server.send('GET', `/fhir/${path}`)).status;

describe('subscriptions in Bundles', () => {
  test('a transaction files, changes and removes subscriptions with what else it writes', async () => {
    announced.length = 0;
    const posted = { resource: subscription(), request: { method: 'POST', url: 'Subscription' } };
    const made = await send('transaction', filing('one'), patient('p1'), posted);
    expect(made.status).toBe(200);
    const entries = entriesOf(made.text);
    expect(entries.map(({ response }) => response.status)).toEqual(['201', '201', '201']);
    expect(entries[0]?.response.location).toBe(`${server.origin}/fhir/Subscription/one/_history/1`);
    const newId = /Subscription\/([^/]+)\/_history/.exec(entries[2]?.response.location ?? '')?.[1] ?? '';
    expect(await statusOf('Patient/p1')).toBe(200);
    expect(await statusOf(`Subscription/${newId}`)).toBe(200);
    expect(announced).toHaveLength(2);
    const changed = await send(
      'transaction',
      filing('one', { status: 'off' }),
      { request: { method: 'DELETE', url: `Subscription/${newId}` } },
      { request: { method: 'GET', url: 'Subscription/one' } },
    );
    expect(entriesOf(changed.text).map(({ response }) => response.status)).toEqual(['200', '204', '200']);
    expect(entriesOf(changed.text)[2]?.resource).toMatchObject({ id: 'one', status: 'off' });
    expect(await statusOf(`Subscription/${newId}`)).toBe(410);
  });

  test.each<[string, object[], string]>([
    ['criteria that nobody understands', [filing('bad', { criteria: 'Observation?mood=good' })], 'mood'],
    [
      'a version that is not current',
      [{ ...patient('p2'), request: { method: 'PUT', url: 'Patient/p2', ifMatch: 'W/"7"' } }],
      'If-Match',
    ],
    ['one subscription twice', [filing('two')], 'two entries'],
    [
      'a condition',
      [{ resource: subscription(), request: { method: 'PUT', url: 'Subscription?url=a' } }],
      'Subscription/id',
    ],
    [
      'a patch',
      [{ request: { method: 'PATCH', url: 'Subscription/one' }, resource: { resourceType: 'Parameters' } }],
      'Subscription/id',
    ],
    ['another id', [{ ...filing('three'), request: { method: 'PUT', url: 'Subscription/four' } }], 'the id'],
  ])('with %s nothing of a transaction is there', async (_, entries, told) => {
    announced.length = 0;
    const refused = await send('transaction', patient('p9'), filing('two'), ...entries);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(refused.status).toBeLessThan(500);
    expect(refused.text).toContain(told);
    expect(await statusOf('Patient/p9')).toBe(404);
    expect(await statusOf('Subscription/two')).toBe(404);
    const rows = await server.fixture.database.query(
      "SELECT 1 FROM destination WHERE name = 'Subscription/two'",
    );
    expect([rows, announced]).toEqual([[], []]);
  });

  test('of a batch each costs itself', async () => {
    const answer = await send('batch', filing('five'), filing('six', { criteria: 'Nothing?' }), {
      request: { method: 'GET', url: 'Subscription?criteria=observation&_id=five' },
    });
    const entries = entriesOf(answer.text);
    expect(entries.map(({ response }) => response.status)).toEqual(['201', '404', '200']);
    expect(entries[2]?.resource).toMatchObject({ total: 1 });
  });
});
