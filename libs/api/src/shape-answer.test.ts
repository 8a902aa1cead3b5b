import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';

let server: ApiServer;
const token = { authorization: `Bearer ${accessToken}` };
const observation =
  '{"resourceType":"Observation","id":"o1","text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">70.50 &amp; more</div>"},"status":"final","code":{"text":"Weight, \\"dry\\""},"subject":{"display":"somebody"},"valueQuantity":{"value":70.50,"unit":"kg"},"note":[{"text":"a: b, [c]"}]}';

beforeAll(async () => {
  server = await startApiServer();
  const put = await send(
    'PUT',
    '/fhir/Observation/o1',
    { 'content-type': 'application/fhir+json' },
    observation,
  );
  expect(put.status).toBe(201);
});
afterAll(() => server.close());

function send(
  method: string,
  path: string,
  more: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  return server.send(method, path, { ...token, ...more }, body);
}
const get = (path: string, more: Record<string, string> = {}) => send('GET', `/fhir/${path}`, more);
const namesOf = (answer: Answer) => Object.keys(answer.json()).sort();

describe('XML', () => {
  test('is written for who asks for it, errors too, and read back to the same resource', async () => {
    const xml = await get('Observation/o1', { accept: 'application/fhir+xml' });
    expect(xml.headers['content-type']).toBe('application/fhir+xml; charset=utf-8');
    expect(xml.text).toContain('<value value="70.50"/>');
    expect((await get('Observation/o1?_format=xml')).text).toBe(xml.text);
    expect((await get('Observation/unknown?_format=xml')).text).toContain('<OperationOutcome');
    expect((await get('Observation?_format=xml')).text).toContain('<Bundle');
    const changed = xml.text.replace('"o1"', '"o2"');
    const put = await send(
      'PUT',
      '/fhir/Observation/o2',
      { 'content-type': 'application/fhir+xml' },
      changed,
    );
    expect(put.status).toBe(201);
    const plain = (answer: Answer) => JSON.stringify({ ...answer.json(), id: '', meta: {} });
    const [first, second] = await Promise.all([get('Observation/o1'), get('Observation/o2')]);
    expect(plain(second)).toBe(plain(first));
    expect(second.text).toContain('"value":70.50');
  });

  test('that is none is refused with its place', async () => {
    const xml = (body: string) => send('POST', '/fhir/Patient', { 'content-type': 'application/xml' }, body);
    expect((await xml('<Patient xmlns="http://hl7.org/fhir"><colour value="red"/></Patient>')).status).toBe(
      422,
    );
    expect((await xml('<!DOCTYPE a [<!ENTITY b "c">]><Patient xmlns="http://hl7.org/fhir"/>')).status).toBe(
      400,
    );
    const broken = await xml('<Patient xmlns="http://hl7.org/fhir">');
    expect([broken.status, /line 1/.test(broken.text)]).toEqual([400, true]);
  });

  test('yields to JSON where the client takes both', async () => {
    const accept = (text: string) => get('Observation/o1', { accept: text });
    const typeOf = async (text: string) => (await accept(text)).headers['content-type'];
    expect(await typeOf('application/fhir+xml, application/fhir+json')).toContain('json');
    expect(await typeOf('application/fhir+xml, application/fhir+json;q=0.5')).toContain('xml');
    expect(await typeOf('text/html, application/xml;q=0.9, */*;q=0.8')).toContain('xml');
    expect((await accept('text/html')).status).toBe(406);
    expect((await accept('application/fhir+json;fhirVersion=3.0')).status).toBe(406);
  });
});

describe('parts of a resource', () => {
  test('are those that _elements names and those that must be there, marked as a part', async () => {
    const part = await get('Observation/o1?_elements=value,Observation.subject');
    expect(namesOf(part)).toEqual([
      'code',
      'id',
      'meta',
      'resourceType',
      'status',
      'subject',
      'valueQuantity',
    ]);
    expect(part.text).toContain('"value":70.50');
    expect(part.json()['meta']).toMatchObject({ versionId: '1', tag: [{ code: 'SUBSETTED' }] });
    expect((await get('Observation/o1?_elements=a.b.c')).status).toBe(400);
  });

  test('are a summary, the narrative, or all but the narrative', async () => {
    expect(namesOf(await get('Observation/o1?_summary=true'))).not.toContain('note');
    expect(namesOf(await get('Observation/o1?_summary=true'))).toContain('valueQuantity');
    expect(namesOf(await get('Observation/o1?_summary=text'))).toEqual([
      'code',
      'id',
      'meta',
      'resourceType',
      'status',
      'text',
    ]);
    expect(namesOf(await get('Observation/o1?_summary=data'))).not.toContain('text');
    expect(namesOf(await get('Observation/o1?_summary=false'))).toContain('note');
    expect((await get('Observation/o1?_summary=some')).status).toBe(400);
  });

  test('are cut out of each entry of a Bundle', async () => {
    const [entry] = (await get('Observation?_id=o1&_elements=status')).json()['entry'] as {
      resource: object;
    }[];
    expect(Object.keys(entry?.resource ?? {}).sort()).toEqual([
      'code',
      'id',
      'meta',
      'resourceType',
      'status',
    ]);
  });
});

test('all pages of a search have the shape that was asked for, by address or by form', async () => {
  const first = await get('Observation?_count=1&_elements=status&_format=application/fhir%2Bjson');
  const urls = (first.json()['link'] as { url: string }[]).map(({ url }) => url);
  expect(urls).toHaveLength(2);
  for (const url of urls) expect(url).toContain('_elements=status');
  const next = await server.send('GET', (urls[1] ?? '').slice(server.origin.length), token);
  const [{ resource } = { resource: {} }] = next.json()['entry'] as { resource: object }[];
  expect(Object.keys(resource).sort()).toEqual(['code', 'id', 'meta', 'resourceType', 'status']);
  const form = (body: string) =>
    send('POST', '/fhir/Observation/_search', { 'content-type': 'application/x-www-form-urlencoded' }, body);
  const byForm = await form('_count=1&_elements=status&_format=xml');
  expect(byForm.headers['content-type']).toBe('application/fhir+xml; charset=utf-8');
  expect(byForm.text).not.toContain('valueQuantity');
  expect((await form('_summary=much')).status).toBe(400);
});

test('_pretty breaks lines and changes no value', async () => {
  const pretty = await get('Observation/o1?_pretty=true');
  expect(pretty.text.split('\n').length).toBeGreaterThan(10);
  expect(pretty.text).toContain('"value": 70.50');
  expect(pretty.json()).toEqual((await get('Observation/o1')).json());
});

test('HEAD answers as GET does, without a body', async () => {
  const head = await send('HEAD', '/fhir/Observation/o1');
  expect([head.status, head.headers['etag'], head.text]).toEqual([200, 'W/"1"', '']);
});

describe('a Binary', () => {
  test('comes and goes as bytes, or as the resource around them', async () => {
    const bytes = '%PDF-1.7 \u0001';
    const made = await send('POST', '/fhir/Binary', { 'content-type': 'application/pdf' }, bytes);
    expect(made.status).toBe(201);
    const { id, contentType } = made.json() as Record<string, string>;
    expect(contentType).toBe('application/pdf');
    const raw = await get(`Binary/${id}`, { accept: 'application/pdf' });
    expect([raw.headers['content-type'], raw.text]).toEqual(['application/pdf', bytes]);
    expect(raw.headers['content-security-policy']).toContain('sandbox');
    expect((await get(`Binary/${id}`, { accept: 'image/*' })).status).toBe(406);
    expect((await get(`Binary/${id}`)).json()['resourceType']).toBe('Binary');
  });

  test('is what bytes become nowhere else', async () => {
    expect((await send('POST', '/fhir/Patient', { 'content-type': 'application/pdf' }, 'x')).status).toBe(
      415,
    );
  });
});

test('pages of other origins may ask, by token alone', async () => {
  const preflight = await server.send('OPTIONS', '/fhir/Patient', {
    origin: 'https://app.example',
    'access-control-request-method': 'PUT',
  });
  expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([204, '*']);
  expect(preflight.headers['access-control-allow-headers']).toContain('If-Match');
  const answer = await get('Observation/o1', { origin: 'https://app.example' });
  expect(answer.headers['access-control-expose-headers']).toContain('ETag');
  expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
});

test('a method that an address does not take is answered with those that it takes', async () => {
  const wrong = await send('POST', '/fhir/Observation/o1', { 'content-type': 'application/fhir+json' }, '{}');
  expect([wrong.status, wrong.headers['allow']]).toEqual([405, 'GET, HEAD, PUT, PATCH, DELETE']);
  expect((await send('DELETE', '/fhir/Observation/o1/_history/1')).status).toBe(405);
  expect(
    (await send('POST', '/fhir/nothing/at/all', { 'content-type': 'application/fhir+json' }, '{}')).status,
  ).toBe(404);
});
