import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';
import { SmartClient } from '../testing/smart-client.js';

let server: ApiServer;
let open: ApiServer;
const all = new SmartClient('all', 'system/*.cruds system/Subscription.cruds');
const patients = new SmartClient('patients', 'system/Patient.cruds');
const readers = new SmartClient('readers', 'system/*.rs');
const clients = new Map([all, patients, readers].map(({ id, registration }) => [id, registration]));
beforeAll(async () => {
  server = await startApiServer(undefined, { clients });
  open = await startApiServer(undefined, { openLoopback: true });
  await server.send('PUT', '/fhir/Patient/p1', { 'content-type': 'application/fhir+json' }, patient);
});
afterAll(async () => {
  await server.close();
  await open.close();
});

const patient = '{"resourceType":"Patient","id":"p1"}';
const json = { 'content-type': 'application/fhir+json' };
const code = (answer: Answer) =>
  (answer.json() as { issue?: { details: { coding: { code: string }[] } }[] }).issue?.[0]?.details.coding[0]
    ?.code;

describe('without a token', () => {
  test.each([
    ['GET', '/fhir/Patient/p1'],
    ['HEAD', '/fhir/Patient/p1'],
    ['GET', '/fhir/Patient'],
    ['GET', '/fhir/%50atient'],
    ['POST', '/fhir/Patient/_search'],
    ['POST', '/fhir/Patient'],
    ['POST', '/fhir'],
    ['PUT', '/fhir/Patient/p1'],
    ['DELETE', '/fhir/Patient/p1'],
    ['GET', '/fhir/Nonsense'],
  ])('%s %s is refused, and says what is missing', async (method, path) => {
    const answer = await server.send(method, path, { authorization: '' });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    if (method !== 'HEAD') expect(code(answer)).toBe('ACCESS_TOKEN_MISSING');
  });

  test.each([
    '/fhir/metadata',
    '/fhir/.well-known/smart-configuration',
    '/.well-known/smart-configuration',
    '/fhir/openapi.json',
  ])('%s is open', async (path) => {
    expect((await server.send('GET', path, { authorization: '' })).status).toBe(200);
  });

  test.each(['Bearer x', 'Bearer', 'Basic YTpi', `Bearer ${'A'.repeat(43)}`, `bearer ${accessToken}x`])(
    '%s opens nothing',
    async (authorization) => {
      expect((await server.send('GET', '/fhir/Patient/p1', { authorization })).status).toBe(401);
    },
  );
});

describe('a token of a client', () => {
  const may: readonly [string, string, string, { body?: string; headers?: Record<string, string> }][] = [
    ['r', 'GET', 'Patient/p1', {}],
    ['r', 'GET', 'Patient/p1/_history', {}],
    ['r', 'GET', 'Patient/p1/_history/1', {}],
    ['s', 'GET', 'Patient?_id=p1', {}],
    [
      's',
      'POST',
      'Patient/_search',
      { body: '_id=p1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ],
    ['c', 'POST', 'Patient', { body: '{"resourceType":"Patient"}' }],
    ['cs', 'POST', 'Patient', { body: '{"resourceType":"Patient"}', headers: { 'if-none-exist': '_id=p1' } }],
    ['cu', 'PUT', 'Patient/p2', { body: '{"resourceType":"Patient","id":"p2"}' }],
    ['d', 'DELETE', 'Patient/p2', {}],
  ];
  test.each(may)(
    'with %s may %s %s, and with less may not',
    async (letters, method, path, { body, headers: more }) => {
      const headers = { ...json, ...more };
      for (const letter of letters) {
        const less = 'cruds'.replace(letter, '');
        const token = await patients.bearer(server, `system/Patient.${less}`);
        const refused = await server.send(method, `/fhir/${path}`, { ...headers, ...token }, body);
        expect([refused.status, code(refused)]).toEqual([403, 'ACCESS_SCOPE_INSUFFICIENT']);
        expect(refused.headers['www-authenticate']).toBe(
          `Bearer error="insufficient_scope", scope="system/Patient.${letter}"`,
        );
      }
      const token = await patients.bearer(server, `system/Patient.${letters}`);
      const answer = await server.send(method, `/fhir/${path}`, { ...headers, ...token }, body);
      expect(answer.status).toBeLessThan(300);
    },
  );

  test('of one type opens no other, and nothing of the whole server', async () => {
    const token = await patients.bearer(server);
    for (const path of ['Observation', 'Observation/x', 'Patient?_has:Observation:patient:code=x']) {
      expect((await server.send('GET', `/fhir/${path}`, token)).status).toBe(403);
    }
  });

  test('is checked for what a form reaches, too', async () => {
    const headers = {
      ...(await patients.bearer(server)),
      'content-type': 'application/x-www-form-urlencoded',
    };
    const answer = await server.send(
      'POST',
      '/fhir/Patient/_search',
      headers,
      '_revinclude=Observation:subject',
    );
    expect([answer.status, code(answer)]).toEqual([403, 'ACCESS_SCOPE_INSUFFICIENT']);
  });

  test('for every type does not open subscriptions; one that names them does', async () => {
    const wide = await all.bearer(server, 'system/*.cruds');
    expect((await server.send('GET', '/fhir/Subscription', wide)).status).toBe(403);
    expect((await server.send('GET', '/fhir/%53ubscription', wide)).status).toBe(403);
    const named = await all.bearer(server, 'system/Subscription.rs');
    expect((await server.send('GET', '/fhir/Subscription', named)).status).toBe(200);
  });

  test('that is too small is told before the body is read', async () => {
    const { authorization } = await readers.bearer(server);
    const { hostname, port } = new URL(server.origin);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /fhir/Patient HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n`,
    );
    const head = await new Promise<string>((resolve, reject) => {
      socket.once('data', (data) => resolve(data.toString('latin1')));
      socket.once('error', reject);
    });
    socket.destroy();
    expect(head).toMatch(/^HTTP\/1\.1 403 /);
  });
});

describe('a Bundle of a client', () => {
  const entry = (method: string, url: string, resource?: object) => ({ request: { method, url }, resource });
  const send = async (type: string, token: { authorization: string }, entries: object[]) =>
    server.send(
      'POST',
      '/fhir',
      { ...json, ...token },
      JSON.stringify({ resourceType: 'Bundle', type, entry: entries }),
    );

  test('in a transaction, one entry that is not allowed has nothing written', async () => {
    const token = await patients.bearer(server);
    for (const other of [
      entry('POST', 'Basic', { resourceType: 'Basic', code: { text: 'x' } }),
      entry('GET', 'Observation/x'),
      entry('DELETE', 'Observation/x'),
    ]) {
      const made = entry('PUT', 'Patient/t1', { resourceType: 'Patient', id: 't1' });
      const answer = await send('transaction', token, [made, other]);
      expect([answer.status, code(answer)]).toEqual([403, 'ACCESS_SCOPE_INSUFFICIENT']);
      expect(answer.text).toContain('Bundle.entry[1].request');
      expect((await server.send('GET', '/fhir/Patient/t1')).status).toBe(404);
    }
    const made = entry('PUT', 'Patient/t1', { resourceType: 'Patient', id: 't1' });
    expect((await send('transaction', token, [made, entry('GET', 'Patient/t1')])).status).toBe(200);
  });

  test('in a batch, each entry is decided by itself', async () => {
    const token = await patients.bearer(server);
    const answer = await send('batch', token, [
      entry('GET', 'Patient/p1'),
      entry('GET', 'Observation/x'),
      entry('POST', 'Basic', { resourceType: 'Basic', code: { text: 'x' } }),
      entry('GET', 'metadata'),
    ]);
    const entries = (answer.json() as { entry?: { response: { status: string } }[] }).entry ?? [];
    expect(entries.map(({ response }) => response.status)).toEqual(['200', '403', '403', '200']);
  });
});

describe('the open loopback interface', () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    open.send('GET', `/fhir/${path}`, { authorization: '', ...headers });

  test('reads and searches without a token', async () => {
    expect((await get('Patient')).status).toBe(200);
    expect((await get('Patient/p1')).status).toBe(404);
  });

  test('writes nothing without one, and shows no subscriptions', async () => {
    const body = '{"resourceType":"Patient"}';
    const written = await open.send('POST', '/fhir/Patient', { authorization: '', ...json }, body);
    expect([written.status, code(written)]).toEqual([401, 'ACCESS_TOKEN_MISSING']);
    expect((await get('Subscription')).status).toBe(401);
    expect((await open.send('POST', '/fhir/Patient', json, body)).status).toBe(201);
  });

  test('is not open to who comes by a proxy, by another name, from a page of another origin, or with a wrong token', async () => {
    expect((await get('Patient', { 'x-forwarded-for': '203.0.113.9' })).status).toBe(401);
    expect((await get('Patient', { forwarded: 'for=203.0.113.9' })).status).toBe(401);
    expect((await get('Patient', { host: 'rebound.example' })).status).toBe(401);
    expect((await get('Patient', { origin: 'https://page.example' })).status).toBe(401);
    expect((await get('Patient', { authorization: 'Bearer wrong' })).status).toBe(401);
  });

  test('takes no large body from who has no token', async () => {
    const form = { authorization: '', 'content-type': 'application/x-www-form-urlencoded' };
    const large = await open.send('POST', '/fhir/Patient/_search', form, 'x'.repeat(64 * 1024 + 1));
    expect(large.status).toBe(413);
  });
});

describe('a conditional reference in what is written', () => {
  const writer = new SmartClient('writer', 'system/Observation.cu system/Bundle.c');
  let writers: ApiServer;
  beforeAll(async () => {
    writers = await startApiServer(undefined, {
      clients: new Map([writer, all].map(({ id, registration }) => [id, registration])),
    });
    const known = '{"resourceType":"Patient","id":"known","identifier":[{"system":"urn:s","value":"1"}]}';
    const there = '{"resourceType":"Observation","id":"there","status":"final","code":{"text":"w"}}';
    await writers.send('PUT', '/fhir/Patient/known', json, known);
    await writers.send('PUT', '/fhir/Observation/there', json, there);
  });
  afterAll(() => writers.close());

  const about = (value: string) => ({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'w' },
    subject: { reference: `Patient?identifier=urn:s|${value}` },
  });
  const patch = (value: string) => [
    { op: 'add', path: '/subject', value: { reference: `Patient?identifier=urn:s|${value}` } },
  ];
  const transaction = (value: string) => ({
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [{ resource: about(value), request: { method: 'POST', url: 'Observation' } }],
  });
  const ways: [string, string, string, (value: string) => object][] = [
    ['a create', 'POST', '/fhir/Observation', about],
    ['an update', 'PUT', '/fhir/Observation/there', (value) => ({ ...about(value), id: 'there' })],
    ['a patch', 'PATCH', '/fhir/Observation/there', patch],
    ['a transaction', 'POST', '/fhir', transaction],
  ];

  test.each(ways)(
    'of %s takes the right to search, whether something matches or not',
    async (_, method, path, body) => {
      const type = {
        'content-type': method === 'PATCH' ? 'application/json-patch+json' : 'application/fhir+json',
      };
      const ask = async (client: SmartClient, value: string) =>
        writers.send(
          method,
          path,
          { ...type, ...(await client.bearer(writers)) },
          JSON.stringify(body(value)),
        );
      const [match, none] = [await ask(writer, '1'), await ask(writer, '2')];
      expect([match.status, code(match)]).toEqual([403, 'ACCESS_SCOPE_INSUFFICIENT']);
      expect(none.text).toBe(match.text);
      expect((await ask(all, '1')).status).toBeLessThan(300);
      expect((await ask(all, '2')).status).toBe(412);
    },
  );

  test('of an import costs its line', async () => {
    const importer = new SmartClient('importer', 'system/*.cu');
    const imports = await startApiServer(undefined, {
      clients: new Map([['importer', importer.registration]]),
    });
    try {
      const headers = { ...(await importer.bearer(imports)), prefer: 'respond-async' };
      const line = JSON.stringify({ ...about('1'), id: 'i' });
      const sent = { ...headers, 'content-type': 'application/fhir+ndjson' };
      const started = await imports.send('POST', '/fhir/$import', sent, line);
      const path = (started.headers['content-location'] as string).slice(imports.origin.length);
      let answer = await imports.send('GET', path, headers);
      while (answer.status === 202) answer = await imports.send('GET', path, headers);
      const { error } = answer.json() as { error: { url: string }[] };
      const { text } = await imports.send('GET', (error[0]?.url ?? '').slice(imports.origin.length), headers);
      expect(text).toContain('system/*.s');
    } finally {
      await imports.close();
    }
  });
});
