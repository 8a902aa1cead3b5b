import { describe, expect, test } from '@jest/globals';
import { until } from '../testing/until.js';
import { DeliveryTurns, type Turn } from './delivery-turns.js';

/** Turns that end when the test says so; the clock stands still until it is moved. */
function turnsOf(limit: number) {
  const begun: number[] = [];
  const ends = new Map<number, (turn: Turn) => void>();
  const errors: unknown[] = [];
  const clock = { now: 0, nowMs: () => clock.now };
  const run = (key: number) => {
    begun.push(key);
    return new Promise<Turn>((resolve) => ends.set(key, resolve));
  };
  const turns = new DeliveryTurns(limit, clock, run, (error) => errors.push(error));
  const end = async (key: number, turn: Turn = 'done') => {
    ends.get(key)?.(turn);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { turns, begun, end, clock, errors };
}

describe('delivery turns', () => {
  test('at most the limit runs together, the others follow in the order they were woken', async () => {
    const { turns, begun, end } = turnsOf(2);
    for (const key of [5, 6, 7, 8, 7]) turns.wake(key);
    expect(begun).toEqual([5, 6]);
    await end(6);
    await end(5);
    expect(begun).toEqual([5, 6, 7, 8]);
  });

  test('a wake that comes while the turn runs is followed by one more turn, never by two at once', async () => {
    const { turns, begun, end } = turnsOf(4);
    turns.wake(1);
    turns.wake(1);
    turns.wake(1);
    expect(begun).toEqual([1]);
    await end(1);
    expect(begun).toEqual([1, 1]);
    await end(1);
    expect(begun).toEqual([1, 1]);
  });

  test('a turn with more to do goes behind those that wait', async () => {
    const { turns, begun, end } = turnsOf(1);
    turns.wake(1);
    turns.wake(2);
    await end(1, 'more');
    await end(2);
    expect(begun).toEqual([1, 2, 1]);
  });

  test('a stream that waits for its next attempt ignores nudges until it is due or the database says so', async () => {
    const { turns, begun, end, clock } = turnsOf(1);
    turns.wake(1);
    await end(1, { afterMs: 100 });
    clock.now = 99;
    turns.wake(1);
    expect(begun).toEqual([1]);
    turns.wake(1, true);
    await end(1, { afterMs: 100 });
    expect(begun).toEqual([1, 1]);
    clock.now = 199;
    turns.wake(1);
    expect(begun).toEqual([1, 1, 1]);
  });

  test('stopping begins nothing more and waits for what runs', async () => {
    const { turns, begun, end } = turnsOf(1);
    turns.wake(1);
    turns.wake(2);
    let stopped = false;
    void turns.stop().then(() => {
      stopped = true;
    });
    turns.wake(3);
    expect(stopped).toBe(false);
    await end(1, 'more');
    await until('the stop', () => stopped);
    expect(begun).toEqual([1]);
  });

  test('a turn that fails is reported and can be woken again', async () => {
    const errors: unknown[] = [];
    let runs = 0;
    const fail = () => {
      runs += 1;
      return Promise.reject(new Error('broken'));
    };
    const turns = new DeliveryTurns(1, { nowMs: () => 0 }, fail, (error) => errors.push(error));
    turns.wake(1);
    await until('the first error', () => errors.length === 1);
    turns.wake(1);
    await until('the second error', () => errors.length === 2);
    expect(runs).toBe(2);
  });
});
