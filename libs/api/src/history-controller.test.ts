import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ApiServer, accessToken, startApiServer } from '../testing/api-server.js';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/fhir+json' };

async function write(method: string, path: string, body?: object): Promise<string> {
  const answer = await server.send(
    method,
    `/fhir/${path}`.replace(/[/]$/, ''),
    headers,
    body && JSON.stringify(body),
  );
  if (answer.status >= 300) throw new Error(answer.text);
  return answer.text;
}

const put = (type: string, id: string, more: object = {}) =>
  write('PUT', `${type}/${id}`, { resourceType: type, id, ...more });

interface History {
  link: { relation: string; url: string }[];
  entry?: {
    request: { method: string; url: string };
    response: { etag: string };
    resource?: { meta: { lastUpdated: string } };
  }[];
}

async function history(path: string): Promise<{ told: string[]; next: string | undefined; bundle: History }> {
  const answer = await server.send('GET', path);
  expect([answer.status, answer.text.slice(0, 60)]).toEqual([200, expect.stringContaining('Bundle')]);
  const bundle = answer.json() as unknown as History;
  const told = (bundle.entry ?? []).map(
    ({ request, response }) => `${request.method} ${request.url} ${response.etag}`,
  );
  const next = bundle.link.find(({ relation }) => relation === 'next')?.url;
  return { told, next: next?.slice(server.origin.length), bundle };
}

async function everyPage(path: string, between?: () => Promise<unknown>): Promise<string[]> {
  const all: string[] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const page = await history(next);
    all.push(...page.told);
    next = page.next;
    await between?.();
  }
  return all;
}

describe('the history of everything', () => {
  test('tells every version of every type once, newest first, and deletions', async () => {
    await put('Patient', 'a');
    await put('Patient', 'a', { gender: 'male' });
    await put('Organization', 'o', { name: 'One' });
    await write('DELETE', 'Patient/a');
    await put('Patient', 'a', { gender: 'female' });
    await put('Patient', 'a', { gender: 'female' });
    const told = [
      'PUT Patient/a W/"4"',
      'DELETE Patient/a W/"3"',
      'PUT Organization/o W/"1"',
      'PUT Patient/a W/"2"',
      'PUT Patient/a W/"1"',
    ];
    expect(await everyPage('/fhir/_history')).toEqual(told);
    expect(await everyPage('/fhir/_history?_count=1')).toEqual(told);
    expect(await everyPage('/fhir/Patient/_history?_count=2')).toEqual(
      told.filter((one) => one.includes('Patient')),
    );
    expect(await everyPage('/fhir/Basic/_history')).toEqual([]);
  });

  test('pages do not move when something is written between them, within a transaction too', async () => {
    const entry = Array.from({ length: 7 }, (_, n) => ({
      request: { method: 'PUT', url: `Location/l${n}` },
      resource: { resourceType: 'Location', id: `l${n}`, name: `${n}` },
    }));
    await write('POST', '', { resourceType: 'Bundle', type: 'transaction', entry });
    let round = 0;
    const told = await everyPage('/fhir/Location/_history?_count=3', () =>
      put('Location', `l${round % 7}`, { name: `again ${round++}` }),
    );
    expect(told.sort()).toEqual(entry.map(({ request }) => `PUT ${request.url} W/"1"`));
  });

  test('_since leaves out what came before, _at what was not current then', async () => {
    await put('Basic', 'b', { code: { text: '1' } });
    await put('Basic', 'b', { code: { text: '2' } });
    await write('DELETE', 'Basic/b');
    const { bundle } = await history('/fhir/Basic/_history');
    const [, second, first] = (bundle.entry ?? []).map(({ resource }) => resource?.meta.lastUpdated ?? '');
    expect(await everyPage(`/fhir/Basic/_history?_since=${second}`)).toEqual([
      'DELETE Basic/b W/"3"',
      'PUT Basic/b W/"2"',
    ]);
    for (const path of ['/fhir/Basic/_history', '/fhir/Basic/b/_history']) {
      expect(await everyPage(`${path}?_at=${first}`)).toEqual(['PUT Basic/b W/"1"']);
      expect(await everyPage(`${path}?_at=2021`)).toEqual([]);
    }
  });

  test('of one resource goes on from page to page, since a time, newest first', async () => {
    for (let n = 0; n < 7; n++) await put('Device', 'h', { lotNumber: `${n}` });
    const { bundle } = await history('/fhir/Device/h/_history?_count=100');
    const third = bundle.entry?.at(-3)?.resource?.meta.lastUpdated ?? '';
    const told = [7, 6, 5, 4, 3].map((version) => `PUT Device/h W/"${version}"`);
    const query = `_count=2&_sort=-_lastUpdated&_since=${third}`;
    for (const path of ['/fhir/Device/h/_history', '/fhir/Device/_history'])
      expect(await everyPage(`${path}?${query}`)).toEqual(told);
  });

  test('what it cannot read is refused', async () => {
    for (const query of ['_count=0', '_since=yesterday', '_page=7', '_sort=a', '_sort=_lastUpdated']) {
      const answer = await server.send('GET', `/fhir/_history?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
    }
    expect((await server.send('GET', '/fhir/Nonsense/_history')).status).toBe(404);
  });

  test('is declared by the server', async () => {
    const statement = await server.send('GET', '/fhir/metadata');
    expect(statement.text).toContain('{"code":"history-type"}');
    expect(statement.text).toContain('{"code":"history-system"}');
  });
});
