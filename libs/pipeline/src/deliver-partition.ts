import type { Destination, Outbound, SendOutcome } from '#channel';
import {
  type DeliveryClaim,
  type DeliveryClaims,
  DeliveryRetry,
  MAX_READ,
  type RecentPacks,
  type RetryPolicy,
  storedForMs,
  type WaitingDelivery,
} from '#delivery';
import { readMessage } from '#journal';
import { assert, type Clock, EngineError, isEngineError, type Position, type Random } from '#kernel';
import { BatchPacks } from './batch-packs.js';

/** A destination as deliveries know it. */
export interface DeliveryTarget {
  /** `destination.id`. */
  readonly id: number;
  /** The channel it belongs to. */
  readonly channel: string;
  readonly destination: Destination;
  readonly retry: RetryPolicy;
  /** Most partitions sent at one time in this process; default 16. */
  readonly concurrency?: number | undefined;
}

/** Batches in one turn; then other partitions of the destination get theirs. */
const BATCHES_PER_TURN = 4;
/** What was sent is written this often while a batch goes on: a crash sends at most this much again. */
const ADVANCE_EVERY_MS = 100;

/** What a turn came to. `retry`: the receiver did not take it, and after this time it is tried again. */
export type DeliveryTurn = 'done' | 'more' | 'stopped' | { readonly retryAfterMs: number };

/** How a process that goes down asks its turns to end: first after the POST in flight, then at once. */
export interface DeliveryStop {
  readonly soon: AbortSignal;
  readonly now: AbortSignal;
}

/**
 * Sends what waits for one destination in one partition, one POST in flight, in order of number (I3, I4). A claim keeps
 * every other process away meanwhile. After a crash the numbers that were not yet written as sent are sent again.
 */
export class DeliverPartition {
  constructor(
    private readonly claims: DeliveryClaims,
    private readonly ports: { readonly clock: Clock; readonly random: Random; readonly recent: RecentPacks },
  ) {}

  /**
   * One bounded turn. 'done': nothing is left, or another process is at work.
   * Rejects with `unavailable` when the database does not answer; what was sent and not written is sent again.
   */
  async run(target: DeliveryTarget, partition: number, stop: DeliveryStop): Promise<DeliveryTurn> {
    const claim = await this.claims.take({ destination: target.id, partition });
    if (claim === undefined) return 'done';
    const breakOff = new AbortController();
    const onBreak = () => breakOff.abort();
    for (const signal of [stop.now, claim.lost]) {
      signal.addEventListener('abort', onBreak);
      if (signal.aborted) onBreak();
    }
    let turn: DeliveryTurn = 'done';
    let behind = false;
    try {
      const retry = new DeliveryRetry(target.retry, this.ports.random);
      const signals: DeliveryStop = { soon: stop.soon, now: breakOff.signal };
      turn = await new ClaimedTurn(target, claim, retry, signals, this.ports).run();
    } finally {
      for (const signal of [stop.now, claim.lost]) signal.removeEventListener('abort', onBreak);
      behind = await claim.release();
    }
    return turn === 'done' && behind ? 'more' : turn;
  }
}

type Failure = Exclude<SendOutcome, { readonly sent: true }>;

/** Numbers that were sent and are not yet written as sent; all with the same number of attempts. */
interface SentRange {
  readonly first: number;
  last: number;
  readonly attempts: number;
}

class ClaimedTurn {
  /** The last number sent or dead; undefined until the first delivery was read. */
  private number: number | undefined;
  private sent: SentRange | undefined;
  private writing: Promise<void> | undefined;
  private writeFailure: { readonly error: unknown } | undefined;
  private writtenAtMs: number;

  constructor(
    private readonly target: DeliveryTarget,
    private readonly claim: DeliveryClaim,
    private readonly retry: DeliveryRetry,
    private readonly stop: DeliveryStop,
    private readonly ports: { readonly clock: Clock; readonly recent: RecentPacks },
  ) {
    this.writtenAtMs = ports.clock.nowMs();
  }

  async run(): Promise<DeliveryTurn> {
    for (let batch = 0; batch < BATCHES_PER_TURN; batch++) {
      const waiting = await this.claim.read();
      const packs = new BatchPacks(this.claim, this.ports.recent, waiting);
      for (const [index, delivery] of waiting.entries()) {
        if (this.writeFailure) throw this.writeFailure.error;
        if (this.stopping()) break;
        const turn = await this.deliver(delivery, await packs.resources(index));
        if (turn !== undefined) return turn;
      }
      await this.write();
      if (this.stopping()) return 'stopped';
      if (waiting.length < MAX_READ) return 'done';
    }
    return 'more';
  }

  private stopping(): boolean {
    return this.stop.soon.aborted || this.stop.now.aborted;
  }

  /** Sends one delivery. Answers how the turn ends here; undefined: go on with the next number. */
  private async deliver(
    delivery: WaitingDelivery,
    resources: readonly Buffer[] | EngineError,
  ): Promise<DeliveryTurn | undefined> {
    const { number } = delivery;
    assert(this.number === undefined || number === this.number + 1, 'DELIVERY_NUMBER_GAP');
    this.number ??= number - 1;
    const outcome = isEngineError(resources)
      ? ({ sent: false, error: resources } as const)
      : await this.send(delivery, resources);
    const attempts = delivery.attempts + 1;
    if (outcome.sent) {
      if (this.sent && this.sent.attempts !== attempts) await this.write();
      if (this.sent) this.sent.last = number;
      else this.sent = { first: number, last: number, attempts };
      this.number = number;
      this.writeNowAndThen();
      return undefined;
    }
    // Broken off by us, which says nothing about the receiver: whoever sends it next uses the same number.
    if (this.stop.now.aborted) {
      await this.write();
      return 'stopped';
    }
    return this.fail(delivery, outcome, attempts);
  }

  private async send(delivery: WaitingDelivery, resources: readonly Buffer[]): Promise<SendOutcome> {
    try {
      const outbound: Outbound = {
        destination: this.target.destination.name,
        partition: this.claim.share.partition,
        number: delivery.number,
        position: delivery.position,
        channel: this.target.channel,
        resources,
        raw: () => this.raw(delivery.position),
      };
      return await this.target.destination.send(outbound, this.stop.now);
    } catch (error) {
      if (isEngineError(error)) return { sent: false, error };
      // A destination that throws is wrong itself; no message should be given up for that.
      return {
        sent: false,
        error: new EngineError('unavailable', 'DESTINATION_THREW', 'sending a message', { cause: error }),
      };
    }
  }

  private async raw(position: Position): Promise<Buffer> {
    const message = await readMessage(this.claim.session, position);
    if (message !== undefined) return message.raw;
    throw new EngineError('rejected', 'JOURNAL_MESSAGE_GONE', 'the journal no longer holds the message');
  }

  private async fail(
    delivery: WaitingDelivery,
    { error, retryAfterMs: askedMs = 0 }: Failure,
    attempts: number,
  ): Promise<DeliveryTurn | undefined> {
    await this.write();
    const before = delivery.number - 1;
    const ageMs = await storedForMs(this.claim.session, delivery.position);
    if (this.retry.givesUp(error.kind, attempts, ageMs)) {
      const dead = { position: delivery.position, attempts, error };
      await this.claim.advance({ number: delivery.number, dead });
      this.number = delivery.number;
      return undefined;
    }
    const retryAfterMs = Math.max(this.retry.delayMs(attempts), askedMs);
    await this.claim.advance({ number: before, failure: { attempts, error, retryAfterMs } });
    return { retryAfterMs };
  }

  /** Starts to write what was sent when the last time was long enough ago; sending goes on meanwhile. */
  private writeNowAndThen(): void {
    if (this.writing || this.ports.clock.nowMs() - this.writtenAtMs < ADVANCE_EVERY_MS) return;
    this.writing = this.advance()
      .catch((error: unknown) => {
        this.writeFailure = { error };
      })
      .finally(() => {
        this.writing = undefined;
      });
  }

  /** Resolves when all that was sent is written. */
  private async write(): Promise<void> {
    await this.writing;
    if (this.writeFailure) throw this.writeFailure.error;
    await this.advance();
  }

  private async advance(): Promise<void> {
    const sent = this.sent;
    if (sent === undefined) return;
    this.sent = undefined;
    await this.claim.advance({ number: sent.last, sent: { ...sent } });
    this.writtenAtMs = this.ports.clock.nowMs();
  }
}
