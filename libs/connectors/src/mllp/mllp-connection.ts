import type { Socket } from 'node:net';
import type { Acknowledged, Receipt, Receive } from '#channel';
import {
  type AcknowledgmentOutcome,
  acknowledge,
  FrameCutter,
  type FrameEvent,
  frameMessage,
  type MessageHeader,
  readMessageHeader,
  splitBatch,
} from '#hl7v2';
import { type Clock, isEngineError, type Position } from '#kernel';
import type { FrameHolder, FrameMemory } from './frame-memory.js';
import type {
  CloseReason,
  MllpSourceCounters,
  MllpSourceEvent,
  MllpSourceLimits,
} from './mllp-source-options.js';
import type { SequenceNumbers } from './sequence-numbers.js';

/** After the last answer the socket is read and ignored for so long, so that unread bytes do not reset it. */
const lingerMs = 500;

/** What all connections of a source have in common. */
export interface ConnectionContext {
  readonly channel: string;
  readonly limits: MllpSourceLimits;
  readonly receive: Receive;
  readonly acknowledged: Acknowledged;
  readonly report: (event: MllpSourceEvent) => void;
  readonly counters: MllpSourceCounters;
  readonly memory: FrameMemory;
  readonly clock: Clock;
  readonly ownId: () => string;
  readonly sequenceNumbers: SequenceNumbers;
  /** True while the source is paused. */
  readonly isPaused: () => boolean;
  readonly closed: (connection: MllpConnection) => void;
}

/** A message from its arrival to its acknowledgment; slots are answered in the order in which they came. */
interface Slot {
  readonly header: MessageHeader;
  readonly bytes: number;
  /** undefined while `receive` has not resolved. */
  settled: AcknowledgmentOutcome | 'uncertain' | undefined;
  position: Position | undefined;
  /** Nothing is answered after this one: the connection closes. */
  readonly isLast: boolean;
}

/**
 * One sender. Frames go to `receive` as they come, several at a time up to a bound; acknowledgments leave in the
 * order of the messages, all that are ready in one write. The socket is not read while the source is paused, too
 * many messages wait, the sender leaves acknowledgments unread, or the memory of all connections is used up.
 */
export class MllpConnection implements FrameHolder {
  readonly remote: string;
  private readonly cutter: FrameCutter;
  private readonly slots: Slot[] = [];
  /** Messages that are cut but wait for a free slot. */
  private arrived: Buffer[] = [];
  unansweredBytes = 0;
  private frameBeganMs: number | undefined;
  private garbageInRow = 0;
  private isReading = true;
  private isFlushScheduled = false;
  /** No further message is taken. */
  private isEnding = false;
  private hasPeerEnded = false;
  private isFinishing = false;
  private isClosed = false;
  private closeReason: CloseReason = 'peer';

  constructor(
    private readonly socket: Socket,
    private readonly context: ConnectionContext,
  ) {
    this.remote = remoteOf(socket);
    this.cutter = new FrameCutter(context.limits.frameMaxBytes);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, context.limits.keepAliveMs);
    socket.setTimeout(context.limits.idleTimeoutMs);
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('end', () => this.peerEnded());
    socket.on('timeout', () => this.timedOut());
    socket.on('drain', () => this.updateReading());
    socket.on('error', () => this.failed());
    socket.on('close', () => this.wasClosed());
    this.updateReading();
  }

  get unfinishedBytes(): number {
    return this.cutter.heldBytes;
  }

  /** Reads from the socket, or stops to, as the bounds of this connection and of the source say. */
  updateReading(): void {
    if (this.isClosed || this.isEnding) return;
    const { limits, memory, isPaused } = this.context;
    const wanted =
      !isPaused() &&
      this.arrived.length === 0 &&
      this.slots.length < limits.maxUnanswered &&
      this.socket.writableLength <= limits.maxUnsentBytes &&
      memory.mayRead(this);
    if (wanted === this.isReading) return;
    this.isReading = wanted;
    if (!wanted) {
      this.socket.pause();
      return;
    }
    // A frame that could not grow because we did not read is not the sender's fault.
    if (this.frameBeganMs !== undefined) this.frameBeganMs = this.context.clock.nowMs();
    this.socket.resume();
  }

  /** Closes the connection when its frame has taken too long while we were reading. */
  checkFrame(nowMs: number): void {
    if (this.frameBeganMs === undefined || !this.isReading || this.isEnding) return;
    if (nowMs - this.frameBeganMs >= this.context.limits.frameTimeoutMs) this.destroy('frame-timeout');
  }

  /** Takes no more messages, answers those in flight, then closes. */
  end(reason: CloseReason): void {
    if (this.isEnding || this.isClosed) return;
    this.isEnding = true;
    this.closeReason = reason;
    this.arrived = [];
    this.socket.pause();
    if (this.slots.length === 0) this.finish();
  }

  destroy(reason: CloseReason): void {
    if (this.isClosed) return;
    if (!this.isEnding) this.closeReason = reason;
    this.isEnding = true;
    this.arrived = [];
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    if (this.isEnding) return;
    for (const event of this.cutter.push(chunk)) this.onEvent(event);
    if (!this.cutter.isInsideFrame) this.frameBeganMs = undefined;
    else this.frameBeganMs ??= this.context.clock.nowMs();
    this.dispatch();
    this.context.memory.update(this);
    this.updateReading();
  }

  private onEvent(event: FrameEvent): void {
    const { counters, report, limits } = this.context;
    switch (event.kind) {
      case 'frame':
        this.garbageInRow = 0;
        this.frameBeganMs = undefined;
        this.addFrame(event.bytes);
        break;
      case 'broken':
        this.frameBeganMs = undefined;
        counters.framesBroken++;
        report({ event: 'frame-broken', remote: this.remote, length: event.length });
        break;
      case 'garbage':
        counters.garbageBytes += event.length;
        this.garbageInRow += event.length;
        report({ event: 'garbage-skipped', remote: this.remote, length: event.length });
        if (this.garbageInRow > limits.maxGarbageBytes) this.end('garbage');
        break;
      case 'too-large':
        counters.framesTooLarge++;
        this.refuseTooLarge(event.head);
        break;
    }
  }

  private addFrame(bytes: Buffer): void {
    const { counters, report } = this.context;
    const { messages, problems } = splitBatch(bytes);
    for (const { code, detail } of problems) {
      counters.batchProblems++;
      report({ event: 'batch-problem', remote: this.remote, code, detail });
    }
    // A frame without any message goes on whole: it is kept for the operator and refused.
    for (const message of messages.length === 0 ? [bytes] : messages) {
      this.arrived.push(message);
      this.unansweredBytes += message.length;
    }
  }

  /** A frame that is too large is refused in its turn, and the connection closed: its end cannot be found. */
  private refuseTooLarge(head: Buffer): void {
    this.dispatch();
    const { frameMaxBytes } = this.context.limits;
    const settled: AcknowledgmentOutcome = {
      outcome: 'refused',
      acknowledgment: 'AE',
      condition: '102',
      location: '',
      text: `the message is larger than ${frameMaxBytes} bytes`,
    };
    const header = readMessageHeader(head);
    this.slots.push({ header, bytes: 0, settled, position: undefined, isLast: true });
    this.arrived = [];
    this.isEnding = true;
    this.closeReason = 'frame-too-large';
    this.socket.pause();
    this.scheduleFlush();
  }

  /** Hands arrived messages to `receive` while slots are free. */
  private dispatch(): void {
    const { limits, clock } = this.context;
    let taken = 0;
    while (taken < this.arrived.length && this.slots.length < limits.maxUnanswered && !this.isEnding) {
      this.receive(this.arrived[taken] as Buffer, clock.nowMs());
      taken++;
    }
    if (taken > 0) this.arrived = taken === this.arrived.length ? [] : this.arrived.slice(taken);
  }

  private receive(raw: Buffer, receivedAtMs: number): void {
    const { channel, receive, counters } = this.context;
    const header = readMessageHeader(raw);
    const slot: Slot = { header, bytes: raw.length, settled: undefined, position: undefined, isLast: false };
    this.slots.push(slot);
    counters.messagesReceived++;
    if (header.isLinkStart) {
      // "A message that has no functional content" (HL7 2.5.1, 2.17.3): there is nothing to keep.
      this.settle(slot, { outcome: 'accepted' });
      return;
    }
    receive({ channel, raw, receivedAtMs }).then(
      (receipt) => this.received(slot, receipt),
      (error: unknown) => this.receiveFailed(slot, error),
    );
  }

  private received(slot: Slot, receipt: Receipt): void {
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
  private receiveFailed(slot: Slot, error: unknown): void {
    const code = isEngineError(error) ? error.code : 'RECEIVE_FAILED';
    this.context.report({ event: 'receive-failed', remote: this.remote, code });
    if (isEngineError(error, 'bug', 'misconfigured')) {
      this.settle(slot, { outcome: 'refused', acknowledgment: 'AR', condition: '207', location: '' });
    } else this.settle(slot, 'uncertain');
  }

  private settle(slot: Slot, settled: AcknowledgmentOutcome | 'uncertain'): void {
    slot.settled = settled;
    if (this.isClosed) {
      if (slot.position !== undefined) this.lost(slot.position);
      return;
    }
    // After an unknown outcome nothing more is read: the sender has to come again anyway.
    if (settled === 'uncertain') this.end('uncertain');
    this.scheduleFlush();
  }

  /** All messages that one commit made durable are answered in one write. */
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
    let isLast = false;
    for (const slot of this.slots) {
      if (slot.settled === undefined) break;
      if (slot.settled === 'uncertain') {
        isLast = true;
        break;
      }
      done++;
      this.unansweredBytes -= slot.bytes;
      const code = this.answer(slot, slot.settled, frames);
      if (slot.position !== undefined) answered.push({ position: slot.position, code });
      isLast = slot.isLast;
    }
    if (done > 0) {
      this.slots.splice(0, done);
      this.write(frames, answered);
    }
    if (isLast || (this.isEnding && this.slots.length === 0)) this.finish();
    else this.goOn();
  }

  private goOn(): void {
    this.dispatch();
    this.context.memory.update(this);
    if (this.hasPeerEnded && this.arrived.length === 0) this.end('peer');
    this.updateReading();
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
      const isLost = error != null || this.socket.destroyed;
      for (const { position, code } of answered) acknowledged(position, isLost ? lostCode : code, atMs);
      // `drain` comes only above the socket's own mark, which may be higher than our bound.
      this.updateReading();
    });
  }

  /** Ends our side after what is written; the rest of the peer's bytes is read and ignored for a while. */
  private finish(): void {
    if (this.isFinishing) return;
    this.isFinishing = true;
    this.socket.end();
    if (this.closeReason === 'uncertain') {
      this.socket.once('finish', () => this.socket.destroy());
    }
    const timer = setTimeout(() => this.socket.destroy(), lingerMs);
    this.socket.once('close', () => clearTimeout(timer));
    this.socket.resume();
  }

  private peerEnded(): void {
    const broken = this.cutter.end();
    if (broken !== undefined && !this.isEnding) this.onEvent(broken);
    this.context.memory.update(this);
    // A sender may close its side and still wait for its acknowledgments, of messages not yet dispatched too.
    this.hasPeerEnded = true;
    if (this.arrived.length === 0) this.end('peer');
  }

  private timedOut(): void {
    if (this.socket.writableLength > 0) this.destroy('acknowledgments-unread');
    else if (this.slots.length === 0 && this.isReading) this.destroy('idle');
    // Waiting for our own commit, or not reading: not the sender's silence. The timer runs anew.
    else this.socket.setTimeout(this.context.limits.idleTimeoutMs);
  }

  private failed(): void {
    if (!this.isEnding) this.closeReason = 'transport';
  }

  private wasClosed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.context.memory.release(this);
    for (const { position, settled } of this.slots) {
      if (settled !== undefined && position !== undefined) this.lost(position);
    }
    const event = { event: 'connection-closed', remote: this.remote, reason: this.closeReason } as const;
    this.context.report({ ...event, unanswered: this.slots.length });
    this.context.closed(this);
  }

  /** The message is durable, but its sender was not told; it will send it again. */
  private lost(position: Position): void {
    this.context.acknowledged(position, lostCode, this.context.clock.nowMs());
  }
}

/** What is recorded for a durable message whose acknowledgment could not leave. */
const lostCode = 'lost';

/** Address and port of a peer, for people. */
export function remoteOf(socket: Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
}
