import type { Socket } from 'node:net';
import type { Receipt } from '#channel';
import { type AcknowledgmentOutcome, acknowledge, frameMessage, type MessageHeader } from '#hl7v2';
import { isEngineError, type Position } from '#kernel';
import type { ConnectionContext } from './connection-context.js';

/** What is recorded for a durable message whose acknowledgment could not leave. */
const lostCode = 'lost';

/** A message from its arrival to its acknowledgment. */
export interface Slot {
  readonly header: MessageHeader;
  readonly bytes: number;
  /** undefined while `receive` has not resolved. */
  settled: AcknowledgmentOutcome | 'uncertain' | undefined;
  position: Position | undefined;
  /** Nothing is answered after this one: the connection closes. */
  readonly isLast: boolean;
}

/** What the connection does at the turns of its answers. */
export interface AnswerListener {
  /** The outcome of a message is unknown: nothing more may be taken. */
  uncertain(): void;
  /** Messages of so many bytes have been answered; after `isLast` the connection closes. */
  flushed(bytes: number, isLast: boolean): void;
  /** What was written has left. */
  written(): void;
  receiveFailed(code: string): void;
}

/**
 * The messages of one sender that wait for their acknowledgment. They are answered in the order in which they
 * came; all that are ready, because one commit made them durable, leave in one write.
 */
export class AnswerQueue {
  private readonly slots: Slot[] = [];
  private isFlushScheduled = false;
  private isClosed = false;

  constructor(
    private readonly socket: Socket,
    private readonly context: ConnectionContext,
    private readonly listener: AnswerListener,
  ) {}

  get length(): number {
    return this.slots.length;
  }

  /** A message that is now in `receive`. */
  add(header: MessageHeader, bytes: number): Slot {
    const slot: Slot = { header, bytes, settled: undefined, position: undefined, isLast: false };
    this.slots.push(slot);
    return slot;
  }

  /** A refusal in its turn, after which nothing is answered. */
  addLast(header: MessageHeader): Slot {
    const slot: Slot = { header, bytes: 0, settled: undefined, position: undefined, isLast: true };
    this.slots.push(slot);
    return slot;
  }

  /** `receive` has resolved. */
  received(slot: Slot, receipt: Receipt): void {
    switch (receipt.outcome) {
      case 'journaled':
        slot.position = receipt.position;
        this.settle(slot, { outcome: 'accepted' });
        break;
      case 'refused':
        this.settle(slot, { outcome: 'refused', ...receipt.hl7, text: receipt.error.message });
        break;
      case 'uncertain':
        this.settle(slot, 'uncertain');
        break;
    }
  }

  /** House rules, section 7: a bug or a wrong setting is answered AR 207; whatever else is unknown, with silence. */
  failed(slot: Slot, error: unknown): void {
    this.listener.receiveFailed(isEngineError(error) ? error.code : 'RECEIVE_FAILED');
    if (isEngineError(error, 'bug', 'misconfigured')) {
      this.settle(slot, { outcome: 'refused', acknowledgment: 'AR', condition: '207', location: '' });
    } else this.settle(slot, 'uncertain');
  }

  settle(slot: Slot, settled: AcknowledgmentOutcome | 'uncertain'): void {
    slot.settled = settled;
    if (this.isClosed) {
      this.noteLost(slot);
      return;
    }
    if (settled === 'uncertain') this.listener.uncertain();
    this.scheduleFlush();
  }

  /** The connection is gone: what is durable and was not answered, its sender will send again. */
  close(): void {
    this.isClosed = true;
    for (const slot of this.slots) if (slot.settled !== undefined) this.noteLost(slot);
  }

  private scheduleFlush(): void {
    if (this.isFlushScheduled) return;
    this.isFlushScheduled = true;
    process.nextTick(() => this.flush());
  }

  private flush(): void {
    this.isFlushScheduled = false;
    if (this.isClosed) return;
    const frames: Buffer[] = [];
    const answered: { position: Position; code: string }[] = [];
    let done = 0;
    let bytes = 0;
    let isLast = false;
    for (const slot of this.slots) {
      if (slot.settled === undefined) break;
      isLast = slot.isLast || slot.settled === 'uncertain';
      if (slot.settled === 'uncertain') break;
      done++;
      bytes += slot.bytes;
      const code = this.answer(slot, slot.settled, frames);
      if (slot.position !== undefined) answered.push({ position: slot.position, code });
    }
    if (done > 0) {
      this.slots.splice(0, done);
      this.write(frames, answered);
    }
    this.listener.flushed(bytes, isLast);
  }

  /** Appends the frames a message is answered with; returns the code of the first, NE when none was asked for. */
  private answer(slot: Slot, outcome: AcknowledgmentOutcome, frames: Buffer[]): string {
    const { clock, ownId, sequenceNumbers } = this.context;
    const expectedSequenceNumber = sequenceNumbers.expected(slot.header, outcome.outcome === 'accepted');
    const answers = acknowledge(slot.header, outcome, {
      nowMs: clock.nowMs(),
      ownId,
      ...(expectedSequenceNumber === undefined ? {} : { expectedSequenceNumber }),
    });
    for (const { bytes } of answers) frames.push(frameMessage(bytes));
    return answers[0]?.code ?? 'NE';
  }

  private write(frames: Buffer[], answered: readonly { position: Position; code: string }[]): void {
    const { acknowledged, clock, counters } = this.context;
    if (frames.length === 0) {
      for (const { position, code } of answered) acknowledged(position, code, clock.nowMs());
      return;
    }
    counters.acknowledgmentsSent += frames.length;
    const bytes = frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames);
    this.socket.write(bytes, (error) => {
      const atMs = clock.nowMs();
      // Node calls back without an error for the write that `destroy` cut off.
      const isLost = Boolean(error) || this.socket.destroyed;
      for (const { position, code } of answered) acknowledged(position, isLost ? lostCode : code, atMs);
      this.listener.written();
    });
  }

  private noteLost({ position }: Slot): void {
    if (position !== undefined) this.context.acknowledged(position, lostCode, this.context.clock.nowMs());
  }
}
