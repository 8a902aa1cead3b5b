import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { accessMigrations, type Client, TokenService } from '#access';
import { systemClock, systemRandom } from '#kernel';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { type Answer, type ApiServer, startApiServer } from '../testing/api-server.js';
import { requestToken, SmartClient } from '../testing/smart-client.js';

let server: ApiServer;
let nowMs = Date.now();
const warehouse = new SmartClient('warehouse', 'system/Patient.rs system/Observation.r');
const registry = new SmartClient('registry', 'system/*.read', 'RS384');
const clients = new Map([warehouse, registry].map(({ id, registration }) => [id, registration]));
beforeAll(async () => {
  server = await startApiServer(undefined, { clients, clock: { nowMs: () => nowMs } });
});
afterAll(() => server.close());

const inSeconds = (seconds: number) => Math.floor(nowMs / 1000) + seconds;
const told = (answer: Answer) => [answer.status, answer.json()['error']];

describe('a token', () => {
  test.each([
    ['ES384', warehouse],
    ['RS384', registry],
  ])('is granted for an assertion signed with %s, and opens what it says', async (_, client) => {
    const answer = await client.ask(server, 'system/Patient.rs');
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
    const { access_token, ...rest } = answer.json();
    expect(rest).toEqual({ token_type: 'bearer', expires_in: 300, scope: 'system/Patient.rs' });
    const headers = { authorization: `Bearer ${String(access_token)}` };
    expect((await server.send('GET', '/fhir/Patient', headers)).status).toBe(200);
  });

  test('holds no more than the client may', async () => {
    const answer = await warehouse.ask(server, 'system/*.cruds system/Observation.read');
    expect(answer.json()['scope']).toBe('system/Patient.rs system/Observation.r');
  });

  test('is stored as a digest only', async () => {
    const { authorization } = await warehouse.bearer(server);
    const rows = await server.fixture.database.query('SELECT t::text AS row FROM access_token t');
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain(authorization.slice('Bearer '.length));
  });

  test('ends after five minutes', async () => {
    const headers = await warehouse.bearer(server);
    const start = nowMs;
    nowMs = start + 299_000;
    expect((await server.send('GET', '/fhir/Patient', headers)).status).toBe(200);
    nowMs = start + 300_000;
    const late = await server.send('GET', '/fhir/Patient', headers);
    expect([late.status, late.headers['www-authenticate']]).toEqual([401, 'Bearer error="invalid_token"']);
    nowMs = start;
  });
});

describe('an assertion', () => {
  test('is good once, whoever is asked', async () => {
    const assertion = await warehouse.assertion(server, { jti: 'once' });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => warehouse.ask(server, 'system/Patient.r', assertion)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    // A second process, or the same after a restart: nothing is in its memory.
    const source = { current: () => Promise.resolve(clients) };
    const other = new TokenService(server.fixture.database, source, systemClock, systemRandom);
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
      scope: 'system/Patient.r',
    });
    await expect(other.issue(form, [`${server.origin}/auth/token`])).rejects.toMatchObject({
      code: 'TOKEN_CLIENT_INVALID',
      cause: { code: 'ASSERTION_USED' },
    });
    const again = await warehouse.assertion(server, { jti: 'once' });
    expect(told(await warehouse.ask(server, 'system/Patient.r', again))).toEqual([400, 'invalid_client']);
    // The jti of one client does not spoil that of another.
    const others = await registry.assertion(server, { jti: 'once' });
    expect((await registry.ask(server, 'system/Patient.r', others)).status).toBe(200);
  });

  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const none = (payload: object) =>
    `${[{ alg: 'none', kid: 'k1', typ: 'JWT' }, payload]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')}.`;
  const refusals: readonly [string, () => Promise<string> | string][] = [
    ['of a client that nobody knows', () => new SmartClient('nobody', '').assertion(server)],
    ['of one named like a member of objects', () => new SmartClient('__proto__', '').assertion(server)],
    ['signed with another key', () => warehouse.assertion(server, {}, { key: stranger })],
    ['with a kid of no key', () => warehouse.assertion(server, {}, { header: { kid: 'k2' } })],
    ['whose time is over', () => warehouse.assertion(server, { exp: inSeconds(-11) })],
    ['that is good for too long', () => warehouse.assertion(server, { exp: inSeconds(320) })],
    ['without an end', () => warehouse.assertion(server, { exp: undefined })],
    ['that is not good yet', () => warehouse.assertion(server, { nbf: inSeconds(60) })],
    ['for another server', () => warehouse.assertion(server, { aud: 'https://other.example/auth/token' })],
    ['for the address of FHIR', () => warehouse.assertion(server, { aud: `${server.origin}/fhir` })],
    ['whose sub is another', () => warehouse.assertion(server, { sub: 'registry' })],
    ['without a jti', () => warehouse.assertion(server, { jti: undefined })],
    ['with a jti that is too long', () => warehouse.assertion(server, { jti: 'x'.repeat(257) })],
    [
      'without a signature',
      () =>
        none({
          iss: 'warehouse',
          sub: 'warehouse',
          aud: `${server.origin}/auth/token`,
          exp: inSeconds(60),
          jti: 'n',
        }),
    ],
    ['cut off', async () => (await warehouse.assertion(server)).slice(0, -4)],
    ['that is none', () => 'x'],
    ['that is too long', () => 'x'.repeat(20_000)],
    ['of the other client', () => registry.assertion(server, { iss: 'warehouse', sub: 'warehouse' })],
  ];
  test.each(refusals)('%s is refused in one and the same words', async (_, make) => {
    const answer = await warehouse.ask(server, 'system/Patient.rs', await make());
    expect(answer.status).toBe(400);
    expect(answer.text).toBe(
      '{"error":"invalid_client","error_description":"the client assertion is not accepted"}',
    );
  });

  test('signed by HMAC with the public key as the secret is refused', async () => {
    const secret = createPublicKey(warehouse.privateKey).export({ type: 'spki', format: 'pem' });
    const good = await warehouse.assertion(server);
    const header = Buffer.from('{"alg":"HS384","kid":"k1"}').toString('base64url');
    const signed = `${header}.${good.split('.')[1] ?? ''}`;
    const forged = `${signed}.${createHmac('sha384', secret).update(signed).digest('base64url')}`;
    expect(told(await warehouse.ask(server, 'system/Patient.rs', forged))).toEqual([400, 'invalid_client']);
  });

  test('for another server does not become good when that one is named as the host', async () => {
    const aud = 'http://other.example/auth/token';
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await warehouse.assertion(server, { aud }),
      scope: 'system/Patient.r',
    });
    const headers = { host: 'other.example', 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await server.send('POST', '/auth/token', headers, form.toString());
    expect(told(answer)).toEqual([400, 'invalid_client']);
  });
});

describe('a token request', () => {
  test.each([
    ['no scope', { scope: '' }, 'invalid_scope'],
    ['a scope of patients', { scope: 'patient/*.rs' }, 'invalid_scope'],
    ['a scope that is none', { scope: 'system/Patient.rs launch' }, 'invalid_scope'],
    ['scopes of which none is granted', { scope: 'system/Encounter.r system/Patient.d' }, 'invalid_scope'],
    ['another grant', { scope: 'system/Patient.r', grant_type: 'password' }, 'unsupported_grant_type'],
    ['no grant', { scope: 'system/Patient.r', grant_type: '' }, 'unsupported_grant_type'],
    ['another way to sign', { scope: 'system/Patient.r', client_assertion_type: 'x' }, 'invalid_request'],
    ['another client_id', { scope: 'system/Patient.r', client_id: 'registry' }, 'invalid_client'],
    ['no assertion', { scope: 'system/Patient.r', client_assertion: '' }, 'invalid_client'],
  ])('with %s is refused', async (_, fields, error) => {
    const client_assertion = await warehouse.assertion(server);
    const answer = await requestToken(server, { client_assertion, ...fields });
    expect(told(answer)).toEqual([400, error]);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('as JSON, or with a parameter twice, is refused', async () => {
    const json = { authorization: '', 'content-type': 'application/json' };
    const asJson = await server.send('POST', '/auth/token', json, '{"grant_type":"client_credentials"}');
    expect(told(asJson)).toEqual([400, 'invalid_request']);
    const form = { authorization: '', 'content-type': 'application/x-www-form-urlencoded' };
    const twice = await server.send(
      'POST',
      '/auth/token',
      form,
      'grant_type=a&grant_type=client_credentials',
    );
    expect(told(twice)).toEqual([400, 'invalid_request']);
  });
});

describe('what the operator takes away', () => {
  let fixture: TestDatabase;
  beforeAll(async () => {
    fixture = await createTestDatabase([...accessMigrations]);
  });
  afterAll(() => fixture.remove());

  test('is gone from tokens that were granted before, at once and in every process', async () => {
    let list: ReadonlyMap<string, Client> = clients;
    const source = { current: () => Promise.resolve(list) };
    const tokens = new TokenService(fixture.database, source, systemClock, systemRandom);
    const elsewhere = new TokenService(fixture.database, source, systemClock, systemRandom);
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await warehouse.assertion(server),
      scope: 'system/*.rs',
    });
    const { token } = await tokens.issue(form, [`${server.origin}/auth/token`]);
    const held = () => Promise.all([tokens, elsewhere].map((one) => one.callerOf(token)));
    const patients = { type: 'Patient', permissions: 'rs' };
    expect(await held()).toMatchObject([{ scopes: [patients, {}] }, { scopes: [patients, {}] }]);
    const less = new SmartClient('warehouse', 'system/Patient.r').registration;
    list = new Map([['warehouse', less]]);
    const reads = { scopes: [{ type: 'Patient', permissions: 'r' }] };
    expect(await held()).toMatchObject([reads, reads]);
    // Another key under the same name.
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    list = new Map([['warehouse', { ...less, keys: new Map([['k1', publicKey]]) }]]);
    expect(await held()).toEqual([undefined, undefined]);
    list = new Map();
    expect(await held()).toEqual([undefined, undefined]);
    list = clients;
    expect(await held()).toMatchObject([{ scopes: [patients, {}] }, {}]);
  });
});
