import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const token = { authorization: `Bearer ${accessToken}` };
const asynchronous = { ...token, prefer: 'respond-async' };

interface Manifest {
  transactionTime: string;
  request: string;
  requiresAccessToken: boolean;
  output: { type: string; url: string; count: number }[];
  deleted?: { url: string }[];
  error: { url: string; count: number }[];
  extension?: Record<string, Record<string, number>>;
}

const get = (path: string) => server.send('GET', path, token);
const pathOf = (url: string) => url.slice(server.origin.length);

async function accepted(answer: Answer): Promise<string> {
  expect([answer.status, answer.text]).toEqual([202, '']);
  return pathOf(answer.headers['content-location'] as string);
}

/** Asks until the job has ended, as a client does. */
async function done(path: string): Promise<Manifest> {
  for (;;) {
    const answer = await get(path);
    if (answer.status === 202) {
      expect(answer.headers['retry-after']).toBe('2');
      expect(answer.headers['x-progress']).toBeDefined();
      continue;
    }
    if (answer.status !== 200) throw new Error(answer.text);
    expect(Date.parse(answer.headers['expires'] as string)).toBeGreaterThan(Date.now());
    return answer.json() as unknown as Manifest;
  }
}

async function exported(path: string): Promise<Manifest> {
  return done(await accepted(await server.send('GET', `/fhir/${path}`, asynchronous)));
}

async function linesOf(files: readonly { url: string }[]): Promise<string[]> {
  const lines: string[] = [];
  for (const { url } of files) {
    const answer = await get(pathOf(url));
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/fhir+ndjson']);
    expect(answer.text.endsWith('\n')).toBe(true);
    lines.push(...answer.text.trimEnd().split('\n'));
  }
  return lines;
}

async function namesOf(manifest: Manifest): Promise<string[]> {
  const lines = await linesOf(manifest.output);
  return lines
    .map((line) => {
      const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string };
      return `${resourceType}/${id}`;
    })
    .sort();
}

async function put(type: string, id: string, more: object | string): Promise<void> {
  const body = typeof more === 'string' ? more : JSON.stringify({ resourceType: type, id, ...more });
  const answer = await server.send(
    'PUT',
    `/fhir/${type}/${id}`,
    { ...token, 'content-type': 'application/fhir+json' },
    body,
  );
  if (answer.status >= 300) throw new Error(answer.text);
}

const weight = (id: string, patient: string, value: string) =>
  `{"resourceType":"Observation","id":"${id}","status":"final","code":{"text":"w"},` +
  `"subject":{"reference":"Patient/${patient}"},"valueQuantity":{"value":${value}}}`;

describe('exporting', () => {
  let beforeDeletion = '';
  beforeAll(async () => {
    await put('Organization', 'o', { name: 'One' });
    await put('Patient', 'a', { gender: 'male', birthDate: '2000-01-01' });
    await put('Patient', 'b', {});
    await put('Observation', 'x', weight('x', 'a', '1.50'));
    await put('Observation', 'y', weight('y', 'b', '2'));
    await put('Basic', 'gone', { code: { text: 'x' } });
    const member = [
      { entity: { reference: 'Patient/a' } },
      { entity: { reference: 'Patient/b' }, inactive: true },
    ];
    await put('Group', 'g', { type: 'person', actual: true, member });
    beforeDeletion = (await exported('$export?_type=Basic')).transactionTime;
    await server.send('DELETE', '/fhir/Basic/gone', token);
  });

  test('gives all there is, each resource once, as it reads', async () => {
    const manifest = await exported('$export');
    expect(manifest).toMatchObject({
      request: `${server.origin}/fhir/$export`,
      requiresAccessToken: true,
      deleted: [],
      error: [],
    });
    expect(await namesOf(manifest)).toEqual([
      'Group/g',
      'Observation/x',
      'Observation/y',
      'Organization/o',
      'Patient/a',
      'Patient/b',
    ]);
    const lines = await linesOf(manifest.output.filter(({ type }) => type === 'Observation'));
    expect(lines[0]).toBe((await get('/fhir/Observation/x')).text);
    expect(lines[0]).toContain('1.50');
    for (const { type, count } of manifest.output) expect([type, count]).toEqual([type, expect.any(Number)]);
  });

  test('of patients leaves out what is nobody’s, of a group what is not of its members', async () => {
    expect(await namesOf(await exported('Patient/$export'))).toEqual([
      'Observation/x',
      'Observation/y',
      'Patient/a',
      'Patient/b',
    ]);
    expect(await namesOf(await exported('Group/g/$export'))).toEqual(['Observation/x', 'Patient/a']);
  });

  test('can be limited to types, searches and elements, and says when it cut', async () => {
    const manifest = await exported(
      '$export?_type=Observation&_typeFilter=Observation%3Fpatient%3DPatient/b',
    );
    expect(await namesOf(manifest)).toEqual(['Observation/y']);
    const [line = ''] = await linesOf(
      (await exported('$export?_type=Patient&_elements=Patient.gender')).output,
    );
    expect(JSON.parse(line)).toMatchObject({
      id: 'a',
      gender: 'male',
      meta: { tag: [{ code: 'SUBSETTED' }] },
    });
    expect(line).not.toContain('birthDate');
    const [observation = ''] = await linesOf(
      (await exported('$export?_type=Observation&_elements=id')).output,
    );
    expect(Object.keys(JSON.parse(observation) as object).sort()).toEqual([
      'code',
      'id',
      'meta',
      'resourceType',
      'status',
    ]);
  });

  test('since a time tells what changed and what was deleted', async () => {
    await put('Patient', 'late', {});
    const manifest = await exported(`$export?_since=${beforeDeletion}`);
    expect(await namesOf(manifest)).toEqual(['Patient/late']);
    const [line = ''] = await linesOf(manifest.deleted ?? []);
    expect(JSON.parse(line)).toMatchObject({
      type: 'transaction',
      entry: [{ request: { method: 'DELETE', url: 'Basic/gone' } }],
    });
  });

  test('what is done can be removed; then it is gone', async () => {
    const path = await accepted(await server.send('GET', '/fhir/$export', asynchronous));
    const { output } = await done(path);
    expect((await server.send('DELETE', path, token)).status).toBe(202);
    expect((await get(path)).status).toBe(404);
    expect((await get(pathOf(output[0]?.url ?? ''))).status).toBe(404);
    expect((await server.send('DELETE', path, token)).status).toBe(404);
  });

  test('needs the token everywhere, respond-async, and parameters that it knows', async () => {
    const path = await accepted(await server.send('GET', '/fhir/$export?_type=Patient', asynchronous));
    const [file] = (await done(path)).output;
    const open = { prefer: 'respond-async' };
    for (const closed of ['/fhir/$export', '/fhir/Patient/$export', '/fhir/Group/g/$export', path])
      expect((await server.send('GET', closed, open)).status).toBe(401);
    expect((await server.send('GET', pathOf(file?.url ?? ''), open)).status).toBe(401);
    expect((await server.send('DELETE', path, open)).status).toBe(401);
    expect((await get('/fhir/$export')).status).toBe(400);
    for (const query of [
      '_type=Nonsense',
      '_outputFormat=csv',
      '_since=x',
      'colour=red',
      '_typeFilter=Patient%3Fx=1',
    ])
      expect([query, (await server.send('GET', `/fhir/$export?${query}`, asynchronous)).status]).toEqual([
        query,
        400,
      ]);
    expect((await server.send('GET', '/fhir/Group/none/$export', asynchronous)).status).toBe(404);
    expect((await get(`${path}/..%2f..%2fetc`)).status).toBe(404);
  });
});

describe('importing', () => {
  const headers = { ...asynchronous, 'content-type': 'application/fhir+ndjson' };
  const imported = async (lines: readonly string[]) =>
    done(await accepted(await server.send('POST', '/fhir/$import', headers, lines.join('\n'))));

  test('puts every good line in its place and names every bad one', async () => {
    const manifest = await imported([
      weight('i1', 'a', '3.10'),
      '{"resourceType":"Observation","id":"i2"}',
      'not json',
      '',
      '{"resourceType":"Patient"}',
      '{"resourceType":"Observation","id":"i3","status":"final","code":{"text":"w"},"subject":{"reference":"Patient?identifier=none"}}',
      weight('i4', 'a', '4'),
      weight('i1', 'a', '5.0'),
    ]);
    expect(manifest.extension).toEqual({
      'urn:x-suture:import': { lines: 8, created: 2, updated: 1, refused: 4 },
    });
    const problems = (await linesOf(manifest.error)).map(
      (line) => (JSON.parse(line) as { issue: { diagnostics: string }[] }).issue[0]?.diagnostics,
    );
    expect(problems.sort()).toEqual(['line 2', 'line 3', 'line 5', 'line 6']);
    expect((await get('/fhir/Observation/i1')).text).toContain('"value":5.0');
    expect((await get('/fhir/Observation/i1/_history/1')).text).toContain('"value":3.10');
    expect((await get('/fhir/Observation/i3')).status).toBe(404);
  });

  test('takes thousands of resources, and the same again without a new version', async () => {
    const lines = Array.from({ length: 1_234 }, (_, n) => weight(`m${n}`, 'a', `${n}.0`));
    const counts = { lines: 1_234, refused: 0 };
    expect((await imported(lines)).extension).toEqual({
      'urn:x-suture:import': { ...counts, created: 1_234, updated: 0 },
    });
    expect((await imported(lines)).extension).toEqual({
      'urn:x-suture:import': { ...counts, created: 0, updated: 1_234 },
    });
    expect((await get('/fhir/Observation/m1233')).headers['etag']).toBe('W/"1"');
  });

  test('needs the token, respond-async and NDJSON', async () => {
    const send = async (more: Record<string, string>) =>
      (await server.send('POST', '/fhir/$import', { ...headers, ...more }, 'x')).status;
    expect(await send({ authorization: 'Bearer wrong' })).toBe(401);
    expect(await send({ prefer: 'return=minimal' })).toBe(400);
    expect(await send({ 'content-type': 'application/fhir+json' })).toBe(415);
  });
});
