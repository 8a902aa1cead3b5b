import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';

let server: ApiServer;
let closed: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
  closed = await startApiServer('');
});
afterAll(() => Promise.all([server.close(), closed.close()]));

const authorization = `Bearer ${accessToken}`;
const json = { authorization, 'content-type': 'application/fhir+json' };
const subscription = (more: object = {}): string =>
  JSON.stringify({ resourceType: 'Subscription', status: 'requested', criteria: 'Observation?', ...more });
const get = (path: string): Promise<Answer> => server.send('GET', path, { authorization });

describe('subscriptions over HTTP', () => {
  test('one is made, read, changed, listed and removed', async () => {
    const made = await server.send('POST', '/fhir/Subscription', json, subscription());
    expect([made.status, made.headers['etag']]).toEqual([201, 'W/"1"']);
    const id = made.json()['id'] as string;
    expect(made.headers['location']).toBe(`${server.origin}/fhir/Subscription/${id}/_history/1`);
    expect(made.json()).toMatchObject({ meta: { versionId: '1' }, criteria: 'Observation?' });
    const changed = await server.send(
      'PUT',
      `/fhir/Subscription/${id}`,
      json,
      subscription({ id, status: 'off' }),
    );
    expect([changed.status, changed.headers['etag']]).toEqual([200, 'W/"2"']);
    expect((await get(`/fhir/Subscription/${id}`)).json()).toMatchObject({ status: 'off' });
    expect((await get(`/fhir/Subscription?_id=${id}`)).json()).toMatchObject({ total: 1 });
    const removed = await server.send('DELETE', `/fhir/Subscription/${id}`, { authorization });
    expect(removed.status).toBe(204);
    expect((await get(`/fhir/Subscription/${id}`)).status).toBe(410);
    expect((await get('/fhir/Subscription')).json()).toMatchObject({ total: 0 });
    expect((await get('/fhir/Subscription/nothing')).status).toBe(404);
  });

  test('a client may choose its own id, and ask for no body', async () => {
    const made = await server.send(
      'PUT',
      '/fhir/Subscription/mine',
      { ...json, prefer: 'return=minimal' },
      subscription({ id: 'mine' }),
    );
    expect([made.status, made.text, made.headers['etag']]).toEqual([201, '', 'W/"1"']);
  });

  test('a body that is no Subscription is refused with the place', async () => {
    const bodies: [string, string][] = [
      ['{"resourceType":"Patient"}', 'RESOURCE_BODY_INVALID'],
      ['[]', 'RESOURCE_BODY_INVALID'],
      ['1.5', 'RESOURCE_BODY_INVALID'],
      ['', 'RESOURCE_BODY_INVALID'],
      ['{"resourceType":', 'FHIR_JSON_MALFORMED'],
      ['{"resourceType":"Subscription","status":"a","status":"b"}', 'FHIR_JSON_DUPLICATE_MEMBER'],
      ['{"resourceType":"Subscription","__proto__":{}}', 'FHIR_JSON_FORBIDDEN_MEMBER'],
    ];
    for (const [body, code] of bodies) {
      const answer = await server.send('POST', '/fhir/Subscription', json, body);
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining(code)]);
    }
    const other = await server.send('PUT', '/fhir/Subscription/a', json, subscription({ id: 'b' }));
    expect([other.status, other.text]).toEqual([400, expect.stringContaining('Subscription.id')]);
  });
});

describe('the access token', () => {
  test('nothing about subscriptions is done or shown without it, however the path is spelled', async () => {
    for (const [method, path] of [
      ['GET', '/fhir/Subscription'],
      ['GET', '/fhir/%53ubscription'],
      ['GET', '/fhir/Subscription/x'],
      ['HEAD', '/fhir/Subscription/x'],
      ['GET', '/fhir/Subscription/x/_history'],
      ['PUT', '/fhir/Subscription/x'],
      ['DELETE', '/fhir/Subscription/x'],
      ['POST', '/fhir/Subscription/_search'],
    ] as const) {
      const missing = await server.send(method, path, { authorization: '' });
      expect([missing.status, missing.headers['www-authenticate']]).toEqual([401, 'Bearer']);
      const wrong = await server.send(method, path, { authorization: `${authorization}x` });
      expect(wrong.status).toBe(401);
    }
  });

  test('it is checked before the body is read', async () => {
    const { hostname, port } = new URL(server.origin);
    const socket = connect(Number(port), hostname);
    // The head promises a body that never comes: only a server that does not wait for it can answer.
    socket.write(
      'POST /fhir/Subscription HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n',
    );
    const head = await new Promise<string>((resolve, reject) => {
      socket.once('data', (data) => resolve(data.toString('latin1')));
      socket.once('error', reject);
    });
    socket.destroy();
    expect(head).toMatch(/^HTTP\/1\.1 401 /);
  });

  test('without a configured token all of it is closed', async () => {
    const answer = await closed.send('GET', '/fhir/Subscription', { authorization: 'Bearer ' });
    expect(answer.status).toBe(401);
    expect((await closed.send('GET', '/fhir/Subscription')).status).toBe(401);
    expect((await closed.send('GET', '/fhir/metadata')).status).toBe(200);
  });
});
