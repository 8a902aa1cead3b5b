import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/fhir+json' };

async function put(type: string, id: string, more: object = {}): Promise<void> {
  const body = JSON.stringify({ resourceType: type, id, ...more });
  const answer = await server.send('PUT', `/fhir/${type}/${id}`, headers, body);
  if (answer.status >= 300) throw new Error(answer.text);
}

interface Entry {
  search: { mode: string };
  resource: { resourceType: string; id: string };
}

async function bundle(
  path: string,
): Promise<{ told: string[]; included: string[]; next: string | undefined }> {
  const answer = await server.send('GET', path);
  if (answer.status !== 200) throw new Error(answer.text);
  const { link, entry = [] } = answer.json() as {
    link: { relation: string; url: string }[];
    entry?: Entry[];
  };
  const named = (mode: string) =>
    entry
      .filter(({ search }) => search.mode === mode)
      .map(({ resource }) => `${resource.resourceType}/${resource.id}`);
  const next = link.find(({ relation }) => relation === 'next')?.url.slice(server.origin.length);
  return { told: named('match'), included: named('include'), next };
}

const to = (reference: string) => ({ reference });
const observation = (id: string, patient: string, code: string, at: string, more: object = {}) =>
  put('Observation', id, {
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code }] },
    subject: to(`Patient/${patient}`),
    effectiveDateTime: at,
    ...more,
  });

describe('everything of a patient', () => {
  beforeAll(async () => {
    await put('Organization', 'org', { name: 'One' });
    await put('Practitioner', 'doc');
    await put('Practitioner', 'other');
    await put('Patient', 'p', { managingOrganization: to('Organization/org') });
    await put('Patient', 'q');
    await observation('o1', 'p', '1-1', '2026-01-05', { performer: [to('Practitioner/doc')] });
    await observation('o2', 'p', '1-1', '2026-02-05');
    await observation('o3', 'q', '1-1', '2026-02-05', { performer: [to('Practitioner/other')] });
    await put('AllergyIntolerance', 'a1', {
      patient: to('Patient/p'),
      verificationStatus: {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification',
            code: 'entered-in-error',
          },
        ],
      },
    });
    await put('Appointment', 'ap', {
      status: 'booked',
      participant: [{ status: 'accepted', actor: to('Patient/p') }],
      start: '2026-03-01T10:00:00Z',
      end: '2026-03-01T11:00:00Z',
    });
  });

  test('is all that refers to the patient, and what that refers to, and nothing of others', async () => {
    const { told, included, next } = await bundle('/fhir/Patient/p/$everything');
    expect(told.sort()).toEqual([
      'AllergyIntolerance/a1',
      'Appointment/ap',
      'Observation/o1',
      'Observation/o2',
      'Patient/p',
    ]);
    expect(included.sort()).toEqual(['Organization/org', 'Practitioner/doc']);
    expect(next).toBeUndefined();
  });

  test('comes in pages, each resource once', async () => {
    const all: string[] = [];
    for (let path: string | undefined = '/fhir/Patient/p/$everything?_count=2'; path !== undefined; ) {
      const page = await bundle(path);
      expect(page.told.length).toBeLessThanOrEqual(2);
      all.push(...page.told);
      path = page.next;
    }
    expect(all).toHaveLength(5);
    expect(new Set(all).size).toBe(5);
  });

  test('can be limited to a time of care, to types, to what changed', async () => {
    const dated = await bundle('/fhir/Patient/p/$everything?start=2026-02&end=2026-02-28');
    expect(dated.told.sort()).toEqual(['AllergyIntolerance/a1', 'Observation/o2', 'Patient/p']);
    const typed = await bundle('/fhir/Patient/p/$everything?_type=Observation,Practitioner');
    expect(typed).toMatchObject({
      told: ['Observation/o1', 'Observation/o2'],
      included: ['Practitioner/doc'],
    });
    const later = new Date(Date.now() + 60_000).toISOString();
    expect((await bundle(`/fhir/Patient/p/$everything?_since=${later}`)).told).toEqual([]);
  });

  test('of all patients is every record, each resource once', async () => {
    const all: string[] = [];
    for (let path: string | undefined = '/fhir/Patient/$everything?_count=3'; path !== undefined; ) {
      const page = await bundle(path);
      all.push(...page.told);
      path = page.next;
    }
    expect(all.sort()).toEqual([
      'AllergyIntolerance/a1',
      'Appointment/ap',
      'Observation/o1',
      'Observation/o2',
      'Observation/o3',
      'Patient/p',
      'Patient/q',
    ]);
  });

  test('takes its parameters by POST too', async () => {
    const parameter = [
      { name: '_type', valueCode: 'Observation' },
      { name: 'start', valueDate: '2026-02-01' },
    ];
    const body = JSON.stringify({ resourceType: 'Parameters', parameter });
    const told = async (path: string) => {
      const { entry = [] } = (await server.send('POST', path, headers, body)).json() as { entry?: Entry[] };
      return entry.map(({ resource }) => resource.id).sort();
    };
    expect(await told('/fhir/Patient/p/$everything')).toEqual(['o2']);
    expect(await told('/fhir/Patient/$everything')).toEqual(['o2', 'o3']);
  });

  test('is refused for whom it does not know and for what it cannot read', async () => {
    const status = async (path: string) => (await server.send('GET', path)).status;
    expect(await status('/fhir/Patient/nobody/$everything')).toBe(404);
    expect(await status('/fhir/Patient/p/$everything?_type=Nonsense')).toBe(400);
    expect(await status('/fhir/Patient/p/$everything?colour=red')).toBe(400);
  });
});

describe('the last observations', () => {
  test('are the newest of each code, ties included', async () => {
    await put('Patient', 'l');
    await observation('l1', 'l', '1-1', '2026-01-01');
    await observation('l2', 'l', '1-1', '2026-01-03');
    await observation('l3', 'l', '1-1', '2026-01-02');
    await observation('l4', 'l', '2-2', '2026-01-02');
    await observation('l5', 'l', '2-2', '2026-01-02');
    const last = (max: string) => bundle(`/fhir/Observation/$lastn?patient=Patient/l${max}`);
    expect((await last('')).told.sort()).toEqual(['Observation/l2', 'Observation/l4', 'Observation/l5']);
    expect((await last('&max=2')).told.filter((one) => /l[123]/.test(one))).toEqual([
      'Observation/l2',
      'Observation/l3',
    ]);
    expect((await server.send('GET', '/fhir/Observation/$lastn')).status).toBe(400);
  });

  test('can be those of a code or a category, of a subject, and asked for by POST', async () => {
    const category = [{ coding: [{ system: 'urn:c', code: 'lab' }] }];
    await observation('l6', 'l', '3-3', '2026-01-04', { category });
    const told = async (query: string) => (await bundle(`/fhir/Observation/$lastn?${query}`)).told.sort();
    expect(await told('subject=Patient/l&category=urn:c|lab')).toEqual(['Observation/l6']);
    expect(await told('subject:Patient=l&code=1-1,3-3')).toEqual(['Observation/l2', 'Observation/l6']);
    expect(await told('patient=l&code=1-1&max=9&_count=1')).toHaveLength(3);
    const parameter = [
      { name: 'patient', valueReference: { reference: 'Patient/l' } },
      { name: 'code', valueString: '1-1' },
      { name: 'max', valuePositiveInt: 2 },
    ];
    const body = JSON.stringify({ resourceType: 'Parameters', parameter });
    const { entry } = (await server.send('POST', '/fhir/Observation/$lastn', headers, body)).json();
    expect((entry as Entry[]).map(({ resource }) => resource.id)).toEqual(['l2', 'l3']);
    expect((await server.send('GET', '/fhir/Observation/$lastn?patient=l&max=0')).status).toBe(400);
  });
});

describe('labels', () => {
  const parameters = (meta: object) =>
    JSON.stringify({ resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: meta }] });
  const tag = (code: string) => ({ system: 'urn:x-suture:test', code });

  test('are read, added and taken away, each change a version', async () => {
    await put('Basic', 'm', { meta: { tag: [tag('a')] }, code: { text: 'x' } });
    const send = (name: string, meta: object) =>
      server.send('POST', `/fhir/Basic/m/$meta-${name}`, headers, parameters(meta));
    const added = await send('add', { tag: [tag('a'), tag('b')] });
    expect(added.status).toBe(200);
    const read = await server.send('GET', '/fhir/Basic/m/$meta');
    expect(read.text).toBe(added.text);
    expect(read.json()).toMatchObject({
      parameter: [{ name: 'return', valueMeta: { versionId: '2', tag: [tag('a'), tag('b')] } }],
    });
    const left = await send('delete', { tag: [tag('a'), tag('c')] });
    expect(left.json()).toMatchObject({ parameter: [{ valueMeta: { versionId: '3', tag: [tag('b')] } }] });
  });

  test('in use are those of a type, or of all, each once', async () => {
    const profile = 'http://hl7.org/fhir/StructureDefinition/Flag';
    const flag = { status: 'active', code: { text: 'x' }, subject: to('Patient/x') };
    await put('Flag', 'f1', { ...flag, meta: { tag: [tag('f')], profile: [profile] } });
    await put('Flag', 'f2', { ...flag, meta: { tag: [tag('f'), tag('g')] } });
    const meta = async (path: string, method = 'GET') => {
      const { parameter } = (await server.send(method, path)).json() as {
        parameter: { valueMeta: object }[];
      };
      return parameter[0]?.valueMeta as { tag?: { code: string }[] };
    };
    expect(await meta('/fhir/Flag/$meta')).toEqual({ tag: [tag('f'), tag('g')], profile: [profile] });
    const all = (await meta('/fhir/$meta', 'POST')).tag?.map(({ code }) => code);
    expect(all).toEqual(expect.arrayContaining(['b', 'f', 'g']));
    expect(await meta('/fhir/Device/$meta')).toEqual({});
  });

  test('of nothing are refused, without a token too', async () => {
    const body = parameters({ tag: [tag('a')] });
    expect((await server.send('POST', '/fhir/Basic/none/$meta-add', headers, body)).status).toBe(404);
    expect((await server.send('POST', '/fhir/Basic/m/$meta-add', headers, '{}')).status).toBe(400);
    const open = { authorization: '', 'content-type': 'application/fhir+json' };
    expect((await server.send('POST', '/fhir/Basic/m/$meta-add', open, body)).status).toBe(401);
  });
});
