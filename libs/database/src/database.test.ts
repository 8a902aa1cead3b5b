import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../testing/test-database.js';

let fixture: TestDatabase;
beforeAll(async () => {
  fixture = await createTestDatabase();
  await fixture.database.query('CREATE TABLE noted (n int PRIMARY KEY)');
});
afterAll(() => fixture.remove());

const note = 'INSERT INTO noted (n) VALUES ($1)';
const count = 'SELECT count(*)::int AS n FROM noted';

describe('statements of a transaction that do not wait for each other', () => {
  test('run in the order in which they were asked for, and see what those before them did', async () => {
    const rows = await fixture.database.transaction((tx) =>
      Promise.all([
        tx.query(note, [1], 'note'),
        tx.query<{ n: number }>(count, [], 'count'),
        tx.query(note, [2], 'note'),
        tx.query<{ n: number }>(count, [], 'count'),
      ]),
    );
    expect([rows[1], rows[3]]).toEqual([[{ n: 1 }], [{ n: 2 }]]);
  });

  test('fail for what the first of them failed for, and leave nothing behind', async () => {
    const outcomes = fixture.database.transaction((tx) =>
      Promise.allSettled([
        tx.query(note, [3], 'note'),
        tx.query(note, [1], 'note'),
        tx.query(note, [4], 'note'),
        tx.query('SELECT 1 AS never_prepared_before', [], 'new-behind-a-failure'),
      ]).then((all) => {
        const codes = all.map((one) =>
          one.status === 'rejected' ? (one.reason as { code: string }).code : 'done',
        );
        throw new Error(codes.join(' '));
      }),
    );
    await expect(outcomes).rejects.toThrow('done DATABASE_CONFLICT DATABASE_CONFLICT DATABASE_CONFLICT');
    expect(await fixture.database.query(count)).toEqual([{ n: 2 }]);
    // Names that were sent and never prepared are prepared when they come again.
    const again = () =>
      fixture.database.transaction((tx) =>
        tx.query<{ one: number }>('SELECT 1 AS never_prepared_before', [], 'new-behind-a-failure'),
      );
    for (const rows of await Promise.all(Array.from({ length: 8 }, again))) expect(rows).toHaveLength(1);
  });

  test('are rolled back whole where the work fails while they are under way', async () => {
    const work = fixture.database.transaction((tx) => {
      void tx.query(note, [5], 'note');
      return Promise.reject(new Error('changed its mind'));
    });
    await expect(work).rejects.toThrow('changed its mind');
    expect(await fixture.database.query(count)).toEqual([{ n: 2 }]);
  });
});
