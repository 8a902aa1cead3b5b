import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { deleteResource, storeResources } from '../testing/store-resources.js';
import { ResourceReader, storeMigrations } from './index.js';

let fixture: TestDatabase;
let reader: ResourceReader;
beforeAll(async () => {
  fixture = await createTestDatabase(storeMigrations);
  reader = new ResourceReader(fixture.database);
});
afterAll(() => fixture.remove());

let seq = 0;
const store = (...texts: string[]): Promise<void> => storeResources(fixture.database, ++seq, texts);

const observation = (id: string, value: string): string =>
  `{"resourceType":"Observation","id":"${id}","status":"final","valueQuantity":{"value":${value}}}`;

describe('reading a resource', () => {
  test('the text is what was stored, with version and time, and decimals keep their digits', async () => {
    await store(observation('a', '1.50'), observation('b', '0.000000000000000001'));
    const first = await reader.read('Observation', 'a');
    if (first === undefined || first.deleted) throw new Error('not found');
    const lastUpdated = new Date(first.lastUpdatedMs).toISOString();
    expect(first.text).toBe(
      `{"resourceType":"Observation","id":"a","meta":{"versionId":"1","lastUpdated":"${lastUpdated}"},` +
        '"status":"final","valueQuantity":{"value":1.50}}',
    );
    expect(await reader.read('Observation', 'b')).toMatchObject({
      text: expect.stringContaining('"value":0.000000000000000001') as unknown,
    });
  });

  test('what never was is unknown, by type, id or version', async () => {
    await store(observation('c', '1'));
    expect(await reader.read('Observation', 'nothing')).toBeUndefined();
    expect(await reader.read('Patient', 'c')).toBeUndefined();
    expect(await reader.read('Nonsense', 'c')).toBeUndefined();
    for (const version of [0, 2, 1.5, 9_000_000_000]) {
      expect(await reader.version('Observation', 'c', version)).toBeUndefined();
    }
  });

  test('every version can be read, with its own time', async () => {
    for (const value of ['1', '2.0', '3.00']) await store(observation('d', value));
    const texts = [1, 2, 3].map(async (version) => {
      const found = await reader.version('Observation', 'd', version);
      return found && !found.deleted ? found.text : undefined;
    });
    const [one, two, three] = await Promise.all(texts);
    expect(one).toMatch(/"versionId":"1".*"value":1}/);
    expect(two).toMatch(/"versionId":"2".*"value":2\.0}/);
    expect(three).toMatch(/"versionId":"3".*"value":3\.00}/);
  });

  test('history comes newest first, in pages that a new version does not disturb', async () => {
    for (const value of ['1', '2', '3', '4', '5']) await store(observation('e', value));
    const page = (before?: number) =>
      reader.history('Observation', 'e', { count: 2, before, sinceMs: undefined });
    const first = await page();
    expect(first?.versions.map((v) => v.version)).toEqual([5, 4]);
    expect(first?.total).toBe(5);
    await store(observation('e', '6'));
    const second = await page(first?.next);
    expect(second?.versions.map((v) => v.version)).toEqual([3, 2]);
    const third = await page(second?.next);
    expect(third?.versions.map((v) => v.version)).toEqual([1]);
    expect(third?.next).toBeUndefined();
  });

  test('history since a time after the last change is empty, of what never was unknown', async () => {
    await store(observation('f', '1'));
    const paging = { count: 9, before: undefined, sinceMs: Date.now() + 60_000 };
    expect(await reader.history('Observation', 'f', paging)).toMatchObject({ versions: [], total: 0 });
    expect(await reader.history('Observation', 'nothing', paging)).toBeUndefined();
  });

  test('a deleted resource is known to be deleted, its former versions stay', async () => {
    await store(observation('g', '1'));
    await deleteResource(fixture.database, 'Observation', 'g');
    expect(await reader.read('Observation', 'g')).toMatchObject({ deleted: true, version: 2 });
    expect(await reader.version('Observation', 'g', 1)).toMatchObject({ deleted: false });
    const history = await reader.history('Observation', 'g', {
      count: 9,
      before: undefined,
      sinceMs: undefined,
    });
    expect(history?.versions.map((v) => v.deleted)).toEqual([true, false]);
  });

  test('one of many that were stored together is read alone, and a damaged place of it spoils no other read', async () => {
    await store('{"resourceType":"Patient","id":"p"}');
    await store(...Array.from({ length: 70 }, (_, n) => observation(`j${n}`, `${n}.0`)));
    for (const n of [0, 15, 16, 33, 69]) {
      expect(await reader.read('Observation', `j${n}`)).toMatchObject({
        text: expect.stringContaining(`"value":${n}.0}`) as unknown,
      });
    }
    const damaged = Buffer.concat([Buffer.of(2), Buffer.alloc(40, 0xff)]);
    await fixture.database.query('UPDATE pack SET bytes = $1 WHERE seq = $2', [damaged, seq]);
    const answers = await Promise.allSettled([reader.read('Observation', 'j1'), reader.read('Patient', 'p')]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });

  test('reads at the same moment each get their own answer, and a damaged pack spoils only its own', async () => {
    await store(observation('h', '1'));
    await store(observation('i', '2'));
    await fixture.database.query('UPDATE pack SET bytes = $1 WHERE seq = $2', [Buffer.from([1, 9]), seq]);
    const ids = ['h', 'i', 'nothing', 'h', 'g'];
    const answers = await Promise.allSettled(ids.map((id) => reader.read('Observation', id)));
    const told = answers.map((answer) =>
      answer.status === 'rejected' ? 'damaged' : (answer.value?.deleted ?? 'unknown'),
    );
    expect(told).toEqual([false, 'damaged', 'unknown', false, true]);
  });
});
