import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MedplumClient } from '@medplum/core';
import { type ApiServer, accessToken, startApiServer } from '../../libs/api/testing/api-server.js';
import { familyOf, type Json, patientCalled, resourcesIn, transactionOf } from './samples.js';

let server: ApiServer;
let client: MedplumClient;

beforeAll(async () => {
  server = await startApiServer();
  client = new MedplumClient({
    baseUrl: server.origin,
    fhirUrlPath: 'fhir',
    accessToken,
    fetch,
    cacheTime: 0,
  });
});
afterAll(() => server.close());

const create = async (family: string): Promise<Json> =>
  (await client.createResource(patientCalled(family) as never)) as Json;
const idOf = (resource: Json | undefined) => String(resource?.['id']);

describe('@medplum/core', () => {
  test('asks what the server can do', async () => {
    const statement = (await client.get(client.fhirUrl('metadata'))) as Json;
    expect(statement).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' });
  });

  test('creates, reads, updates, patches, reads versions and deletes', async () => {
    const created = await create('Plum');
    const id = idOf(created);
    expect(familyOf(await client.readResource('Patient', id))).toBe('Plum');
    const updated = await client.updateResource({ ...patientCalled('Plum-Two'), id } as never);
    expect(updated).toMatchObject({ meta: { versionId: '2' } });
    const patch = [{ op: 'replace' as const, path: '/name/0/family', value: 'Plum-Three' }];
    expect(familyOf(await client.patchResource('Patient', id, patch))).toBe('Plum-Three');
    expect(familyOf(await client.readVersion('Patient', id, '1'))).toBe('Plum');
    await client.deleteResource('Patient', id);
    await expect(client.readResource('Patient', id)).rejects.toMatchObject({
      outcome: { resourceType: 'OperationOutcome', issue: [{ code: 'deleted' }] },
    });
  });

  test('reads the history of a resource', async () => {
    const id = idOf(await create('History'));
    await client.updateResource({ ...patientCalled('Later'), id } as never);
    const history = await client.readHistory('Patient', id, { count: 10 });
    expect(resourcesIn(history).map(familyOf)).toEqual(['Later', 'History']);
  });

  test('searches, for one, for all, and from page to page', async () => {
    for (let n = 0; n < 3; n++) await create('Paging');
    const pages: number[] = [];
    for await (const page of client.searchResourcePages('Patient', { identifier: 'Paging', _count: 2 }))
      pages.push(page.length);
    expect(pages).toEqual([2, 1]);
    expect(familyOf(await client.searchOne('Patient', 'identifier=Paging'))).toBe('Paging');
    expect(await client.searchResources('Patient', 'identifier=Nobody')).toHaveLength(0);
  });

  test('creates and updates under a condition', async () => {
    const ask = async () =>
      (await client.createResourceIfNoneExist(patientCalled('Once') as never, 'identifier=Once')) as Json;
    const first = await ask();
    expect(idOf(await ask())).toBe(idOf(first));
    const upserted = await client.upsertResource(
      { ...patientCalled('Once'), active: true } as never,
      'identifier=Once',
    );
    expect(upserted).toMatchObject({ id: idOf(first), active: true, meta: { versionId: '2' } });
  });

  test('sends a transaction and a batch', async () => {
    const answer = await client.executeBatch(transactionOf('Plum-Bundle') as never);
    expect(answer).toMatchObject({
      type: 'transaction-response',
      entry: [{ response: { status: '201' } }, {}],
    });
    const found = (await client.searchOne('Patient', 'identifier=Plum-Bundle')) as Json;
    const entry = [{ request: { method: 'GET', url: `Observation?patient=Patient/${idOf(found)}` } }];
    const batch = await client.executeBatch({ resourceType: 'Bundle', type: 'batch', entry } as never);
    expect(resourcesIn(resourcesIn(batch)[0])).toHaveLength(1);
  });

  test('follows a reference', async () => {
    const id = idOf(await create('Subject'));
    expect(familyOf(await client.readReference({ reference: `Patient/${id}` }))).toBe('Subject');
  });

  test('is told what is wrong with a resource', async () => {
    const wrong = client.createResource({ resourceType: 'Patient', gender: 'none' } as never);
    await expect(wrong).rejects.toMatchObject({ outcome: { issue: [{ expression: ['Patient.gender'] }] } });
  });
});
