import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isEngineError } from '#kernel';
import { ResourceReader, storeMigrations } from '#store';
import { createTestDatabase, type TestDatabase } from '../../../database/testing/test-database.js';
import { storeResources } from '../../../store/testing/store-resources.js';
import { findMatches, pairsOf } from './find-match.js';

/** More than one page of a search looks at. */
const STORED = 10_250;
const STEP = 2_050;

let fixture: TestDatabase;

beforeAll(async () => {
  fixture = await createTestDatabase(storeMigrations);
});
afterAll(() => fixture.remove());

test('a condition that a search gave up on is refused, and not taken for one that nothing matches', async () => {
  for (let from = 0; from < STORED; from += STEP)
    await storeResources(
      fixture.database,
      from / STEP + 1,
      Array.from({ length: STEP }, (_, n) =>
        JSON.stringify({
          resourceType: 'Basic',
          id: `b${from + n}`,
          code: { coding: [{ code: `c${from + n}` }] },
        }),
      ),
    );
  const reader = new ResourceReader(fixture.database);
  const find = (name: string, value: string) =>
    findMatches(reader, 'Basic', [[name, value]], { ownUrl: undefined, most: 2 }).catch(
      (error: unknown) => error,
    );
  expect(await find('code', 'c17')).toMatchObject([{ id: 'b17' }]);
  expect(await find('code', 'none')).toEqual([]);
  const refused = await find('identifier:missing', 'false');
  expect(isEngineError(refused, 'rejected') && refused.code).toBe('SEARCH_TOO_COSTLY');
  expect(await find('identifier:missing', 'true')).toHaveLength(2);
});

test.each([
  '',
  '_format=json',
  'identifier=',
  'identifier',
  'identifier=x&name=',
  'identifier=%20',
  '_count=1',
  '_sort=_id',
  'identifier=x&_page=r9',
])("a condition that says '%s' is refused: it would be met by whatever there is", (criteria) => {
  expect(() => pairsOf(criteria, 'http.criteria')).toThrow('a condition');
  expect(pairsOf('identifier=urn:a|1&_format=json', 'http.criteria')).toEqual([['identifier', 'urn:a|1']]);
});
