import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type FhirObject, readJson } from '#fhir';
import { hash64 } from '#kernel';
import { indexTerms, indexVersion } from '#search';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { storeResources } from '../testing/store-resources.js';
import { IndexFiller, ResourceReader, storeMigrations } from './index.js';
import { readIndexState } from './index-filler.js';

/** What stands for each version of the extractors: a hash of all terms of the fixtures. */
const TERMS_OF_VERSION: Readonly<Record<number, string>> = {
  2: '-43b083ad3f2374ac',
  3: '-2611c313e67566b3',
};

let fixture: TestDatabase;
const examples = readFileSync('test/fixtures/search/r4-examples.ndjson', 'utf8').trim().split('\n');
const ours = readFileSync('test/fixtures/search/resources.json', 'utf8');

beforeAll(async () => {
  fixture = await createTestDatabase(storeMigrations);
});
afterAll(() => fixture.remove());

const found = async (type: string, name: string, value: string): Promise<string[]> => {
  const reader = new ResourceReader(fixture.database);
  const { matches } = await reader.search(type, [[name, value]], { lenient: false, ownUrl: undefined });
  return matches.map(({ id }) => id).sort();
};

/** As an older build left it: without the terms of some resources, and with the version of that build. */
async function asOlderBuild(): Promise<void> {
  await fixture.database.query('DELETE FROM search_term');
  await fixture.database.query('UPDATE search_index SET version = $1, target = 0, filled_rid = 0', [
    indexVersion - 1,
  ]);
}

async function filled(): Promise<string[]> {
  const told: string[] = [];
  const filler = new IndexFiller(fixture.database, {
    onProgress: (message, { behind }) => told.push(`${message} ${behind}`),
    onTrouble: (error) => told.push(String(error)),
  });
  filler.start();
  const isDone = async (): Promise<boolean> =>
    (await readIndexState(fixture.database)).complete &&
    (told.length === 0 || told.at(-1)?.includes('holds') === true);
  while (!(await isDone())) await new Promise((done) => setTimeout(done, 10));
  await filler.stop();
  return told;
}

const termsThere = (): Promise<{ hash: string; rid: string }[]> =>
  fixture.database.query<{ hash: string; rid: string }>(
    'SELECT DISTINCT hash::text, unnest(rids)::text AS rid FROM search_term ORDER BY 1, 2',
  );

describe('filling the index', () => {
  test('a database without resources is complete at once', async () => {
    expect(await readIndexState(fixture.database)).toEqual({ complete: true, behind: 0 });
  });

  test('what an older build stored is found as if this one had, and until then a search says that it may miss some', async () => {
    for (let n = 0; n < 3; n++)
      await storeResources(
        fixture.database,
        n + 1,
        (JSON.parse(ours) as { id: string }[]).map((one) => JSON.stringify({ ...one, id: `${one.id}${n}` })),
      );
    const before = await termsThere();
    expect(await found('RiskAssessment', 'probability', '0.25')).toEqual(['risk0', 'risk1', 'risk2']);
    await asOlderBuild();
    const reader = new ResourceReader(fixture.database);
    const options = { lenient: false, ownUrl: undefined };
    const behind = await reader.indexBehind();
    expect(behind).toBe((await readIndexState(fixture.database)).behind);
    expect(behind).toBeGreaterThan(0);
    const pending = await reader.search('RiskAssessment', [['probability', '0.25']], options);
    expect(pending.matches).toEqual([]);
    const told = await filled();
    expect(told[0]).toContain('is brought up to this build');
    expect(told.at(-1)).toContain('holds what this build takes');
    expect(await found('RiskAssessment', 'probability', '0.25')).toEqual(['risk0', 'risk1', 'risk2']);
    const after = new Set((await termsThere()).map(({ hash, rid }) => `${hash} ${rid}`));
    expect(before.filter(({ hash, rid }) => !after.has(`${hash} ${rid}`))).toEqual([]);
  });

  test('what the index holds already is not written again, what it lost is', async () => {
    const count = 'SELECT count(*) AS n FROM search_term';
    const again = async (): Promise<number> => {
      await fixture.database.query('UPDATE search_index SET version = 0, target = 0');
      await filled();
      return (await fixture.database.query<{ n: number }>(count))[0]?.n ?? 0;
    };
    expect(await again()).toBe(await again());
    await fixture.database.query('UPDATE search_term SET rids = rids[1:1]');
    await again();
    expect(await found('RiskAssessment', 'probability', '0.25')).toEqual(['risk0', 'risk1', 'risk2']);
  });

  test('two fillers and one that is stopped in between leave the same index', async () => {
    const whole = await termsThere();
    await asOlderBuild();
    const silent = { onProgress: () => {}, onTrouble: () => {} };
    const stopped = new IndexFiller(fixture.database, silent);
    stopped.start();
    await stopped.stop();
    const other = new IndexFiller(fixture.database, silent);
    other.start();
    expect(await filled()).not.toContain('Error');
    await other.stop();
    expect(await termsThere()).toEqual(whole);
  });
});

test('the extractors are those of their version: who changes them raises indexVersion and writes down the new hash', () => {
  let all = '';
  const resources = [...examples, ...(JSON.parse(ours) as object[]).map((one) => JSON.stringify(one))];
  for (const text of resources)
    all += [...new Set(indexTerms(readJson(text) as FhirObject, null))].sort().join();
  expect(hash64(all).toString(16)).toBe(TERMS_OF_VERSION[indexVersion]);
});
