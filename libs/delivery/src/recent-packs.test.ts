import { describe, expect, test } from '@jest/globals';
import { RecentPacks } from './recent-packs.js';

const stored = (seq: number, bytes: number) => ({
  position: { lane: 1, partition: 2, seq },
  resources: [Buffer.alloc(bytes, seq)],
});
const at = (seq: number) => stored(seq, 0).position;

describe('recent packs', () => {
  test('what was remembered is found by its position, and nothing else', () => {
    const recent = new RecentPacks();
    const one = stored(1, 10);
    recent.remember([one, stored(2, 10)]);
    expect(recent.find(at(1))).toBe(one.resources);
    expect(recent.find(at(3))).toBeUndefined();
    expect(recent.find({ ...at(1), lane: 2 })).toBeUndefined();
  });

  test('more bytes than the bound are not held: the oldest go first, one that is too large is not kept', () => {
    const recent = new RecentPacks(100, 1_000);
    for (let seq = 1; seq <= 50; seq++) {
      recent.remember([stored(seq, 30)]);
      expect(recent.bytes).toBeLessThanOrEqual(100);
    }
    const held = Array.from({ length: 50 }, (_, index) => index + 1).filter((seq) => recent.find(at(seq)));
    expect(held).toEqual([48, 49, 50]);
    recent.remember([stored(51, 101)]);
    expect(recent.bytes).toBe(0);
  });

  test('more packs than the bound are not held', () => {
    const recent = new RecentPacks(1_000, 3);
    recent.remember([1, 2, 3, 4, 5].map((seq) => stored(seq, 1)));
    expect([1, 2, 3, 4, 5].filter((seq) => recent.find(at(seq)))).toEqual([3, 4, 5]);
    expect(recent.bytes).toBe(3);
  });

  test('a position remembered again counts once', () => {
    const recent = new RecentPacks();
    recent.remember([stored(1, 10), stored(1, 10)]);
    expect(recent.bytes).toBe(10);
  });
});
