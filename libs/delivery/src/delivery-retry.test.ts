import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Random } from '#kernel';
import { DeliveryRetry } from './delivery-retry.js';

const always = (byte: number): Random => ({ bytes: (count) => Buffer.alloc(count, byte) });
const policy = { firstAfterMs: 1_000, atMostEveryMs: 60_000 };

describe('delivery retry', () => {
  test('the wait doubles from the first to the longest and stays there', () => {
    const retry = new DeliveryRetry(policy, always(0xff));
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 1_000].map((attempts) => retry.delayMs(attempts));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test('jitter takes away at most a quarter, whatever the random port says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 3_600_000 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.integer({ min: 0, max: 255 }),
        (firstAfterMs, atMostEveryMs, attempts, byte) => {
          const wait = new DeliveryRetry({ firstAfterMs, atMostEveryMs }, always(byte)).delayMs(attempts);
          const nominal = Math.min(firstAfterMs * 2 ** Math.min(attempts - 1, 30), atMostEveryMs);
          expect(wait).toBeGreaterThanOrEqual(Math.floor(nominal * 0.75));
          expect(wait).toBeLessThanOrEqual(nominal);
        },
      ),
    );
  });

  test('what says "not now" is tried for ever unless the policy ends it by the age of the message', () => {
    const endless = new DeliveryRetry(policy, always(0));
    const ending = new DeliveryRetry({ ...policy, giveUpAfterMs: 5_000 }, always(0));
    for (const kind of ['unavailable', 'uncertain', 'misconfigured'] as const) {
      expect(endless.givesUp(kind, 1_000_000, 1e12)).toBe(false);
      expect(ending.givesUp(kind, 1_000_000, 4_999)).toBe(false);
      expect(ending.givesUp(kind, 1, 5_000)).toBe(true);
    }
  });

  test('a refusal is given up after three times, or as often as the policy says', () => {
    const three = new DeliveryRetry(policy, always(0));
    expect([1, 2, 3].map((attempts) => three.givesUp('rejected', attempts, 0))).toEqual([false, false, true]);
    expect(new DeliveryRetry({ ...policy, refusals: 1 }, always(0)).givesUp('rejected', 1, 0)).toBe(true);
  });
});
