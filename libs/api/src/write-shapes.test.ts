import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type ApiServer, startApiServer } from '../testing/api-server.js';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const json = { 'content-type': 'application/fhir+json' };
const xml = { 'content-type': 'application/fhir+xml' };
const send = (method: string, path: string, headers: Record<string, string>, body?: string) =>
  server.send(method, `/fhir/${path}`, headers, body);
const put = (id: string, more: object = {}) =>
  send('PUT', `Patient/${id}`, json, JSON.stringify({ resourceType: 'Patient', id, ...more }));

describe('a patch', () => {
  beforeEach(async () => {
    await put('p', { active: false, name: [{ family: 'A' }] });
  });
  const read = async () => (await send('GET', 'Patient/p', {})).json();
  const operations = [{ op: 'replace', path: '/active', value: true }];
  const binary = {
    resourceType: 'Binary',
    contentType: 'application/json-patch+json',
    data: Buffer.from(JSON.stringify(operations)).toString('base64'),
  };
  const parameters = (path: string, value: string) =>
    `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
       <part><name value="type"/><valueCode value="replace"/></part>
       <part><name value="path"/><valueString value="${path}"/></part>
       <part><name value="value"/>${value}</part></parameter></Parameters>`;

  test('by FHIRPath may come in XML', async () => {
    const name = '<valueHumanName><family value="B"/></valueHumanName>';
    const answer = await send(
      'PATCH',
      'Patient/p',
      xml,
      parameters('Patient.name.where(family = &#39;A&#39;)', name),
    );
    expect([answer.status, (await read())['name']]).toEqual([200, [{ family: 'B' }]]);
    const wrong = await send('PATCH', 'Patient/p', xml, parameters('Patient.nam', name));
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('the nearest is name')]);
  });

  test('by JSON may come in a Binary, in JSON and XML', async () => {
    expect((await send('PATCH', 'Patient/p', json, JSON.stringify(binary))).status).toBe(200);
    expect((await read())['active']).toBe(true);
    await put('p', { active: false });
    const inXml = `<Binary xmlns="http://hl7.org/fhir"><contentType value="application/json-patch+json"/><data value="${binary.data}"/></Binary>`;
    expect((await send('PATCH', 'Patient/p', xml, inXml)).status).toBe(200);
    expect((await read())['active']).toBe(true);
  });

  test('may be an entry of a transaction and of a batch in XML', async () => {
    for (const type of ['transaction', 'batch']) {
      await put('p', { active: false, name: [{ family: 'A' }] });
      const patch = parameters('Patient.name.family', '<valueString value="C"/>');
      const bundle = `<Bundle xmlns="http://hl7.org/fhir"><type value="${type}"/><entry><resource>${patch}</resource>
        <request><method value="PATCH"/><url value="Patient/p"/></request></entry></Bundle>`;
      const answer = await send('POST', '', xml, bundle);
      expect([type, answer.status, (await read())['name']]).toEqual([type, 200, [{ family: 'C' }]]);
    }
  });
});

describe('Prefer: return=OperationOutcome', () => {
  const prefer = { ...json, prefer: 'return=OperationOutcome' };

  test('is what every write answers with, a deletion too', async () => {
    const body = JSON.stringify({ resourceType: 'Patient', id: 'q' });
    const asked: [string, string, string | undefined, number][] = [
      ['PUT', 'Patient/q', body, 201],
      ['PATCH', 'Patient/q', '[]', 200],
      ['DELETE', 'Patient/q', undefined, 200],
      ['DELETE', 'Patient/q?', undefined, 200],
    ];
    for (const [method, path, sent, status] of asked) {
      const answer = await send(method, path, prefer, sent);
      expect([method, answer.status, answer.json()['resourceType']]).toEqual([
        method,
        status,
        'OperationOutcome',
      ]);
    }
    expect((await send('DELETE', 'Patient/q', json)).status).toBe(204);
  });

  test('stands in each entry of a transaction', async () => {
    const entry = [
      { request: { method: 'PUT', url: 'Patient/r' }, resource: { resourceType: 'Patient', id: 'r' } },
      { request: { method: 'DELETE', url: 'Patient/s' } },
    ];
    const bundle = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
    const { entry: told } = (await send('POST', '', prefer, bundle)).json();
    expect(told).toMatchObject([
      { response: { status: '201', outcome: { resourceType: 'OperationOutcome' } } },
      { response: { status: '204', outcome: { resourceType: 'OperationOutcome' } } },
    ]);
  });
});

test('a deletion by a condition that several match is refused, as the server declares', async () => {
  for (const id of ['d1', 'd2']) await put(id, { identifier: [{ system: 'urn:d', value: 'same' }] });
  expect((await send('DELETE', 'Patient?identifier=urn:d|same', json)).status).toBe(412);
  expect((await send('GET', 'Patient/d1', {})).status).toBe(200);
  const { rest } = (await send('GET', 'metadata', {})).json() as {
    rest: { resource: { type: string; conditionalDelete: string }[] }[];
  };
  expect(rest[0]?.resource.find(({ type }) => type === 'Patient')?.conditionalDelete).toBe('single');
});

describe('a version', () => {
  test('of a deletion is gone, those before it are there', async () => {
    await put('g', { active: true });
    await send('DELETE', 'Patient/g', json);
    const [first, second, none] = await Promise.all(
      ['1', '2', '3'].map((version) => send('GET', `Patient/g/_history/${version}`, {})),
    );
    expect([first?.status, second?.status, none?.status]).toEqual([200, 410, 404]);
    expect(second?.headers['etag']).toBe('W/"2"');
  });

  test('that did not change since is not sent again', async () => {
    await put('m', { active: true });
    const modified = (await send('GET', 'Patient/m', {})).headers['last-modified'] as string;
    const since = async (header: string, more: Record<string, string> = {}) =>
      (await send('GET', 'Patient/m', { 'if-modified-since': header, ...more })).status;
    const later = new Date(Date.parse(modified) + 1_000).toUTCString();
    const before = new Date(Date.parse(modified) - 1_000).toUTCString();
    expect([await since(later), await since(before), await since('yesterday')]).toEqual([304, 200, 200]);
    // If-None-Match decides alone.
    expect(await since(later, { 'if-none-match': 'W/"9"' })).toBe(200);
  });
});

test.each([
  ['json', 'json'],
  ['JSON', 'json'],
  ['application/fhir+json', 'json'],
  ['application/fhir%2Bjson', 'json'],
  ['application/json%2Bfhir', 'json'],
  ['application/fhir%2Bjson;%20fhirVersion=4.0', 'json'],
  ['application/fhir%2Bjson;charset=utf-8', 'json'],
  ['xml', 'xml'],
  ['text/xml', 'xml'],
  ['application/xml+fhir', 'xml'],
  ['application/fhir%2Bjson;%20fhirVersion=3.0', undefined],
  ['html/xml', undefined],
])('_format=%s is %s', async (format, expected) => {
  await put('f');
  const answer = await send('GET', `Patient/f?_format=${format}`, { accept: 'text/html' });
  const type = expected && `application/fhir+${expected}; charset=utf-8`;
  expect([answer.status, answer.status === 200 ? answer.headers['content-type'] : undefined]).toEqual([
    expected ? 200 : 406,
    type,
  ]);
});
