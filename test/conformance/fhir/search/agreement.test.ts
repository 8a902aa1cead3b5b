import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { storeMigrations } from '#store';
import { createTestDatabase, type TestDatabase } from '../../../../libs/database/testing/test-database.js';
import { compareSearch } from './agreement.js';

let fixture: TestDatabase;

beforeAll(async () => {
  fixture = await createTestDatabase(storeMigrations);
});
afterAll(() => fixture.remove());

/**
 * Of each type the three smallest of npm hl7.fhir.r4.examples 4.0.1, up to 4,000 characters, and the smallest. All 5,304 are
 * compared by `npm run conformance -- fhir`.
 */
const examples = readFileSync('test/fixtures/search/r4-examples.ndjson', 'utf8').trim().split('\n');
const ours = JSON.parse(readFileSync('test/fixtures/search/resources.json', 'utf8')) as object[];

test('a search finds what brute force finds by the rules of R4, for every parameter of every type', async () => {
  const texts = [...examples, ...ours.map((resource) => JSON.stringify(resource))];
  const found = await compareSearch(fixture.database, texts, { seed: 1, count: 1 });
  expect(found.differences).toEqual([]);
  expect(found.resources).toBeGreaterThanOrEqual(texts.length);
  expect(found.matched).toBeGreaterThan(3_000);
  expect(found.parameters - found.withoutValue.length).toBeGreaterThan(800);
}, 300_000);
