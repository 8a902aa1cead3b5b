import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'fhir-kit-client';
import { type ApiServer, accessToken, startApiServer } from '../../libs/api/testing/api-server.js';
import { familyOf, type Json, observationOf, patientCalled, resourcesIn, transactionOf } from './samples.js';

let server: ApiServer;
let client: Client;

beforeAll(async () => {
  server = await startApiServer();
  client = new Client({ baseUrl: `${server.origin}/fhir`, bearerToken: accessToken });
});
afterAll(() => server.close());

const create = async (family: string): Promise<Json> =>
  client.create({ resourceType: 'Patient', body: patientCalled(family) });
const idOf = (resource: Json) => String(resource['id']);

describe('fhir-kit-client', () => {
  test('asks what the server can do', async () => {
    const statement = await client.capabilityStatement();
    expect(statement).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });
  });

  test('creates, reads, updates, patches, reads versions and deletes', async () => {
    const created = await create('Kit');
    const id = idOf(created);
    const at = { resourceType: 'Patient', id };
    expect(familyOf(await client.read(at))).toBe('Kit');
    const updated = await client.update({ ...at, body: { ...patientCalled('Kit-Two'), id } });
    expect(updated['meta']).toMatchObject({ versionId: '2' });
    const jsonPatch = [{ op: 'replace' as const, path: '/name/0/family', value: 'Kit-Three' }];
    expect(familyOf(await client.patch({ ...at, jsonPatch }))).toBe('Kit-Three');
    expect(familyOf(await client.vread({ ...at, version: '1' }))).toBe('Kit');
    await client.delete(at);
    await expect(client.read(at)).rejects.toMatchObject({ response: { status: 410 } });
  });

  test('reads the history of a resource', async () => {
    const id = idOf(await create('History'));
    await client.update({ resourceType: 'Patient', id, body: { ...patientCalled('Later'), id } });
    const history = await client.resourceHistory({ resourceType: 'Patient', id });
    expect(resourcesIn(history).map(familyOf)).toEqual(['Later', 'History']);
  });

  test('searches, by address and by form, and goes from page to page', async () => {
    for (let n = 0; n < 3; n++) await create('Paging');
    const search = { resourceType: 'Patient', searchParams: { identifier: 'Paging', _count: 2 } };
    const first = await client.search(search);
    expect(resourcesIn(first)).toHaveLength(2);
    const next = await client.nextPage({ bundle: first as never });
    expect(resourcesIn(next)).toHaveLength(1);
    const byForm = await client.search({ ...search, options: { postSearch: true } });
    expect(resourcesIn(byForm)).toHaveLength(2);
  });

  test('creates and updates under a condition', async () => {
    const options = { headers: { 'If-None-Exist': 'identifier=Once' } };
    const ask = { resourceType: 'Patient', body: patientCalled('Once'), options };
    expect(idOf(await client.create(ask))).toBe(idOf(await client.create(ask)));
    const searchParams = { identifier: 'Once' };
    const body = { ...patientCalled('Once'), active: true };
    expect(await client.update({ resourceType: 'Patient', searchParams, body })).toMatchObject({
      active: true,
    });
  });

  test('updates only the version that it knows', async () => {
    const created = await create('Known');
    const at = {
      resourceType: 'Patient',
      id: idOf(created),
      body: { ...patientCalled('Known'), ...created, active: true },
    };
    const options = { headers: { 'If-Match': 'W/"1"' } };
    await client.update({ ...at, options });
    await expect(client.update({ ...at, options })).rejects.toMatchObject({ response: { status: 412 } });
  });

  test('sends a transaction and a batch', async () => {
    const answer = await client.transaction({ body: transactionOf('Kit-Bundle') });
    expect(answer).toMatchObject({
      type: 'transaction-response',
      entry: [{ response: { status: '201' } }, {}],
    });
    const found = await client.search({
      resourceType: 'Patient',
      searchParams: { identifier: 'Kit-Bundle' },
    });
    const [patient] = resourcesIn(found);
    const url = `Observation?patient=Patient/${idOf(patient ?? {})}`;
    const batch = { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url } }] };
    const [page] = resourcesIn(await client.batch({ body: batch }));
    expect(resourcesIn(page)).toHaveLength(1);
  });

  test('follows a reference', async () => {
    const id = idOf(await create('Subject'));
    const observation = { resourceType: 'Observation', body: observationOf(`Patient/${id}`) };
    const made = await client.create(observation);
    const { reference } = made['subject'] as { reference: string };
    expect(familyOf(await client.resolve({ reference }))).toBe('Subject');
  });

  test('is told what is wrong with a resource', async () => {
    const body = { resourceType: 'Patient', gender: 'none' };
    await expect(client.create({ resourceType: 'Patient', body })).rejects.toMatchObject({
      response: { status: 422, data: { resourceType: 'OperationOutcome' } },
    });
  });
});
