import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Log } from '#telemetry';
import { drain } from './drain.js';

const told: string[] = [];
const tell = (event: string) => void told.push(event);
const log: Log = { debug: () => {}, info: tell, warn: tell, error: tell, with: () => log };

afterEach(() => {
  jest.useRealTimers();
  told.length = 0;
});

describe('draining', () => {
  test('parts stop in order, each after the one before it, and one that fails does not hold up the others', async () => {
    const order: string[] = [];
    const part = (name: string, fails = false) => ({
      name,
      stop: async () => {
        await Promise.resolve();
        order.push(name);
        if (fails) throw new Error('no');
      },
    });
    expect(await drain([part('ingest'), part('transform', true), part('database')], log)).toBe(false);
    expect(order).toEqual(['ingest', 'transform', 'database']);
    expect(await drain([part('ingest')], log)).toBe(true);
  });

  test('a part that never ends does not keep the process alive', async () => {
    jest.useFakeTimers();
    const drained = drain([{ name: 'deliver', stop: () => new Promise<void>(() => {}) }], log);
    await jest.advanceTimersByTimeAsync(25_000);
    expect(await drained).toBe(false);
    expect(told.join()).toContain('took too long');
  });
});
