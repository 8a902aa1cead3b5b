import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import smart from 'fhirclient';
import { type ApiServer, accessToken, startApiServer } from '../../libs/api/testing/api-server.js';
import { familyOf, type Json, observationOf, patientCalled, resourcesIn, transactionOf } from './samples.js';

let server: ApiServer;
let client: ReturnType<ReturnType<typeof smart>['client']>;

beforeAll(async () => {
  server = await startApiServer();
  const request = new IncomingMessage(new Socket());
  client = smart(request, new ServerResponse(request), nowhere).client({
    serverUrl: `${server.origin}/fhir`,
    tokenResponse: { access_token: accessToken },
  });
});
afterAll(() => server.close());

/** Where a web application keeps its session; none is begun here. */
const nowhere = () => ({
  get: () => Promise.resolve(undefined),
  set: (_key: string, value: unknown) => Promise.resolve(value),
  unset: () => Promise.resolve(false),
});

const create = (family: string): Promise<Json> => client.create<Json>(patientCalled(family) as never);
const ask = (url: string): Promise<Json> => client.request<Json>(url);
const idOf = (resource: Json | undefined) => String(resource?.['id']);
const headers = { 'content-type': 'application/fhir+json' };

describe('fhirclient', () => {
  test('asks what the server can do', async () => {
    expect(await client.getFhirVersion()).toBe('4.0.1');
    expect(await client.getFhirRelease()).toBe(4);
  });

  test('creates, reads, updates, patches, reads versions and deletes', async () => {
    const id = idOf(await create('Smart'));
    const url = `Patient/${id}`;
    expect(familyOf(await ask(url))).toBe('Smart');
    const updated = await client.update<Json>({ ...patientCalled('Smart-Two'), id } as never);
    expect(updated).toMatchObject({ meta: { versionId: '2' } });
    const patch = [{ op: 'replace' as const, path: '/name/0/family', value: 'Smart-Three' }];
    expect(familyOf(await client.patch(url, patch))).toBe('Smart-Three');
    expect(familyOf(await ask(`${url}/_history/1`))).toBe('Smart');
    await client.delete(url);
    await expect(ask(url)).rejects.toMatchObject({ status: 410 });
  });

  test('reads the history of a resource', async () => {
    const id = idOf(await create('History'));
    await client.update({ ...patientCalled('Later'), id } as never);
    expect(resourcesIn(await ask(`Patient/${id}/_history`)).map(familyOf)).toEqual(['Later', 'History']);
  });

  test('searches, and goes from page to page', async () => {
    for (let n = 0; n < 3; n++) await create('Paging');
    const options = { pageLimit: 0, flat: true };
    expect(await client.request('Patient?identifier=Paging&_count=2', options)).toHaveLength(3);
    const pages: number[] = [];
    for await (const page of client.pages('Patient?identifier=Paging&_count=2'))
      pages.push(resourcesIn(page).length);
    expect(pages).toEqual([2, 1]);
  });

  test('creates and updates under a condition', async () => {
    const once = async () =>
      client.create<Json>(patientCalled('Once') as never, {
        headers: { ...headers, 'If-None-Exist': 'identifier=Once' },
      });
    const first = await once();
    expect(idOf(await once())).toBe(idOf(first));
    const body = JSON.stringify({ ...patientCalled('Once'), active: true });
    const updated = await client.request<Json>({
      url: 'Patient?identifier=Once',
      method: 'PUT',
      headers,
      body,
    });
    expect(updated).toMatchObject({ id: idOf(first), active: true });
  });

  test('sends a transaction and a batch', async () => {
    const send = (bundle: Json) =>
      client.request<Json>({
        url: `${server.origin}/fhir`,
        method: 'POST',
        headers,
        body: JSON.stringify(bundle),
      });
    const answer = await send(transactionOf('Smart-Bundle'));
    expect(answer).toMatchObject({
      type: 'transaction-response',
      entry: [{ response: { status: '201' } }, {}],
    });
    const entry = [{ request: { method: 'GET', url: 'Patient?identifier=Smart-Bundle' } }];
    const batch = await send({ resourceType: 'Bundle', type: 'batch', entry });
    expect(resourcesIn(resourcesIn(batch)[0]).map(familyOf)).toEqual(['Smart-Bundle']);
  });

  test('puts what is referred to in the place of references', async () => {
    const patient = idOf(await create('Subject'));
    const observation = await client.create<Json>(observationOf(`Patient/${patient}`) as never);
    const found = await client.request<Json>(`Observation/${idOf(observation)}`, {
      resolveReferences: ['subject'],
    });
    expect(familyOf(found['subject'])).toBe('Subject');
  });

  test('is told what is wrong with a resource', async () => {
    const wrong = client.create({ resourceType: 'Patient', gender: 'none' } as never);
    await expect(wrong).rejects.toMatchObject({ status: 422 });
  });
});
