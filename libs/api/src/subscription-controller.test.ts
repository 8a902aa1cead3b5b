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
  test('none is stored as a mere resource, whatever the way', async () => {
    const patch = { authorization, 'content-type': 'application/json-patch+json' };
    const ways = [
      await server.send(
        'PUT',
        '/fhir/Subscription?url=a',
        json,
        subscription({ reason: 'a test', channel: { type: 'rest-hook' } }),
      ),
      await server.send('PATCH', '/fhir/Subscription/s1', patch, '[]'),
      await server.send('DELETE', '/fhir/Subscription?url=a', { authorization }),
    ];
    expect(ways.map(({ status, headers }) => [status, headers['allow']])).toEqual([
      [405, 'GET, HEAD, POST'],
      [405, 'GET, HEAD, PUT, DELETE'],
      [405, 'GET, HEAD, POST'],
    ]);
  });

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

  test('they are searched by every parameter of R4 and by topic, in pages', async () => {
    const topic = 'https://a.example/topic';
    const files: [string, object][] = [
      [
        't1',
        {
          status: 'active',
          channel: { type: 'rest-hook', endpoint: 'https://a.example/in', payload: 'application/fhir+json' },
        },
      ],
      ['t2', { criteria: topic, channel: { type: 'websocket' } }],
      ['t3', { criteria: 'Patient?', contact: [{ system: 'phone', value: '555' }] }],
      ['t4', { status: 'off', reason: 'x' }],
      ['t5', { status: 'off' }],
    ];
    for (const [id, more] of files)
      await server.send('PUT', `/fhir/Subscription/${id}`, json, subscription({ id, ...more }));
    const idsOf = (answer: Answer) =>
      ((answer.json()['entry'] ?? []) as { resource: { id: string } }[])
        .map(({ resource }) => resource.id)
        .filter((id) => id.startsWith('t'));
    const found = async (query: string) => idsOf(await get(`/fhir/Subscription?${query}`));
    expect(await found('status=active')).toEqual(['t1']);
    expect(await found('status=active,off')).toEqual(['t1', 't4', 't5']);
    expect(await found('status:not=off&_id=t1,t4')).toEqual(['t1']);
    expect(await found('criteria=patient')).toEqual(['t3']);
    expect(await found('payload=application/fhir%2Bjson')).toEqual(['t1']);
    expect(await found('type=websocket')).toEqual(['t2']);
    expect(await found('url=https://a.example/in')).toEqual(['t1']);
    expect(await found('contact=555')).toEqual(['t3']);
    expect(await found('contact:missing=false')).toEqual(['t3']);
    expect(await found(`topic=${encodeURIComponent(topic)}`)).toEqual(['t2']);
    expect(await found('_lastUpdated=2023-11-14&status=off')).toEqual(['t4', 't5']);
    expect(await found('_lastUpdated=gt2024&status=off')).toEqual([]);
    const byForm = await server.send(
      'POST',
      '/fhir/Subscription/_search',
      { authorization, 'content-type': 'application/x-www-form-urlencoded' },
      'type=websocket',
    );
    expect([byForm.status, idsOf(byForm)]).toEqual([200, ['t2']]);
    const counted = await get('/fhir/Subscription?status=active,off&_summary=count');
    expect(counted.json()).toMatchObject({ total: 3 });
    expect(counted.json()['entry']).toBeUndefined();

    const seen: string[] = [];
    let path: string | undefined = '/fhir/Subscription?status=active,off&_count=1';
    for (let pages = 0; path !== undefined && pages < 10; pages++) {
      const page: Answer = await get(path);
      seen.push(...idsOf(page));
      const links = page.json()['link'] as { relation: string; url: string }[];
      path = links.find(({ relation }) => relation === 'next')?.url.slice(server.origin.length);
    }
    expect(seen).toEqual(['t1', 't4', 't5']);

    for (const query of ['mood=good', '_has:a:b:c=1', 'contact.name=x', '_count=many', '_lastUpdated=soon']) {
      const refused = await get(`/fhir/Subscription?${query}`);
      expect([query, refused.status]).toEqual([query, 400]);
    }
    expect((await get('/fhir/Subscription?mood=good')).text).toContain('criteria, payload');
    const lenient = { authorization, prefer: 'handling=lenient' };
    const skipped = await server.send(
      'GET',
      '/fhir/Subscription?mood=good&status:not=off&_id=t1,t4',
      lenient,
    );
    expect([skipped.status, idsOf(skipped)]).toEqual([200, ['t1']]);
    for (const [id] of files) await server.send('DELETE', `/fhir/Subscription/${id}`, { authorization });
    const statement = (await server.send('GET', '/fhir/metadata')).text;
    expect(statement).toContain('SearchParameter/Subscription-topic');
    expect(statement).toContain('backport-subscription-server-r4');
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

describe('operations on subscriptions', () => {
  const parameters = (...pairs: [name: string, value: string][]): string =>
    JSON.stringify({
      resourceType: 'Parameters',
      parameter: pairs.map(([name, valueString]) => ({ name, valueString })),
    });
  const post = (path: string, body?: string): Promise<Answer> => server.send('POST', path, json, body);

  beforeAll(async () => {
    await server.fixture.database.query(
      `INSERT INTO subscription (destination, id, status, resource) SELECT n, 'o' || n, 'active', $1 FROM generate_series(1, 2) AS n`,
      [JSON.stringify({ resourceType: 'Subscription', status: 'active', reason: 'r', ...filed })],
    );
    await server.send('PUT', '/fhir/Subscription/o1', json, subscription({ id: 'o1' }));
  });
  const filed = { criteria: 'Observation?', channel: { type: 'rest-hook', endpoint: 'https://a.example/' } };

  test('the status of one, of some and of all is told by GET and POST', async () => {
    for (const one of [
      await get('/fhir/Subscription/o1/$status'),
      await post('/fhir/Subscription/o1/$status'),
    ]) {
      expect([one.status, one.json()]).toMatchObject([200, { type: 'searchset', total: 1 }]);
      expect(one.text).toContain(`${server.origin}/fhir/Subscription/o1`);
    }
    expect((await get('/fhir/Subscription/$status')).json()).toMatchObject({ total: 2 });
    expect((await get('/fhir/Subscription/$status?id=o2&id=o3')).json()).toMatchObject({ total: 1 });
    const asked = parameters(['id', 'o1'], ['id', 'o2'], ['status', 'error']);
    expect((await post('/fhir/Subscription/$status', asked)).json()).toMatchObject({ total: 0 });
    expect((await get('/fhir/Subscription/nobody/$status')).status).toBe(404);
  });

  test('events are asked for by number, by GET and POST', async () => {
    const query = 'eventsSinceNumber=1&eventsUntilNumber=5&content=id-only';
    const byGet = await get(`/fhir/Subscription/o1/$events?${query}`);
    const asked = parameters(['eventsSinceNumber', '1'], ['eventsUntilNumber', '5'], ['content', 'id-only']);
    for (const answer of [byGet, await post('/fhir/Subscription/o1/$events', asked)]) {
      expect([answer.status, answer.json()]).toMatchObject([
        200,
        { resourceType: 'Bundle', type: 'history' },
      ]);
      expect(answer.text).toContain('query-event');
    }
    expect((await get('/fhir/Subscription/nobody/$events')).status).toBe(404);
    for (const wrong of ['eventsSinceNumber=x', 'eventsSinceNumber=3&eventsUntilNumber=2', 'from=1'])
      expect((await get(`/fhir/Subscription/o1/$events?${wrong}`)).status).toBe(400);
    expect((await post('/fhir/Subscription/o1/$events', '{"resourceType":"Patient"}')).status).toBe(400);
  });

  test('a token for a websocket names its subscriptions, address and end', async () => {
    await server.fixture.database.query("UPDATE subscription SET channel = 'websocket' WHERE id = 'o2'");
    const path = '/fhir/Subscription/o2/$get-ws-binding-token';
    for (const answer of [await get(path), await post('/fhir/Subscription/$get-ws-binding-token')]) {
      expect(answer.json()).toMatchObject({
        parameter: [
          { name: 'token' },
          { name: 'expiration', valueDateTime: '2026-11-23T01:00:00.000Z' },
          { name: 'subscription', valueString: 'o2' },
          { name: 'websocket-url', valueUrl: expect.stringMatching(/^ws:.*subscription-websocket$/) },
        ],
      });
    }
    expect((await get('/fhir/Subscription/o1/$get-ws-binding-token')).status).toBe(404);
    expect((await server.send('GET', path, { authorization: '' })).status).toBe(401);
    const statement = (await server.send('GET', '/fhir/metadata')).text;
    expect(statement).toContain('capabilitystatement-websocket');
    expect(statement).toContain('https://suture.example/SubscriptionTopic/test');
  });

  test('the operator sees the health of each', async () => {
    const answer = await get('/admin/subscriptions');
    expect(answer.json()).toMatchObject({
      subscriptions: [{ subscription: 'o1', lag: 0 }, { subscription: 'o2' }],
    });
    expect((await get('/admin/webhook-keys/ehr')).json()).toEqual({ publicKeys: ['whpk_ehr'] });
    expect((await server.send('GET', '/admin/subscriptions', { authorization: '' })).status).toBe(401);
    expect((await server.send('GET', '/admin/webhook-keys/ehr', { authorization: '' })).status).toBe(401);
    expect((await server.send('GET', '/fhir/Subscription/o1/$events', { authorization: '' })).status).toBe(
      401,
    );
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
