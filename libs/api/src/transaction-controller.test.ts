import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/fhir+json' };

interface Entry {
  readonly fullUrl?: string;
  readonly resource?: { readonly id: string } & Record<string, unknown>;
  readonly response: { readonly status: string; readonly location?: string; readonly outcome?: object };
}

function send(bundle: unknown, more: Record<string, string> = {}): Promise<Answer> {
  return server.send('POST', '/fhir', { ...headers, ...more }, JSON.stringify(bundle));
}

const get = (path: string) => server.send('GET', `/fhir/${path}`);
const bundle = (type: string, ...entry: unknown[]) => ({ resourceType: 'Bundle', type, entry });
const entriesOf = (answer: Answer) => answer.json()['entry'] as Entry[];
const idOf = (entry: Entry | undefined) => /\/([^/]+)\/_history\//.exec(entry?.response.location ?? '')?.[1];

const post = (fullUrl: string, resource: { resourceType: string }, more: object = {}) => ({
  fullUrl,
  resource,
  request: { method: 'POST', url: resource.resourceType, ...more },
});

const observation = (reference: string) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  subject: { reference },
});

describe('a transaction', () => {
  test('puts the new names in the place of urn:uuid, in any order of entries, in narratives too', async () => {
    const patient = 'urn:uuid:3fdc72f4-a11d-4a9d-9260-a9f745779e1d';
    const div = `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${patient}">the patient</a></div>`;
    const answer = await send(
      bundle(
        'transaction',
        post('urn:uuid:6e0a4c58-3b7b-4c0f-9d5e-0a6b1d1f2a11', {
          ...observation(patient),
          ...{ text: { status: 'generated', div } },
        }),
        { request: { method: 'GET', url: 'Patient?identifier=urn:mrn|tx-1' } },
        post(patient, {
          ...{ resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: 'tx-1' }] },
        }),
      ),
    );
    expect(answer.status).toBe(200);
    expect(answer.json()['type']).toBe('transaction-response');
    const [written, found, made] = entriesOf(answer);
    expect([written?.response.status, found?.response.status, made?.response.status]).toEqual([
      '201',
      '200',
      '201',
    ]);
    // What reads comes last, whatever its place.
    expect(found?.resource).toMatchObject({ resourceType: 'Bundle', total: 1 });
    const stored = (await get(`Observation/${idOf(written)}`)).json() as {
      subject: object;
      text: { div: string };
    };
    expect(stored.subject).toEqual({ reference: `Patient/${idOf(made)}` });
    expect(stored.text.div).toContain(`href="Patient/${idOf(made)}"`);
  });

  test('is written whole or not at all', async () => {
    const bad = { resourceType: 'Patient', gender: 'none' };
    const id = (name: string) => ({ resourceType: 'Patient', id: name });
    const refused = await send(
      bundle(
        'transaction',
        { resource: id('whole-1'), request: { method: 'PUT', url: 'Patient/whole-1' } },
        { resource: bad, request: { method: 'POST', url: 'Patient' } },
      ),
    );
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('Bundle.entry[1].resource.gender');
    expect((await get('Patient/whole-1')).status).toBe(404);
    const stale = await send(
      bundle(
        'transaction',
        { resource: id('whole-2'), request: { method: 'PUT', url: 'Patient/whole-2' } },
        { request: { method: 'DELETE', url: 'Patient/whole-2b', ifMatch: 'W/"3"' } },
      ),
    );
    expect(stale.status).toBe(412);
    expect((await get('Patient/whole-2')).status).toBe(404);
  });

  test('finds conditional references, and refuses those that name none or many', async () => {
    const named = { resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: 'cond-ref' }] };
    await send(bundle('transaction', post('urn:x:1', named)));
    const good = await send(
      bundle('transaction', post('urn:x:1', observation('Patient?identifier=urn:mrn|cond-ref'))),
    );
    const [entry] = entriesOf(good);
    const { subject } = (await get(`Observation/${idOf(entry)}`)).json() as {
      subject: { reference: string };
    };
    expect(subject.reference).toMatch(/^Patient\/[0-9a-f-]{36}$/);
    const none = await send(
      bundle('transaction', post('urn:x:1', observation('Patient?identifier=urn:mrn|nobody'))),
    );
    expect(none.status).toBe(412);
  });

  test('resolves conditional references last: what the transaction itself makes and takes away counts', async () => {
    const named = (value: string) => ({
      resourceType: 'Patient',
      identifier: [{ system: 'urn:mrn', value }],
    });
    const made = await send(
      bundle(
        'transaction',
        post('urn:x:1', observation('Patient?identifier=urn:mrn|made-here')),
        post('urn:x:2', named('made-here')),
      ),
    );
    const [first, patient] = entriesOf(made);
    expect((await get(`Observation/${idOf(first)}`)).json()).toMatchObject({
      subject: { reference: `Patient/${idOf(patient)}` },
    });
    const request = { method: 'DELETE', url: `Patient/${idOf(patient)}` };
    const gone = await send(
      bundle(
        'transaction',
        { request },
        post('urn:x:1', observation('Patient?identifier=urn:mrn|made-here')),
      ),
    );
    expect(gone.status).toBe(412);
    expect(gone.json()).toMatchObject({ issue: [{ expression: ['Bundle.entry[1].resource'] }] });
    const twice = await send(
      bundle(
        'transaction',
        post('urn:x:1', observation('Patient?identifier=urn:mrn|made-here')),
        post('urn:x:2', named('made-here')),
      ),
    );
    expect(twice.status).toBe(412);
  });

  test('reads relative references as the fullUrl of their entry says', async () => {
    const root = 'https://other.example/fhir';
    const answer = await send(
      bundle(
        'transaction',
        post(`${root}/Patient/1`, { resourceType: 'Patient' }),
        post(`${root}/Observation/1`, observation('Patient/1')),
        post(`${root}/Observation/2`, observation('Patient/1/_history/3')),
        post('urn:x:3', observation('Patient/1')),
      ),
    );
    const [patient, ...observations] = entriesOf(answer).map(idOf);
    const subjects = observations.map(async (id) => (await get(`Observation/${id}`)).json()['subject']);
    expect(await Promise.all(subjects)).toEqual([
      { reference: `Patient/${patient}` },
      { reference: `Patient/${patient}/_history/3` },
      { reference: 'Patient/1' },
    ]);
  });

  test('refuses two entries that write one resource, and addresses that lead elsewhere', async () => {
    const put = {
      resource: { resourceType: 'Patient', id: 'x' },
      request: { method: 'PUT', url: 'Patient/x' },
    };
    expect((await send(bundle('transaction', put, put))).status).toBe(400);
    for (const url of ['http://other.example/Patient/1', '../admin/metrics', 'Patient', 'Subscription/1'])
      expect((await send(bundle('transaction', { ...put, request: { method: 'PUT', url } }))).status).toBe(
        400,
      );
    expect((await send(bundle('collection'))).status).toBe(400);
  });

  test.each(['Patient/', 'Patient/a b', 'Patient/%41', `Patient/${'x'.repeat(65)}`])(
    "refuses '%s': it names no id",
    async (url) => {
      for (const method of ['PUT', 'DELETE']) {
        const answer = await send(
          bundle('transaction', { resource: { resourceType: 'Patient' }, request: { method, url } }),
        );
        expect([answer.status, JSON.stringify(answer.json())]).toEqual([
          400,
          expect.stringContaining('the id in url'),
        ]);
      }
    },
  );

  test('with a condition makes one resource, however many send it at one time', async () => {
    const named = { resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: 'tx-race' }] };
    const one = () =>
      send(
        bundle(
          'transaction',
          post('urn:x:p', named, { ifNoneExist: 'identifier=urn:mrn|tx-race' }),
          post('urn:x:o', observation('urn:x:p')),
        ),
      );
    const answers = await Promise.all(Array.from({ length: 20 }, one));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect((await get('Patient?identifier=urn:mrn|tx-race')).json()['total']).toBe(1);
    const observations = (await get('Observation?subject:Patient=x')).status;
    expect([200, 400]).toContain(observations);
  });

  test('that crosses another one is run again, not refused', async () => {
    const put = (id: string, language: string) => ({
      resource: { resourceType: 'Patient', id, language },
      request: { method: 'PUT', url: `Patient/${id}` },
    });
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, n) => {
        const [a, b] = [put('cross-a', `x-${n}`), put('cross-b', `x-${n}`)];
        return send(n % 2 === 0 ? bundle('transaction', a, b) : bundle('transaction', b, a));
      }),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 24 }, () => 200));
    const [a, b] = await Promise.all([get('Patient/cross-a'), get('Patient/cross-b')]);
    expect([a.headers['etag'], a.json()['language']]).toEqual([b.headers['etag'], b.json()['language']]);
    expect(a.headers['etag']).toBe('W/"24"');
  });

  test('takes two thousand resources', async () => {
    const entries = Array.from({ length: 2_000 }, (_, n) =>
      post(`urn:x:${n}`, observation(n === 0 ? 'Patient/a' : 'urn:x:0')),
    );
    const answer = await send(bundle('transaction', ...entries));
    expect(answer.status).toBe(200);
    expect(new Set(entriesOf(answer).map(idOf)).size).toBe(2_000);
  });
});

/** Spellings of an address elsewhere, and of one above /fhir; none has to have `://`. */
const elsewhere = (host: string): string[] => [
  `http://${host}/x`,
  `http:\\\\${host}/x`,
  `http:/\t/${host}/x`,
  `ht\ntp:${'//'}${host}/x`,
  `https:${host}/x`,
  `ws:${host}/x`,
  `//${host}/x`,
  `\\\\${host}/x`,
  'file:///etc/passwd',
  '../admin/channels',
  'Patient/../../admin/channels',
  'Patient/%2e%2e/%2E%2e/admin/channels',
  'Patient/.\t./../admin/channels',
  'Patient\\..\\..\\admin/channels',
];

describe('a batch', () => {
  test('asks nobody else, however the address is spelled', async () => {
    let asked = 0;
    const stranger = createServer((_, response) => {
      asked++;
      response.end('{"resourceType":"Basic"}');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const { port } = stranger.address() as AddressInfo;
    const urls = elsewhere(`127.0.0.1:${port}`);
    const asking = urls.map((url) => ({ request: { method: 'GET', url } }));
    const entries = entriesOf(await send(bundle('batch', ...asking)));
    expect(entries.map(({ response }) => response.status)).toEqual(urls.map(() => '400'));
    for (const url of urls)
      expect((await send(bundle('transaction', { request: { method: 'GET', url } }))).status).toBe(400);
    await new Promise((resolve) => stranger.close(resolve));
    expect(asked).toBe(0);
  });

  test('refuses an entry whose condition cannot be read, and takes one about any text', async () => {
    const patient = { resourceType: 'Patient', name: [{ family: '山田' }] };
    const asked = [
      { method: 'PUT', url: 'Patient/c1', ifMatch: 5 },
      { method: 'PUT', url: 'Patient/c1', ifMatch: 'W/"1"\u0000' },
      { method: 'GET', url: 'Patient/c1', ifNoneMatch: 'ü' },
      { method: 'POST', url: 'Patient', ifNoneExist: 'family=\u0000山' },
      { method: 'POST', url: 'Patient', ifNoneExist: 'family=山田' },
      { method: 'POST', url: 'Patient', ifNoneExist: 'family=山田' },
    ];
    const entry = asked.map((request) => ({ request, resource: patient }));
    const entries = entriesOf(await send(bundle('batch', ...entry)));
    expect(entries.map(({ response }) => response.status)).toEqual([
      '400',
      '400',
      '400',
      '201',
      '200',
      '200',
    ]);
    for (const one of entry.slice(0, 3)) expect((await send(bundle('transaction', one))).status).toBe(400);
  });

  test('takes addresses of systems in a query as they are', async () => {
    const url = 'Patient?identifier=http://example.org/mrn|1..2&name:contains=x://y';
    const [entry] = entriesOf(await send(bundle('batch', { request: { method: 'GET', url } })));
    expect(entry?.response.status).toBe('200');
  });

  test('does each entry by itself: what fails costs itself', async () => {
    const answer = await send(
      bundle(
        'batch',
        {
          resource: { resourceType: 'Patient', gender: 'none' },
          request: { method: 'POST', url: 'Patient' },
        },
        { resource: { resourceType: 'Patient', id: 'b1' }, request: { method: 'PUT', url: 'Patient/b1' } },
        { request: { method: 'GET', url: 'Patient/b1' } },
        { request: { method: 'GET', url: 'Patient/unknown' } },
        {
          resource: {
            resourceType: 'Binary',
            contentType: 'application/json-patch+json',
            data: Buffer.from('[{"op":"add","path":"/active","value":true}]').toString('base64'),
          },
          request: { method: 'PATCH', url: 'Patient/b1', ifMatch: 'W/"1"' },
        },
        { request: { method: 'DELETE', url: 'Patient/b1' } },
        { resource: { resourceType: 'Patient' }, request: { method: 'PATCH', url: 'Patient/b1' } },
        { request: { method: 'GET', url: 'Patient?name=Müller' } },
        'no entry',
      ),
    );
    expect(answer.json()['type']).toBe('batch-response');
    const entries = entriesOf(answer);
    expect(entries.map(({ response }) => response.status)).toEqual([
      '422',
      '201',
      '200',
      '404',
      '200',
      '204',
      '400',
      '200',
      '400',
    ]);
    expect(entries[6]?.response.outcome).toMatchObject({
      issue: [{ expression: ['Bundle.entry[6].resource'] }],
    });
    expect(entries[0]?.response.outcome).toMatchObject({ resourceType: 'OperationOutcome' });
    expect(entries[2]?.resource).toMatchObject({ id: 'b1' });
    expect(entries[4]?.resource).toMatchObject({ active: true });
  });
});
