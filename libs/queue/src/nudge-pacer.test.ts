import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { NudgePacer, nudgePace } from './nudge-pacer.js';

interface Sent {
  readonly place: string;
  readonly data: unknown;
  readonly atMs: number;
  finish(): void;
}

function paced(instant: boolean) {
  jest.useFakeTimers({ now: 0 });
  const sent: Sent[] = [];
  const pacer = new NudgePacer({ nowMs: () => Date.now() }, (place, data) => {
    return new Promise((finish) => {
      sent.push({ place, data, atMs: Date.now(), finish });
      if (instant) finish();
    });
  });
  return { pacer, sent };
}

afterEach(() => {
  jest.useRealTimers();
});

describe('nudge pacing', () => {
  test('the first nudge of a place leaves at once, those of the interval become one with the latest data', async () => {
    const { pacer, sent } = paced(true);
    for (let i = 0; i < 100; i++) pacer.nudge('p1', i);
    expect(sent.map(({ data }) => data)).toEqual([0]);
    await jest.advanceTimersByTimeAsync(nudgePace.minIntervalMs);
    expect(sent.map(({ data }) => data)).toEqual([0, 99]);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(2);
    expect(pacer.coalesced).toBe(98);
  });

  test('a nudge that comes while its place is being sent is sent again afterwards', async () => {
    const { pacer, sent } = paced(false);
    pacer.nudge('p1', 'first');
    pacer.nudge('p1', 'second');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(1);
    sent[0]?.finish();
    await jest.advanceTimersByTimeAsync(1);
    expect(sent.map(({ data }) => data)).toEqual(['first', 'second']);
  });

  test('no more leave in a second than the pace allows, however many places ask', async () => {
    const { pacer, sent } = paced(true);
    for (let elapsedMs = 0; elapsedMs < 1_000; elapsedMs += 10) {
      for (let place = 0; place < 256; place++) pacer.nudge(`p${place}`, elapsedMs);
      await jest.advanceTimersByTimeAsync(10);
    }
    expect(sent.length).toBeLessThanOrEqual(nudgePace.perSecond + nudgePace.burst + 1);
    expect(sent.length).toBeGreaterThan(nudgePace.perSecond / 2);
    // Nobody is left out: a place that was sent goes to the end of the line.
    expect(new Set(sent.map(({ place }) => place)).size).toBe(sent.length);
  });

  test('with nothing answering no more than the bound is on its way, and nothing piles up', async () => {
    const { pacer, sent } = paced(false);
    for (let i = 0; i < 10_000; i++) pacer.nudge(`p${i % 64}`, i);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(sent).toHaveLength(nudgePace.maxInFlight);
  });

  test('closing forgets what waits and lets settle return', async () => {
    const { pacer, sent } = paced(true);
    pacer.nudge('p1', 1);
    pacer.nudge('p1', 2);
    const settled = pacer.settle();
    pacer.close();
    await settled;
    await jest.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(1);
  });
});
