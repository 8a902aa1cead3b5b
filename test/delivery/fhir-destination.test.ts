import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parseScopes } from '#access';
import { FhirDestination } from '#connectors';
import { DeliveryClaims } from '#delivery';
import { DeliverDestinations } from '#pipeline';
import { type ApiServer, accessToken, startApiServer } from '../../libs/api/testing/api-server.js';
import { outboundOf, outcomeOf } from '../../libs/connectors/testing/outbound.js';
import { HttpReceiver } from '../../libs/delivery/testing/http-receiver.js';
import { until } from '../../libs/delivery/testing/until.js';
import { seedDeliveries, seedDestination } from '../../libs/store/testing/seed-deliveries.js';

type Options = ConstructorParameters<typeof FhirDestination>[0];

const MRN = 'urn:oid:1.2.3';
const never = new AbortController().signal;
const keys = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const client = {
  id: 'suture-a',
  scopes: parseScopes('system/*.cruds') ?? [],
  keys: new Map([['k1', keys.publicKey]]),
};

const patient = (id: string, mrn = `m,${id}`) => ({
  resourceType: 'Patient',
  id,
  identifier: [
    { system: 'urn:other', value: 'x' },
    { system: MRN, value: mrn },
  ],
});
const observation = (id: string, subject: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'potassium' },
  subject: { reference: `Patient/${subject}` },
  ...more,
});

describe('FHIR server as destination', () => {
  let peer: ApiServer;
  let folder: string;
  const open: FhirDestination[] = [];

  beforeAll(async () => {
    peer = await startApiServer(accessToken, { clients: new Map([[client.id, client]]) });
    folder = mkdtempSync(join(tmpdir(), 'suture-fhir-'));
    writeFileSync(join(folder, 'token'), `Bearer ${accessToken}\n`);
    const jwk = { ...keys.privateKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES384' };
    writeFileSync(join(folder, 'key.json'), JSON.stringify(jwk));
  });
  afterAll(async () => {
    await peer.close();
    rmSync(folder, { recursive: true });
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });

  const destination = (options: Partial<Options> = {}) => {
    const made = new FhirDestination({
      name: 'lab.ehr',
      url: `${peer.origin}/fhir`,
      mode: 'transaction',
      identifiers: new Map(),
      without: new Set(),
      timeoutMs: 10_000,
      authorizationFile: join(folder, 'token'),
      ...options,
    });
    open.push(made);
    return made;
  };
  const search = async (query: string) => {
    const { entry = [] } = (await peer.send('GET', `/fhir/${query}`)).json() as {
      entry?: { resource: Record<string, unknown> }[];
    };
    return entry.map(({ resource }) => resource);
  };

  describe.each(['transaction', 'update'] as const)('mode %s', (mode) => {
    const id = (name: string) => `${mode}-${name}`;

    test('resources arrive under our ids, digit for digit, and once however often they are sent', async () => {
      const text = JSON.stringify(observation(id('o1'), id('p1'))).replace(
        /}$/,
        ',"valueQuantity":{"value":1.50}}',
      );
      const message = outboundOf([text, patient(id('p1'))]);
      const one = destination({ mode });
      expect(await outcomeOf(one.send(message, never))).toBe('sent');
      expect(await outcomeOf(one.send(message, never))).toBe('sent');
      const read = await peer.send('GET', `/fhir/Observation/${id('o1')}`);
      expect(read.text).toContain('"value":1.50');
      expect(read.text).toContain('"versionId":"1"');
    });

    test('where the server finds its own by an identifier, references lead to what it has', async () => {
      const theirs = await peer.send(
        'POST',
        '/fhir/Patient',
        { 'content-type': 'application/fhir+json' },
        JSON.stringify({ ...patient('none', id('mrn')), id: undefined }),
      );
      const kept = String(theirs.json()['id']);
      const versioned = { basedOn: [{ reference: `ServiceRequest/${id('s')}/_history/7` }] };
      const request = {
        resourceType: 'ServiceRequest',
        id: id('s'),
        status: 'active',
        intent: 'order',
        subject: { reference: `Patient/${id('p2')}` },
      };
      const message = outboundOf([
        observation(id('o2'), id('p2'), versioned),
        request,
        patient(id('p2'), id('mrn')),
        { resourceType: 'Provenance', id: id('v'), target: [], recorded: '2026-01-01T00:00:00Z', agent: [] },
      ]);
      const options = { mode, identifiers: new Map([['Patient', MRN]]), without: new Set(['Provenance']) };
      const one = destination(options);
      expect(await outcomeOf(one.send(message, never))).toBe('sent');
      expect(await outcomeOf(one.send(message, never))).toBe('sent');
      const [found, ...others] = await search(`Patient?identifier=${MRN}|${id('mrn')}`);
      expect(others).toEqual([]);
      expect(found).toMatchObject({ id: kept });
      expect((await peer.send('GET', `/fhir/Observation/${id('o2')}`)).json()).toMatchObject({
        subject: { reference: `Patient/${kept}` },
        basedOn: [{ reference: `ServiceRequest/${id('s')}` }],
      });
      expect((await peer.send('GET', `/fhir/Provenance/${id('v')}`)).status).toBe(404);
    });

    test('a Patient that the server has not is created, once, and referred to', async () => {
      const message = outboundOf([observation(id('o3'), id('p3')), patient(id('p3'))]);
      const one = destination({ mode, identifiers: new Map([['Patient', MRN]]) });
      for (let sent = 0; sent < 2; sent++) expect(await outcomeOf(one.send(message, never))).toBe('sent');
      const found = await search(`Patient?identifier=${MRN}|m\\,${id('p3')}`);
      expect(found).toHaveLength(1);
      expect((await peer.send('GET', `/fhir/Observation/${id('o3')}`)).json()).toMatchObject({
        subject: { reference: `Patient/${String(found[0]?.['id'])}` },
      });
    });

    test('what the server refuses is refused with the code of its issue, and without a word of the content', async () => {
      const wrong = { ...patient(id('novakova')), gender: 'Novakova', birthDate: 'Novakova' };
      const outcome = await destination({ mode }).send(outboundOf([wrong]), never);
      expect(await outcomeOf(outcome)).toBe('rejected FHIR_REFUSED');
      if (outcome.sent) return;
      expect(outcome.error.message).toMatch(/with 4\d\d \([a-z-]+\)$/);
      expect(outcome.error.message).not.toMatch(/novakova/i);
    });

    test('the token of a SMART client is asked for once and goes along', async () => {
      const smart = {
        tokenUrl: `${peer.origin}/auth/token`,
        client: client.id,
        keyFile: join(folder, 'key.json'),
        scope: 'system/*.cruds',
      };
      const one = destination({ mode, authorizationFile: undefined, smart });
      expect(await outcomeOf(one.send(outboundOf([patient(id('p4'))]), never))).toBe('sent');
      expect(await outcomeOf(one.send(outboundOf([patient(id('p5'))]), never))).toBe('sent');
      const stranger = destination({
        mode,
        authorizationFile: undefined,
        smart: { ...smart, client: 'who' },
      });
      expect(await outcomeOf(stranger.send(outboundOf([patient(id('p6'))]), never))).toBe(
        'misconfigured SMART_TOKEN_REFUSED',
      );
    });
  });

  test('a message of which the server gets nothing is sent', async () => {
    const one = destination({ without: new Set(['Patient']) });
    expect(await outcomeOf(one.send(outboundOf([patient('p7')]), never))).toBe('sent');
    expect((await peer.send('GET', '/fhir/Patient/p7')).status).toBe(404);
  });

  describe('a peer that answers as a test says', () => {
    let receiver: HttpReceiver;
    beforeEach(async () => {
      receiver = await new HttpReceiver().up();
    });
    afterEach(() => receiver.down());

    const entries = (...statuses: string[]) => ({
      status: 200,
      body: JSON.stringify({
        resourceType: 'Bundle',
        type: 'transaction-response',
        entry: statuses.map((status) => ({
          response: { status, outcome: { resourceType: 'OperationOutcome', issue: [{ code: 'conflict' }] } },
        })),
      }),
    });
    const sendTo = (options: Partial<Options> = {}, resources = [patient('a'), patient('b')]) =>
      destination({ url: receiver.url.replace(/\/receive.*/, ''), ...options }).send(
        outboundOf(resources),
        never,
      );

    test.each([
      ['every entry written', entries('200 OK', '201 Created'), 'sent'],
      ['one entry refused', entries('200 OK', '422 Unprocessable Entity'), 'rejected FHIR_REFUSED'],
      ['one entry that failed', entries('200', '503'), 'unavailable DESTINATION_BUSY'],
      ['an entry too few', entries('200'), 'misconfigured FHIR_ANSWER_STRANGE'],
      ['another Bundle', { status: 200, body: '{"type":"searchset"}' }, 'misconfigured FHIR_ANSWER_STRANGE'],
      ['no JSON', { status: 200, body: '<html/>' }, 'misconfigured FHIR_ANSWER_STRANGE'],
      ['a refusal that is no outcome', { status: 422, body: '<html/>' }, 'rejected FHIR_REFUSED'],
      [
        'a code nobody knows',
        { status: 400, body: '{"issue":[{"code":"Novakova"}]}' },
        'rejected FHIR_REFUSED',
      ],
      ['401', { status: 401 }, 'misconfigured DESTINATION_MISADDRESSED'],
      ['500', { status: 500 }, 'uncertain DESTINATION_FAILED'],
    ])('%s', async (_, answer, expected) => {
      receiver.behave = () => answer;
      const outcome = await sendTo();
      expect(await outcomeOf(outcome)).toBe(expected);
      if (!outcome.sent) expect(outcome.error.message).not.toMatch(/novakova/i);
    });

    test('a server that says when to come back is left alone until then', async () => {
      receiver.behave = () => ({ status: 429, headers: { 'retry-after': '7' } });
      expect(await sendTo()).toMatchObject({ sent: false, retryAfterMs: 7_000 });
    });

    test('resources that refer to each other in a circle are for a transaction', async () => {
      const circle = [
        { ...patient('a'), link: [{ other: { reference: 'Patient/b' }, type: 'seealso' }] },
        { ...patient('b'), link: [{ other: { reference: 'Patient/a' }, type: 'seealso' }] },
      ];
      receiver.behave = () => ({
        status: 201,
        headers: { location: `${receiver.url}/Patient/x/_history/1` },
      });
      const identifiers = new Map([['Patient', MRN]]);
      expect(await outcomeOf(sendTo({ mode: 'update', identifiers }, circle))).toBe(
        'rejected FHIR_REFERENCE_CIRCLE',
      );
      receiver.behave = () => entries('200', '200');
      expect(await outcomeOf(sendTo({ identifiers }, circle))).toBe('sent');
      const bundle = JSON.parse(receiver.posts.at(-1)?.body ?? '') as {
        entry: { fullUrl: string; resource: { link: { other: { reference: string } }[] } }[];
      };
      const names = bundle.entry.map(({ fullUrl }) => fullUrl);
      expect(names[0]).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(bundle.entry.map(({ resource }) => resource.link[0]?.other.reference)).toEqual([
        names[1],
        names[0],
      ]);
    });

    test('a server that does not say where it keeps a resource cannot be written to one by one', async () => {
      receiver.behave = () => 200;
      expect(await outcomeOf(sendTo({ mode: 'update', identifiers: new Map([['Patient', MRN]]) }))).toBe(
        'misconfigured FHIR_PLACE_UNKNOWN',
      );
    });

    test('a token that the server takes back is asked for again; one that lasts is kept', async () => {
      let tokens = 0;
      receiver.behave = ({ url, headers }) => {
        if (url === '/token') {
          tokens += 1;
          return { status: 200, body: JSON.stringify({ access_token: `t${tokens}`, expires_in: 300 }) };
        }
        return headers.authorization === 'Bearer t1' ? { status: 401 } : entries('200');
      };
      const url = receiver.url.replace(/\/receive.*/, '');
      const smart = { tokenUrl: `${url}/token`, client: 'c', keyFile: join(folder, 'key.json'), scope: 's' };
      const one = destination({ url, authorizationFile: undefined, smart });
      const send = () => outcomeOf(one.send(outboundOf([patient('a')]), never));
      expect(await send()).toBe('misconfigured DESTINATION_MISADDRESSED');
      expect(await send()).toBe('sent');
      expect(await send()).toBe('sent');
      expect(tokens).toBe(2);
      writeFileSync(join(folder, 'no-key.json'), '{"kty":"EC"}');
      const keyless = destination({
        url,
        smart: { ...smart, keyFile: join(folder, 'no-key.json') },
        authorizationFile: undefined,
      });
      expect(await outcomeOf(keyless.send(outboundOf([patient('a')]), never))).toBe(
        'misconfigured SMART_KEY_UNUSABLE',
      );
    });
  });

  test.each(['transaction', 'update'] as const)(
    'through a line that breaks before and after the server has written, %s writes all in order',
    async (mode) => {
      const { database } = peer.fixture;
      // Stands before the server: what is cut has been written, what is busy has not.
      const line = await new HttpReceiver().up();
      let requests = 0;
      line.behave = async ({ method, url, headers, body }) => {
        requests += 1;
        if (requests % 5 === 0) return 503;
        const { authorization = '', prefer } = headers;
        const sent = { authorization, prefer: String(prefer), 'content-type': 'application/fhir+json' };
        const answer = await peer.send(method, url, sent, body);
        if (requests % 4 === 0) return 'cut';
        const location = answer.headers['location'];
        return {
          status: answer.status,
          body: answer.text,
          ...(typeof location === 'string' ? { headers: { location } } : {}),
        };
      };
      const name = `lab.${mode}`;
      const id = await seedDestination(database, name, 'fhir');
      const count = 40;
      const valued = (n: number) => ({ valueInteger: n });
      await seedDeliveries(
        database,
        { destinations: [id], partition: 3, lane: mode === 'update' ? 1 : 0 },
        Array.from({ length: count }, (_, n) => [
          JSON.stringify(observation(`${mode}-line`, `${mode}-line-p`, valued(n))),
          JSON.stringify(patient(`${mode}-line-p`)),
        ]),
      );
      const claims = new DeliveryClaims(database);
      const one = destination({
        mode,
        name,
        url: `${line.url.replace(/\/receive.*/, '')}/fhir`,
        identifiers: new Map([['Patient', MRN]]),
      });
      const errors: unknown[] = [];
      const deliveries: DeliverDestinations = new DeliverDestinations(
        claims,
        [{ id, channel: 'lab', destination: one, retry: { firstAfterMs: 5, atMostEveryMs: 20 } }],
        {
          onError: (error) => errors.push(error),
          // Stands for the queue's delayed job.
          onRetry: (nudge, afterMs) => void setTimeout(() => deliveries.wake(nudge), afterMs).unref(),
        },
      );
      deliveries.start();
      await until('all are written', async () => {
        const rows = await database.query<{ number: number }>(
          'SELECT number FROM delivery_cursor WHERE destination = $1',
          [id],
        );
        return rows[0]?.number === count;
      });
      await deliveries.stop(0);
      await claims.close();
      await line.down();
      expect(errors).toEqual([]);
      const history = (
        await peer.send('GET', `/fhir/Observation/${mode}-line/_history?_count=100`)
      ).json() as { entry: { resource: { valueInteger: number } }[] };
      const values = history.entry.map(({ resource }) => resource.valueInteger).reverse();
      expect(values).toEqual(Array.from({ length: count }, (_, n) => n));
      expect(await search(`Patient?identifier=${MRN}|m\\,${mode}-line-p`)).toHaveLength(1);
    },
  );
});
