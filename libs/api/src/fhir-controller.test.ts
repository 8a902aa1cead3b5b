import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkResource, readJson } from '#fhir';
import { until } from '../../delivery/testing/until.js';
import { deleteResource, storeResources } from '../../store/testing/store-resources.js';
import { type Answer, type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';

let server: ApiServer;
let seq = 0;
const store = (...texts: string[]): Promise<void> => storeResources(server.fixture.database, ++seq, texts);
const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  server.send('GET', path, headers);

const patient = '{"resourceType":"Patient","id":"p1","identifier":[{"system":"urn:mr","value":"77"}]}';
const observation = (id: string, value: string): string =>
  `{"resourceType":"Observation","id":"${id}","status":"final","code":{"text":"Glucose"},` +
  `"subject":{"reference":"Patient/p1"},"valueQuantity":{"value":${value}}}`;

interface Outcome {
  issue: { severity: string; code: string; details: { text: string }; expression?: string[] }[];
}
interface Bundle {
  type: string;
  total?: number;
  link: { relation: string; url: string }[];
  entry?: { fullUrl: string; resource: { resourceType: string; id: string }; search: { mode: string } }[];
}
const outcome = (answer: Answer): Outcome['issue'][number] => {
  expect(answer.headers['content-type']).toBe('application/fhir+json; charset=utf-8');
  const told = answer.json() as unknown as Outcome & { resourceType: string };
  expect(told.resourceType).toBe('OperationOutcome');
  const [issue] = told.issue;
  if (issue === undefined) throw new Error('an OperationOutcome without issue');
  return issue;
};
const bundle = (answer: Answer): Bundle => {
  expect(answer.status).toBe(200);
  return answer.json() as unknown as Bundle;
};

beforeAll(async () => {
  server = await startApiServer();
  await store(patient, observation('o1', '1.50'), observation('o2', '2'));
  await store(patient, observation('o1', '1.60'), observation('gone', '3'));
  await deleteResource(server.fixture.database, 'Observation', 'gone');
});
afterAll(() => server.close());

describe('reading over HTTP', () => {
  test('a resource comes as it was stored, with its version as ETag', async () => {
    const answer = await get('/fhir/Observation/o1');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/fhir+json; charset=utf-8');
    expect(answer.headers['etag']).toBe('W/"2"');
    expect(answer.text).toMatch(/"versionId":"2".*"value":1\.60}/);
    const meta = answer.json()['meta'] as { lastUpdated: string };
    expect(answer.headers['last-modified']).toBe(new Date(meta.lastUpdated).toUTCString());
  });

  test('a version and the history keep what was before', async () => {
    const first = await get('/fhir/Observation/o1/_history/1');
    expect(first.headers['etag']).toBe('W/"1"');
    expect(first.text).toContain('"value":1.50}');
    const history = bundle(await get('/fhir/Observation/o1/_history?_count=1'));
    expect([history.type, history.total, history.entry?.length]).toEqual(['history', 2, 1]);
    const next = history.link.find((link) => link.relation === 'next')?.url ?? '';
    const older = await get(next.replace(server.origin, ''));
    expect(older.text).toContain('"value":1.50}');
    expect(bundle(older).link.some((link) => link.relation === 'next')).toBe(false);
  });

  test('a client that has the version already is told so', async () => {
    const same = await get('/fhir/Observation/o1', { 'if-none-match': 'W/"1", W/"2"' });
    expect([same.status, same.text, same.headers['etag']]).toEqual([304, '', 'W/"2"']);
    expect((await get('/fhir/Observation/o1', { 'if-none-match': 'W/"1"' })).status).toBe(200);
    const later = new Date(Date.now() + 60_000).toUTCString();
    expect((await get('/fhir/Observation/o1', { 'if-modified-since': later })).status).toBe(304);
    const earlier = new Date(0).toUTCString();
    expect((await get('/fhir/Observation/o1', { 'if-modified-since': earlier })).status).toBe(200);
  });

  test('HEAD says what GET says, without the body', async () => {
    const head = await server.send('HEAD', '/fhir/Observation/o1');
    const full = await get('/fhir/Observation/o1');
    expect([head.status, head.text, head.headers['etag']]).toEqual([200, '', 'W/"2"']);
    expect(head.headers['content-length']).toBe(full.headers['content-length']);
  });

  test('unknown, deleted and no resource type are three things', async () => {
    const unknown = await get('/fhir/Observation/nothing');
    expect([unknown.status, outcome(unknown).code]).toEqual([404, 'not-found']);
    expect((await get('/fhir/Observation/o1/_history/9')).status).toBe(404);
    expect((await get('/fhir/Observation/o1/_history/x')).status).toBe(404);
    const deleted = await get('/fhir/Observation/gone');
    expect([deleted.status, outcome(deleted).code, deleted.headers['etag']]).toEqual([
      410,
      'deleted',
      'W/"2"',
    ]);
    expect((await get('/fhir/Observation/gone/_history/1')).status).toBe(200);
    const history = await get('/fhir/Observation/gone/_history');
    expect(history.text).toContain('"method":"DELETE"');
    const type = await get('/fhir/Nonsense/1');
    expect([type.status, outcome(type).code]).toEqual([404, 'not-supported']);
    const path = await get('/fhir/Observation/1/2/3/4');
    expect([path.status, outcome(path).code]).toEqual([404, 'not-found']);
  });

  test('R4 is written as JSON and XML, no other way, and every spelling of it is understood', async () => {
    for (const accept of ['text/csv', 'text/turtle', 'application/fhir+json; fhirVersion=3.0']) {
      const answer = await get('/fhir/Observation/o1', { accept });
      expect([answer.status, outcome(answer).code]).toEqual([406, 'not-supported']);
    }
    const csv = await get('/fhir/Observation/o1?_format=csv');
    expect([csv.status, outcome(csv).expression]).toEqual([406, ['http._format']]);
    for (const accept of [
      'application/json',
      'text/html, */*;q=0.8',
      'application/fhir+json;fhirVersion=4.0',
    ]) {
      expect((await get('/fhir/Observation/o1', { accept })).status).toBe(200);
    }
    for (const format of ['json', 'application/fhir+json', 'application%2Ffhir%2Bjson']) {
      const answer = await get(`/fhir/Observation/o1?_format=${format}`, { accept: 'application/fhir+xml' });
      expect(answer.status).toBe(200);
    }
  });
});

describe('searching over HTTP', () => {
  test('a searchset says what was found, where, and how it was asked', async () => {
    const found = bundle(await get('/fhir/Observation?patient=Patient/p1&_format=json'));
    expect([found.type, found.total]).toEqual(['searchset', 2]);
    expect(found.entry?.map((entry) => [entry.fullUrl, entry.resource.id, entry.search.mode])).toEqual([
      [`${server.origin}/fhir/Observation/o1`, 'o1', 'match'],
      [`${server.origin}/fhir/Observation/o2`, 'o2', 'match'],
    ]);
    expect(found.link).toEqual([
      { relation: 'self', url: `${server.origin}/fhir/Observation?patient=Patient%2Fp1&_format=json` },
    ]);
    const absolute = bundle(await get(`/fhir/Observation?subject=${server.origin}/fhir/Patient/p1`));
    expect(absolute.total).toBe(2);
  });

  test('the same question by form finds the same', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await server.send(
      'POST',
      '/fhir/Patient/_search?_count=5',
      form,
      'identifier=urn%3Amr%7C77',
    );
    expect(bundle(answer).entry?.map((entry) => entry.resource.id)).toEqual(['p1']);
  });

  test('next links lead through all pages', async () => {
    const seen: string[] = [];
    let path: string | undefined = '/fhir/Observation?subject=p1&_count=1';
    while (path !== undefined) {
      const page: Bundle = bundle(await get(path));
      seen.push(...(page.entry ?? []).map((entry) => entry.resource.id));
      path = page.link.find((link) => link.relation === 'next')?.url.replace(server.origin, '');
    }
    expect(seen).toEqual(['o1', 'o2']);
  });

  test('what is included, counted, in a compartment or of several types comes over HTTP too', async () => {
    const included = bundle(await get('/fhir/Observation?_id=o1&_include=Observation:subject'));
    expect(included.entry?.map((entry) => [entry.resource.id, entry.search.mode])).toEqual([
      ['o1', 'match'],
      ['p1', 'include'],
    ]);
    const counted = bundle(await get('/fhir/Observation?patient=p1&_summary=count'));
    expect([counted.total, counted.entry]).toEqual([2, undefined]);
    const held = bundle(await get('/fhir/Patient/p1/Observation?_sort=-_id'));
    expect(held.entry?.map((entry) => entry.resource.id)).toEqual(['o2', 'o1']);
    expect(held.link[0]?.url).toBe(`${server.origin}/fhir/Patient/p1/Observation?_sort=-_id`);
    const all = bundle(await get('/fhir/Patient/p1/*'));
    expect(all.entry?.map((entry) => entry.resource.id)).toEqual(expect.arrayContaining(['p1', 'o1', 'o2']));
    const several = bundle(await get('/fhir?_type=Patient,Observation&_count=10'));
    expect(several.entry?.map((entry) => entry.resource.id)).toEqual(['p1', 'o1', 'o2']);
    const costly = await get('/fhir');
    expect([costly.status, outcome(costly).code]).toEqual([400, 'too-costly']);
  });

  test('nothing found is an empty searchset without entries', async () => {
    const found = bundle(await get('/fhir/Patient?identifier=nothing'));
    expect([found.total, found.entry]).toEqual([0, undefined]);
  });

  test('an unknown parameter is refused with the list of what exists, or skipped and reported', async () => {
    const refused = await get('/fhir/Patient?nam=x');
    expect(refused.status).toBe(400);
    expect(outcome(refused)).toMatchObject({ code: 'not-supported', expression: ['http.nam'] });
    expect(outcome(refused).details.text).toContain('identifier');
    const lenient = bundle(await get('/fhir/Patient?nam=x', { prefer: 'handling=lenient' }));
    expect(lenient.entry?.map((entry) => entry.search.mode)).toEqual(['match', 'outcome']);
    expect(lenient.total).toBe(1);
    const value = await get('/fhir/Patient?_count=x');
    expect([value.status, outcome(value).expression]).toEqual([400, ['http._count']]);
    expect((await get('/fhir/Nonsense?_id=1')).status).toBe(404);
  });
});

describe('what is not there', () => {
  test('a body of another kind, or one too large, is refused before it is understood', async () => {
    const csv = await server.send(
      'POST',
      '/fhir/Patient',
      { authorization: `Bearer ${accessToken}`, 'content-type': 'text/csv' },
      'a,b',
    );
    expect([csv.status, outcome(csv).code]).toEqual([415, 'not-supported']);
    const form = { authorization: '', 'content-type': 'application/x-www-form-urlencoded' };
    const large = await server.send('POST', '/auth/token', form, 'x'.repeat(64 * 1024 + 1));
    expect([large.status, large.json()['code']]).toEqual([413, 'HTTP_BODY_TOO_LARGE']);
  });

  test('an address that cannot be decoded is refused', async () => {
    const answer = await get('/fhir/Patient/%E0%A4%A');
    expect([answer.status, outcome(answer).code]).toEqual([400, 'invalid']);
  });

  test('a fault of ours is told without detail, and reported', async () => {
    const broken = '{"resourceType":"Basic","id":"broken"}';
    await store(broken);
    await server.fixture.database.query('UPDATE pack SET bytes = $1 WHERE seq = $2', [
      Buffer.from([1, 9]),
      seq,
    ]);
    const answer = await get('/fhir/Basic/broken');
    expect([answer.status, outcome(answer).severity]).toEqual([500, 'fatal']);
    expect(answer.text).not.toContain('zlib');
    expect(server.reported).toHaveLength(1);
  });

  test('the capability statement lists what is routed and nothing else', async () => {
    const statement = (await get('/fhir/metadata')).json() as unknown as {
      resourceType: string;
      fhirVersion: string;
      implementation: { url: string };
      rest: {
        resource: { type: string; interaction: { code: string }[]; searchParam: { name: string }[] }[];
      }[];
    };
    expect([statement.resourceType, statement.fhirVersion]).toEqual(['CapabilityStatement', '4.0.1']);
    expect(statement.implementation.url).toBe(`${server.origin}/fhir`);
    const resources = statement.rest[0]?.resource ?? [];
    expect(resources).toHaveLength(146);
    const of = (type: string): string[] =>
      (resources.find((resource) => resource.type === type)?.interaction ?? [])
        .map(({ code }) => code)
        .sort();
    expect(of('Patient')).toEqual([
      'create',
      'delete',
      'history-instance',
      'history-type',
      'patch',
      'read',
      'search-type',
      'update',
      'vread',
    ]);
    expect(of('Subscription')).toContain('create');
    const observed = resources.find((resource) => resource.type === 'Observation');
    const names = observed?.searchParam.map(({ name }) => name) ?? [];
    expect(names).toEqual(expect.arrayContaining(['_id', '_lastUpdated', 'code-value-quantity', 'subject']));
    expect(names).not.toContain('near');
  });

  test('every kind of answer is itself valid R4', async () => {
    for (const path of [
      '/fhir/metadata',
      '/fhir/Observation?patient=p1',
      '/fhir/Patient?identifier=nothing',
      '/fhir/Observation?_count=1',
      '/fhir/Observation/o1',
      '/fhir/Observation/gone/_history',
      '/fhir/Patient?nam=x',
    ]) {
      const answer = await get(path);
      expect([path, checkResource(readJson(answer.text))]).toEqual([path, []]);
    }
    const lenient = await get('/fhir/Patient?nam=x', { prefer: 'handling=lenient' });
    expect(checkResource(readJson(lenient.text))).toEqual([]);
  });
});

test('every answer is counted by its route, which names no resource', async () => {
  const before = server.answered.length;
  await get('/fhir/Patient/p1');
  await get('/fhir/Patient?_id=p1');
  await get('/fhir/no/such/address/at/all');
  // An answer is counted when it has left, which the other side may see first.
  await until('the last answer is counted', () => server.answered.length >= before + 3);
  expect(server.answered.slice(before)).toEqual([
    { method: 'GET', route: '/fhir/:type/:id', status: '200' },
    { method: 'GET', route: '/fhir/:type', status: '200' },
    { method: 'GET', route: 'none', status: '404' },
  ]);
});

describe('what is not understood', () => {
  test('is no id when it is the name of an operation', async () => {
    for (const path of ['/fhir/Patient/$merge', '/fhir/Patient/p1/$merge', '/fhir/$merge?a=b']) {
      const answer = await get(path);
      expect([path, answer.status, outcome(answer).code]).toEqual([path, 404, 'not-supported']);
      expect(outcome(answer).details.text).toContain('$merge');
    }
  });

  test('is no fault of ours where it holds a NUL', async () => {
    const reported = server.reported.length;
    for (const path of ['/fhir/Patient/%00', '/fhir/Patient?_id=%00', '/fhir/Observation?subject._id=a%00b'])
      expect([path, (await get(path)).status]).toEqual([path, 400]);
    expect(server.reported).toHaveLength(reported);
  });

  test('is told as an OperationOutcome even when it is no HTTP', async () => {
    const { hostname, port } = new URL(server.origin);
    const socket = connect(Number(port), hostname);
    socket.end('GET /fhir/Patient?name=M\u00fcller HTTP/1.1\r\nhost: here\r\n\r\n');
    const said = await text(socket);
    const [head = '', body = ''] = said.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 400 Bad Request\r\ncontent-type: application\/fhir\+json/);
    expect(JSON.parse(body)).toMatchObject({
      resourceType: 'OperationOutcome',
      issue: [
        { severity: 'error', code: 'invalid', details: { text: expect.stringContaining('percent-encoded') } },
      ],
    });
  });
});
