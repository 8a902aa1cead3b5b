import type { ErrorKind, Random } from '#kernel';

/** What to do while a receiver does not take a delivery. Durations in milliseconds. */
export interface RetryPolicy {
  /** Wait before the second attempt. */
  readonly firstAfterMs: number;
  /** The wait doubles up to this. */
  readonly atMostEveryMs: number;
  /** A delivery whose message is older than this and fails is dead. Absent: never. */
  readonly giveUpAfterMs?: number | undefined;
  /** How often a delivery is refused before it is dead; default 3: one refusal may be the receiver's own trouble. */
  readonly refusals?: number | undefined;
}

const DEFAULT_REFUSALS = 3;
/** 2^30 times any first wait is far beyond any sensible longest one; keeps the power finite. */
const MAX_DOUBLINGS = 30;
/** The wait is between this share of its nominal length and all of it, so that streams that failed together part. */
const LEAST_SHARE = 0.75;

/** When a delivery that failed is tried again, and when it is given up. */
export class DeliveryRetry {
  constructor(
    private readonly policy: RetryPolicy,
    private readonly random: Random,
  ) {}

  /** How long to wait after the `attempts`-th failure in a row (from 1): doubling, bounded, with jitter; milliseconds. */
  delayMs(attempts: number): number {
    const doublings = Math.min(Math.max(attempts - 1, 0), MAX_DOUBLINGS);
    const nominal = Math.min(this.policy.firstAfterMs * 2 ** doublings, this.policy.atMostEveryMs);
    const share = LEAST_SHARE + (1 - LEAST_SHARE) * (this.random.bytes(4).readUInt32LE(0) / 2 ** 32);
    return Math.round(nominal * share);
  }

  /**
   * True when a delivery that failed for the `attempts`-th time is given up and its stream goes on without it. What
   * says "not now" is tried for ever, unless the policy ends it by the age of the message.
   */
  givesUp(kind: ErrorKind, attempts: number, ageMs: number): boolean {
    const { giveUpAfterMs, refusals = DEFAULT_REFUSALS } = this.policy;
    switch (kind) {
      case 'rejected':
      case 'denied':
      case 'bug':
        return attempts >= refusals;
      case 'unavailable':
      case 'uncertain':
      case 'misconfigured':
        return giveUpAfterMs !== undefined && ageMs >= giveUpAfterMs;
    }
  }
}
