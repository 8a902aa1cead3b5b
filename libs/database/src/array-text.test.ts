import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createTestDatabase, type TestDatabase } from '../testing/test-database.js';

let fixture: TestDatabase;
beforeAll(async () => {
  fixture = await createTestDatabase([]);
});
afterAll(() => fixture.remove());

async function back(values: readonly unknown[], type: string): Promise<unknown> {
  const [row] = await fixture.database.query<{ got: unknown }>(`SELECT $1::${type}[] AS got`, [values]);
  return row?.got;
}

// PostgreSQL holds no NUL in text, and a lone surrogate is no text at all.
const text = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom('"', '\\', '{', '}', ',', ' ', '\n', 'é', '语'),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
  })
  .filter((value) => !value.includes('\0'));

describe('array parameters', () => {
  test('any text comes back as it was, null as null', async () => {
    const words = fc.constantFrom(null, '', 'null', 'NULL', 'nUll', '{}', '"', '\\', 'a,b');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(text, words), { maxLength: 20 }), async (values) => {
        expect(await back(values, 'text')).toEqual(values);
      }),
      { seed: 20261124, numRuns: 200 },
    );
  });

  test('bytes, numbers and booleans come back as they were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), async (values) => {
        const bytes = values.map((value) => Buffer.from(value));
        expect(await back(bytes, 'bytea')).toEqual(bytes);
      }),
      { seed: 20261124, numRuns: 50 },
    );
    expect(await back([1, -2.5, 1e300, null], 'float8')).toEqual([1, -2.5, 1e300, null]);
    expect(await back([true, false, null], 'bool')).toEqual([true, false, null]);
    expect(await back([2n ** 62n], 'numeric')).toEqual([4611686018427387904]);
  });
});
