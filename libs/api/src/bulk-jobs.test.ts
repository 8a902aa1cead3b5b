import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';
import { SmartClient } from '../testing/smart-client.js';

const one = new SmartClient('one', 'system/*.cruds');
const other = new SmartClient('other', 'system/*.cruds');
let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer(undefined, {
    clients: new Map([one, other].map(({ id, registration }) => [id, registration])),
  });
  for (const patient of ['a', 'b', 'c']) {
    await put('Patient', patient, {});
    await put('Observation', `of-${patient}`, {
      status: 'final',
      code: { text: 'w' },
      subject: { reference: `Patient/${patient}` },
    });
  }
  const member = ['a', 'b'].map((id) => ({ entity: { reference: `Patient/${id}` } }));
  await put('Group', 'g', { type: 'person', actual: true, member });
});
afterAll(() => server.close());

const operator = { authorization: `Bearer ${accessToken}` };
const json = { ...operator, prefer: 'respond-async', 'content-type': 'application/fhir+json' };

interface Manifest {
  transactionTime: string;
  output: { url: string; count: number }[];
  error: { url: string; count: number }[];
}

async function put(type: string, id: string, more: object): Promise<void> {
  const body = JSON.stringify({ resourceType: type, id, ...more });
  const answer = await server.send('PUT', `/fhir/${type}/${id}`, json, body);
  if (answer.status >= 300) throw new Error(answer.text);
}

const pathOf = (url: string) => url.slice(server.origin.length);
const jobOf = (answer: Answer) => pathOf(answer.headers['content-location'] as string);
const exportBy = (
  parameter: object[],
  path = '/fhir/Patient/$export',
  headers: Record<string, string> = json,
) => server.send('POST', path, headers, JSON.stringify({ resourceType: 'Parameters', parameter }));

async function manifestOf(started: Answer): Promise<Manifest> {
  expect([started.status, started.text]).toEqual([202, '']);
  for (;;) {
    const answer = await server.send('GET', jobOf(started), operator);
    if (answer.status !== 202) return answer.json() as unknown as Manifest;
  }
}

async function namesOf(files: readonly { url: string }[]): Promise<string[]> {
  const names: string[] = [];
  for (const { url } of files) {
    const { text } = await server.send('GET', pathOf(url), operator);
    for (const line of text.trimEnd().split('\n')) {
      const { resourceType, id } = JSON.parse(line) as { resourceType: string; id: string };
      names.push(`${resourceType}/${id}`);
    }
  }
  return names.sort();
}

describe('a job', () => {
  test('is there for whoever filed it and for the operator, and for nobody else', async () => {
    const [mine, theirs] = [await one.bearer(server), await other.bearer(server)];
    const started = await server.send('GET', '/fhir/$export?_type=Patient', { ...json, ...mine });
    const path = jobOf(started);
    const { output } = await manifestOf(started);
    const file = pathOf(output[0]?.url ?? '');
    for (const headers of [mine, operator]) {
      expect((await server.send('GET', path, headers)).status).toBe(200);
      expect((await server.send('GET', file, headers)).status).toBe(200);
    }
    for (const [method, at] of [
      ['GET', path],
      ['GET', file],
      ['DELETE', path],
    ] as const)
      expect((await server.send(method, at, theirs)).status).toBe(404);
    expect((await server.send('DELETE', path, mine)).status).toBe(202);
    expect((await server.send('GET', path, mine)).status).toBe(404);
  });

  test('gives its files zipped to whoever takes that, the same bytes to all', async () => {
    const { output } = await manifestOf(await exportBy([], '/fhir/$export'));
    for (const { url } of output) {
      const plain = await server.send('GET', pathOf(url), operator);
      expect(plain.headers['content-encoding']).toBeUndefined();
      for (const [accept, coding] of [
        ['gzip', 'gzip'],
        ['br, gzip;q=0.5', 'gzip'],
        ['gzip;q=0, identity', null],
      ] as const) {
        const answer = await fetch(url, { headers: { ...operator, 'accept-encoding': accept } });
        expect([answer.headers.get('content-encoding'), answer.headers.get('vary')]).toEqual([
          coding,
          'Accept-Encoding',
        ]);
        expect(await answer.text()).toBe(plain.text);
      }
    }
  });

  test('beyond the most there may be is refused before a byte of its body is read', async () => {
    const before = await server.fixture.database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM bulk_job',
    );
    const free = 20 - (before[0]?.n ?? 0);
    await server.fixture.database.query(
      `INSERT INTO bulk_job (id, kind, state, request, ended_at)
       SELECT gen_random_uuid(), 'export', 'done', '{}', now() FROM generate_series(1, $1::int)`,
      [free],
    );
    // The body never ends: only an answer that does not wait for it can come.
    const status = await new Promise((resolve, reject) => {
      const sending = httpRequest(`${server.origin}/fhir/$import`, {
        method: 'POST',
        headers: { ...json, 'content-type': 'application/fhir+ndjson' },
      });
      sending.on('response', (answer) => {
        resolve([answer.statusCode, answer.headers['retry-after']]);
        sending.destroy();
      });
      sending.on('error', reject);
      sending.write('{"resourceType":"Patient","id":"never"}\n');
    });
    expect(status).toEqual([429, '120']);
    expect((await exportBy([])).status).toBe(429);
    await server.fixture.database.query(`DELETE FROM bulk_job WHERE owner IS NULL`);
  });
});

describe('an export asked by POST', () => {
  const reference = (id: string) => ({ name: 'patient', valueReference: { reference: `Patient/${id}` } });

  test('takes parameters from a Parameters resource, patients among them', async () => {
    const type = { name: '_type', valueString: 'Observation' };
    const some = await manifestOf(await exportBy([type, reference('a'), reference('c')]));
    expect(await namesOf(some.output)).toEqual(['Observation/of-a', 'Observation/of-c']);
    const ofGroup = await manifestOf(await exportBy([type, reference('b')], '/fhir/Group/g/$export'));
    expect(await namesOf(ofGroup.output)).toEqual(['Observation/of-b']);
    const filter = { name: '_typeFilter', valueString: 'Patient?_id=c' };
    const filtered = await manifestOf(
      await exportBy([{ name: '_type', valueString: 'Patient' }, filter], '/fhir/$export'),
    );
    expect(await namesOf(filtered.output)).toEqual(['Patient/c']);
  });

  test('in XML too', async () => {
    const parameters =
      '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="_type"/><valueString value="Group"/></parameter></Parameters>';
    const headers = { ...json, 'content-type': 'application/fhir+xml' };
    const { output } = await manifestOf(await server.send('POST', '/fhir/$export', headers, parameters));
    expect(await namesOf(output)).toEqual(['Group/g']);
  });

  test.each<[string, object[], string]>([
    ['someone who is not of the group', [reference('c')], '/fhir/Group/g/$export'],
    ['patients of everything', [reference('a')], '/fhir/$export'],
    ['a patient that is none', [{ name: 'patient', valueString: 'Practitioner/1' }], '/fhir/Patient/$export'],
    ['associated data', [{ name: 'includeAssociatedData', valueCode: 'x' }], '/fhir/$export'],
    ['files by patient', [{ name: 'organizeOutputBy', valueString: 'Patient' }], '/fhir/$export'],
  ])('%s is refused with a reason', async (_, parameter, path) => {
    const answer = await exportBy(parameter, path);
    expect(answer.status).toBe(400);
    expect((answer.json() as { issue: { details: { text: string } }[] }).issue[0]?.details.text).toMatch(
      /'\w+'/,
    );
  });

  test('a patient in an address is refused, whose addresses others log', async () => {
    const answer = await server.send('GET', '/fhir/Patient/$export?patient=Patient/a', json);
    expect(answer.status).toBe(400);
  });

  test('until a time holds what was there then', async () => {
    const { transactionTime } = await manifestOf(await exportBy([{ name: '_type', valueString: 'Basic' }]));
    await put('Patient', 'a', { gender: 'female' });
    await put('Patient', 'd', {});
    const until = { name: '_until', valueInstant: transactionTime };
    const { output } = await manifestOf(await exportBy([{ name: '_type', valueString: 'Patient' }, until]));
    expect(await namesOf(output)).toEqual(['Patient/a', 'Patient/b', 'Patient/c']);
    const { text } = await server.send('GET', pathOf(output[0]?.url ?? ''), operator);
    expect(text).not.toContain('female');
  });
});

test('what cannot be read is told, and all the rest is exported', async () => {
  await put('Patient', 'damaged', { birthDate: '1999-09-09' });
  await server.fixture.database.query(
    `UPDATE pack p SET bytes = '\\x0102030405' FROM resource r
     WHERE r.id = 'damaged' AND (p.lane, p.partition, p.seq) = (r.lane, r.partition, r.seq)`,
  );
  const { output, error } = await manifestOf(await exportBy([{ name: '_type', valueString: 'Patient' }]));
  expect(await namesOf(output)).toEqual(['Patient/a', 'Patient/b', 'Patient/c', 'Patient/d']);
  expect(error).toMatchObject([{ count: 1 }]);
  const { text } = await server.send('GET', pathOf(error[0]?.url ?? ''), operator);
  expect(JSON.parse(text)).toMatchObject({
    resourceType: 'OperationOutcome',
    issue: [{ details: { coding: [{ code: 'BULK_RESOURCE_DAMAGED' }] }, expression: ['Patient/damaged'] }],
  });
  expect((await server.send('GET', '/fhir/Patient/damaged/$everything', operator)).status).toBe(500);
});
