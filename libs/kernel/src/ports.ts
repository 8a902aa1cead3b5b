import { randomBytes } from 'node:crypto';

/** Wall-clock time in milliseconds since the epoch. A port, so that a test can replay a run. */
export interface Clock {
  nowMs(): number;
}

/** Unpredictable bytes. A port, so that a test can replay a run. */
export interface Random {
  bytes(count: number): Buffer;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

export const systemRandom: Random = { bytes: (count) => randomBytes(count) };
