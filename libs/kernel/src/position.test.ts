import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatPosition, parsePosition } from './position.js';

describe('position', () => {
  test('every position survives being written and read', () => {
    const position = fc.record({ lane: fc.nat(1023), partition: fc.nat(63), seq: fc.nat() });
    fc.assert(fc.property(position, (p) => expect(parsePosition(formatPosition(p))).toEqual(p)));
  });

  test('what is no position is refused', () => {
    for (const text of ['', '1-2', '1-2-3-4', 'a-1-2', '-1-2-3']) expect(parsePosition(text)).toBeUndefined();
  });
});
