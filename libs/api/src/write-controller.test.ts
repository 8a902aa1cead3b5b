import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/fhir+json' };

function send(
  method: string,
  path: string,
  body?: unknown,
  more: Record<string, string> = {},
): Promise<Answer> {
  const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
  return server.send(method, `/fhir/${path}`, { ...headers, ...more }, text);
}

const patient = (more: object = {}) => ({ resourceType: 'Patient', ...more });
const weight = (value: string) =>
  `{"resourceType":"Observation","status":"final","code":{"text":"Weight"},"valueQuantity":{"value":${value},"unit":"kg"}}`;

function issueOf(answer: Answer): Record<string, unknown> {
  const [issue] = answer.json()['issue'] as Record<string, unknown>[];
  return issue ?? {};
}

describe('creating', () => {
  test('gives an id and a version, and the next request reads it, decimals digit for digit', async () => {
    const created = await send('POST', 'Observation', weight('70.50'));
    expect(created.status).toBe(201);
    expect(created.headers['etag']).toBe('W/"1"');
    const id = created.json()['id'] as string;
    expect(created.headers['location']).toBe(`${server.origin}/fhir/Observation/${id}/_history/1`);
    const read = await send('GET', `Observation/${id}`);
    expect(read.status).toBe(200);
    expect(read.text).toBe(created.text);
    expect(read.text).toContain('"value":70.50');
  });

  test('ignores the id, version and time that the client sends', async () => {
    const created = await send(
      'POST',
      'Patient',
      patient({
        id: 'mine',
        meta: { versionId: '7', lastUpdated: '2001-01-01T00:00:00Z', source: 'urn:x:a' },
      }),
    );
    const { id, meta } = created.json() as { id: string; meta: Record<string, string> };
    expect(id).not.toBe('mine');
    expect(meta).toMatchObject({ versionId: '1', source: 'urn:x:a' });
    expect(meta['lastUpdated']).not.toContain('2001');
  });

  test('answers as the client prefers', async () => {
    const minimal = await send('POST', 'Patient', patient(), { prefer: 'return=minimal' });
    expect([minimal.status, minimal.text]).toEqual([201, '']);
    const outcome = await send('POST', 'Patient', patient(), { prefer: 'return=OperationOutcome' });
    expect(outcome.json()['resourceType']).toBe('OperationOutcome');
  });

  test('says everything that is wrong with a resource, and where', async () => {
    const refused = await send(
      'POST',
      'Patient',
      patient({ gender: 'none', birthDate: '30.2.2020', colour: 'red' }),
    );
    expect(refused.status).toBe(422);
    const issues = refused.json()['issue'] as { expression: string[] }[];
    expect(issues.map(({ expression }) => expression[0]).sort()).toEqual([
      'Patient.birthDate',
      'Patient.colour',
      'Patient.gender',
    ]);
    expect(refused.text).not.toContain('30.2.2020');
  });

  test.each([
    ['{"resourceType":"Patient"', 400],
    ['{"resourceType":"Patient","resourceType":"Patient"}', 400],
    ['{"resourceType":"Patient","__proto__":{"a":1}}', 400],
    ['[]', 400],
    ['{"resourceType":"Observation"}', 400],
    ['', 400],
  ])('refuses %s as a Patient with %i', async (body, status) => {
    expect((await send('POST', 'Patient', body)).status).toBe(status);
  });

  test('needs the access token, and reads no body without it', async () => {
    const refused = await server.send(
      'POST',
      '/fhir/Patient',
      { authorization: '', 'content-type': 'application/fhir+json' },
      '{',
    );
    expect(refused.status).toBe(401);
    expect((await send('POST', 'Pateint', patient())).status).toBe(404);
    expect((await send('POST', 'Patient', 'a=b', { 'content-type': 'text/plain' })).status).toBe(415);
  });
});

describe('creating under a condition', () => {
  const mrn = (value: string) => patient({ identifier: [{ system: 'urn:mrn', value }] });

  test('makes one resource of a hundred equal requests at one time', async () => {
    const condition = { 'if-none-exist': 'identifier=urn:mrn|hundred' };
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => send('POST', 'Patient', mrn('hundred'), condition)),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(99);
    expect(new Set(answers.map((answer) => answer.json()['id'])).size).toBe(1);
    const found = await send('GET', 'Patient?identifier=urn:mrn|hundred');
    expect(found.json()['entry']).toHaveLength(1);
  });

  test('refuses a condition that several match', async () => {
    await send('POST', 'Patient', mrn('two'));
    await send('POST', 'Patient', mrn('two'));
    const refused = await send('POST', 'Patient', mrn('two'), { 'if-none-exist': 'identifier=urn:mrn|two' });
    expect(refused.status).toBe(412);
    expect(issueOf(refused)['code']).toBe('multiple-matches');
  });
});

describe('updating', () => {
  test('creates what is not there, makes a version of what is new, and none of what is equal', async () => {
    const first = await send('PUT', 'Patient/u1', patient({ id: 'u1', active: true }));
    expect(first.status).toBe(201);
    const second = await send('PUT', 'Patient/u1', patient({ id: 'u1', active: false }));
    expect([second.status, second.headers['etag']]).toEqual([200, 'W/"2"']);
    const same = await send('PUT', 'Patient/u1', patient({ id: 'u1', active: false }));
    expect([same.status, same.headers['etag']]).toEqual([200, 'W/"2"']);
    const former = await send('GET', 'Patient/u1/_history/1');
    expect(former.json()['active']).toBe(true);
  });

  test('holds to If-Match and If-None-Match', async () => {
    await send('PUT', 'Patient/u2', patient({ id: 'u2', active: true }));
    const body = patient({ id: 'u2', active: false });
    expect((await send('PUT', 'Patient/u2', body, { 'if-match': 'W/"2"' })).status).toBe(412);
    expect((await send('PUT', 'Patient/u2', body, { 'if-match': 'two' })).status).toBe(400);
    expect((await send('PUT', 'Patient/u2', body, { 'if-none-match': '*' })).status).toBe(412);
    expect((await send('GET', 'Patient/u2')).json()['active']).toBe(true);
    expect((await send('PUT', 'Patient/u2', body, { 'if-match': 'W/"1"' })).status).toBe(200);
    const missing = patient({ id: 'nobody' });
    expect((await send('PUT', 'Patient/nobody', missing, { 'if-match': 'W/"1"' })).status).toBe(412);
    expect((await send('GET', 'Patient/nobody')).status).toBe(404);
  });

  test('lets one of many win that name the same version', async () => {
    await send('PUT', 'Patient/u3', patient({ id: 'u3' }));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        send('PUT', 'Patient/u3', patient({ id: 'u3', language: `x-${n}` }), { 'if-match': 'W/"1"' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(19);
  });

  test('refuses the id of another address', async () => {
    expect((await send('PUT', 'Patient/u4', patient({ id: 'u5' }))).status).toBe(400);
    expect((await send('PUT', 'Patient/a_b', patient({ id: 'a_b' }))).status).toBe(400);
  });

  test('by a condition: creates, updates, refuses', async () => {
    const body = (active: boolean) =>
      patient({ active, identifier: [{ system: 'urn:mrn', value: 'by-condition' }] });
    const where = 'Patient?identifier=urn:mrn|by-condition';
    const created = await send('PUT', where, body(true));
    expect(created.status).toBe(201);
    const updated = await send('PUT', where, body(false));
    expect([updated.status, updated.json()['id']]).toEqual([200, created.json()['id']]);
    expect((await send('PUT', 'Patient', body(true))).status).toBe(400);
  });
});

describe('patching', () => {
  const json = { 'content-type': 'application/json-patch+json' };

  test('applies a JSON Patch, decimals and all', async () => {
    await send('PUT', 'Observation/p1', `{"id":"p1",${weight('70.50').slice(1)}`);
    const patched = await send(
      'PATCH',
      'Observation/p1',
      '[{"op":"test","path":"/valueQuantity/value","value":70.50},{"op":"replace","path":"/status","value":"amended"},{"op":"add","path":"/note","value":[{"text":"again"}]}]',
      json,
    );
    expect(patched.status).toBe(200);
    expect(patched.text).toContain('"status":"amended"');
    expect(patched.text).toContain('"value":70.50');
    expect(patched.headers['etag']).toBe('W/"2"');
  });

  test('refuses what makes no valid resource, and leaves everything as it was', async () => {
    await send('PUT', 'Patient/p2', patient({ id: 'p2' }));
    const bad = (patch: unknown) => send('PATCH', 'Patient/p2', patch, json);
    expect((await bad([{ op: 'add', path: '/gender', value: 'none' }])).status).toBe(422);
    expect((await bad([{ op: 'remove', path: '/name/0' }])).status).toBe(422);
    expect((await bad([{ op: 'add', path: '/__proto__/x', value: 1 }])).status).toBe(400);
    expect((await bad([{ op: 'replace', path: '/id', value: 'other' }])).status).toBe(400);
    expect((await send('GET', 'Patient/p2')).headers['etag']).toBe('W/"1"');
    expect((await send('PATCH', 'Patient/p3', [], json)).status).toBe(404);
  });
});

describe('deleting', () => {
  test('leaves a version that says so, and a history; a new update brings it back', async () => {
    await send('PUT', 'Patient/d1', patient({ id: 'd1' }));
    expect((await send('DELETE', 'Patient/d1')).status).toBe(204);
    const gone = await send('GET', 'Patient/d1');
    expect([gone.status, gone.headers['etag']]).toEqual([410, 'W/"2"']);
    expect((await send('GET', 'Patient/d1/_history/1')).status).toBe(200);
    const history = (await send('GET', 'Patient/d1/_history')).json();
    expect(history['total']).toBe(2);
    expect(
      (await send('PATCH', 'Patient/d1', [], { 'content-type': 'application/json-patch+json' })).status,
    ).toBe(410);
    const again = await send('PUT', 'Patient/d1', patient({ id: 'd1' }));
    expect([again.status, again.headers['etag']]).toEqual([201, 'W/"3"']);
  });

  test('of what is not there, or twice, is no error', async () => {
    expect((await send('DELETE', 'Patient/d2')).status).toBe(204);
    await send('PUT', 'Patient/d3', patient({ id: 'd3' }));
    await send('DELETE', 'Patient/d3');
    expect((await send('DELETE', 'Patient/d3')).status).toBe(204);
    expect((await send('GET', 'Patient/d3')).headers['etag']).toBe('W/"2"');
  });

  test('holds to If-Match and to conditions', async () => {
    const body = patient({ id: 'd4', identifier: [{ system: 'urn:mrn', value: 'd4' }] });
    await send('PUT', 'Patient/d4', body);
    expect((await send('DELETE', 'Patient/d4', undefined, { 'if-match': 'W/"9"' })).status).toBe(412);
    expect((await send('GET', 'Patient/d4')).status).toBe(200);
    expect((await send('DELETE', 'Patient?identifier=urn:mrn|d4')).status).toBe(204);
    expect((await send('GET', 'Patient/d4')).status).toBe(410);
    expect((await send('DELETE', 'Patient')).status).toBe(400);
  });

  test('touches nothing under a condition that has no value, though it is the only one of its type', async () => {
    await send('PUT', 'Basic/alone', { resourceType: 'Basic', id: 'alone', code: { text: 'alone' } });
    for (const condition of ['identifier=', 'code=%20', '_count=1']) {
      expect((await send('DELETE', `Basic?${condition}`)).status).toBe(400);
      const put = await send('PUT', `Basic?${condition}`, { resourceType: 'Basic', code: { text: 'other' } });
      expect(put.status).toBe(400);
    }
    expect((await send('GET', 'Basic/alone')).headers['etag']).toBe('W/"1"');
  });
});

describe('writes at the same moment', () => {
  test('each gets its own answer, one that fails costs itself, and journal, packs and cursors agree', async () => {
    await Promise.all(
      Array.from({ length: 8 }, (_, n) => send('PUT', `Patient/same${n}`, patient({ id: `same${n}` }))),
    );
    const asked = Array.from({ length: 120 }, (_, n) => {
      const id = `same${n % 8}`;
      switch (n % 5) {
        case 0:
          return send('PUT', `Patient/${id}`, patient({ id, active: n % 2 === 0, multipleBirthInteger: n }));
        case 1:
          return send('PUT', `Patient/${id}`, patient({ id, multipleBirthInteger: n }), {
            'if-match': 'W/"99"',
          });
        case 2:
          return send('DELETE', `Patient/other${n}`);
        default:
          return send('POST', 'Observation', weight(`${n}.0`));
      }
    });
    const answers = await Promise.all(asked);
    const statuses = answers.map(({ status }, n) => `${n % 5}: ${status}`);
    expect([...new Set(statuses)].sort()).toEqual(['0: 200', '1: 412', '2: 204', '3: 201', '4: 201']);
    for (const [n, { text }] of answers.entries()) if (n % 5 > 2) expect(text).toContain(`"value":${n}.0`);
    const versions = answers.flatMap((answer, n) =>
      n % 5 === 0 ? [`${n % 8} ${String(answer.headers['etag'])}`] : [],
    );
    expect(new Set(versions).size).toBe(versions.length);
    const [state] = await server.fixture.database.query<{ behind: number; without: number }>(
      `SELECT (SELECT count(*) FROM journal_head h JOIN cursor c USING (lane, partition) WHERE h.seq <> c.seq)::int AS behind,
              (SELECT count(*) FROM journal j LEFT JOIN pack p USING (lane, partition, seq) WHERE p.seq IS NULL)::int AS without`,
    );
    expect(state).toEqual({ behind: 0, without: 0 });
  });
});
