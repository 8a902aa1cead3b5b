import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { numberKeysOfQuery, numberKeysOfValue } from './number-keys.js';

const number = fc.oneof(
  fc.double({ noNaN: true }),
  fc.double({ noNaN: true, min: -1_000, max: 1_000 }),
  fc.integer({ min: -2_000, max: 2_000 }).map((n) => n / 100),
  fc.constantFrom(0, 1e-9, -1e-9, 1e15, -1e15, 9.99, 10, 99, 100, Number.POSITIVE_INFINITY),
);
const span = fc.tuple(number, number).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }));
const point = number.map((n) => ({ low: n, high: n }));

describe('the index keys of numbers', () => {
  test('a value and a query that overlap have a key in common', () => {
    fc.assert(
      fc.property(fc.oneof(span, point), fc.oneof(span, point), (value, query) => {
        if (value.low > query.high || value.high < query.low) return;
        const asked = new Set(numberKeysOfQuery(query));
        expect(numberKeysOfValue(value).some((key) => asked.has(key))).toBe(true);
      }),
      { seed: 1, numRuns: 20_000 },
    );
  });

  test('a query has few keys, however wide it is', () => {
    fc.assert(
      fc.property(span, (query) => {
        expect(numberKeysOfQuery(query).length).toBeLessThan(2 * 90 + 2 * 26 + 10);
      }),
      { seed: 1, numRuns: 5_000 },
    );
  });

  test('two digits are told apart, and a decade is one key', () => {
    const keys = (low: number, high = low): Set<string> => new Set(numberKeysOfQuery({ low, high }));
    expect(numberKeysOfValue({ low: 5.44, high: 5.44 }).filter((key) => keys(5.4).has(key))).toHaveLength(1);
    expect(numberKeysOfValue({ low: 5.5, high: 5.5 }).filter((key) => keys(5.4).has(key))).toEqual([]);
    expect(numberKeysOfValue({ low: -5.4, high: -5.4 }).filter((key) => keys(5.4).has(key))).toEqual([]);
    expect(keys(100, 999.9).size).toBe(2);
    expect(numberKeysOfValue({ low: 0.29, high: 0.29 })).toEqual(
      numberKeysOfValue({ low: 0.2901, high: 0.2901 }),
    );
  });
});
