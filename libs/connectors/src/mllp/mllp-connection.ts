import type { Socket } from 'node:net';
import { FrameCutter, type FrameEvent, readMessageHeader, splitBatch } from '#hl7v2';
import { type AnswerListener, AnswerQueue } from './answer-queue.js';
import type { ConnectionContext } from './connection-context.js';
import type { FrameHolder } from './frame-memory.js';
import type { CloseReason } from './mllp-source-options.js';

/** So much of what cannot be taken is kept for the operator. */
const keptOfRefusedBytes = 65_536;
/** After the last answer the socket is read and ignored for so long, so that unread bytes do not reset it. */
const lingerMs = 500;

/**
 * One sender. Frames go to `receive` as they come, several at a time up to a bound; acknowledgments leave in the
 * order of the messages, all that are ready in one write. The socket is not read while the source is paused, too
 * many messages wait, the sender leaves acknowledgments unread, or the memory of all connections is used up.
 */
export class MllpConnection implements FrameHolder, AnswerListener {
  readonly remote: string;
  private readonly cutter: FrameCutter;
  private readonly answers: AnswerQueue;
  /** Messages that are cut but wait for a free slot. */
  private arrived: Buffer[] = [];
  private nextArrived = 0;
  unansweredBytes = 0;
  private frameBeganMs: number | undefined;
  private garbageInRow = 0;
  private isReading = true;
  /** No further message is taken. */
  private isEnding = false;
  private hasPeerEnded = false;
  private isFinishing = false;
  private isClosed = false;
  private closeReason: CloseReason = 'peer';

  constructor(
    private readonly socket: Socket,
    private readonly context: ConnectionContext,
    private readonly closed: (connection: MllpConnection) => void,
  ) {
    this.remote = remoteOf(socket);
    this.cutter = new FrameCutter(context.limits.frameMaxBytes);
    this.answers = new AnswerQueue(socket, context, this);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, context.limits.keepAliveMs);
    socket.setTimeout(context.limits.idleTimeoutMs);
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('end', () => this.peerEnded());
    socket.on('timeout', () => this.timedOut());
    socket.on('drain', () => this.updateReading());
    socket.on('error', () => {
      if (!this.isEnding) this.closeReason = 'transport';
    });
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
      !this.hasArrived &&
      this.answers.length < limits.maxUnanswered &&
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
    this.stopTaking(reason);
    if (this.answers.length === 0) this.finish();
  }

  destroy(reason: CloseReason): void {
    if (this.isClosed) return;
    if (!this.isEnding) this.stopTaking(reason);
    this.socket.destroy();
  }

  private stopTaking(reason: CloseReason): void {
    this.isEnding = true;
    this.closeReason = reason;
    this.forgetArrived();
    this.socket.pause();
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
        this.refuse(
          event.head,
          `the message is larger than ${limits.frameMaxBytes} bytes (${event.length} had come)`,
          'frame-too-large',
        );
        break;
    }
  }

  private addFrame(bytes: Buffer): void {
    const { counters, report } = this.context;
    const { messages, problems, isTooLong } = splitBatch(bytes);
    for (const { code, detail } of problems) {
      counters.batchProblems++;
      report({ event: 'batch-problem', remote: this.remote, code, detail });
    }
    if (isTooLong) {
      const text = `the batch holds too many messages (${bytes.length} bytes)`;
      this.refuse(bytes, text, 'batch-too-long');
    }
    // A frame without any message goes on whole: it is kept for the operator and refused.
    for (const message of messages.length === 0 ? [bytes] : messages) {
      this.arrived.push(message);
      this.unansweredBytes += message.length;
    }
  }

  /** What cannot be taken at all is kept as far as it is worth it, refused in its turn, and the connection closed. */
  private refuse(head: Buffer, text: string, reason: CloseReason): void {
    this.dispatch();
    const slot = this.answers.addLast(readMessageHeader(head));
    const { channel, receive, clock } = this.context;
    const raw = head.subarray(0, keptOfRefusedBytes);
    this.stopTaking(reason);
    receive({ channel, raw, receivedAtMs: clock.nowMs(), unfit: text }).then(
      (receipt) => this.answers.received(slot, receipt),
      (error: unknown) => this.answers.failed(slot, error),
    );
  }

  /** Hands arrived messages to `receive` while slots are free. */
  private dispatch(): void {
    const { limits, clock } = this.context;
    while (this.hasArrived && this.answers.length < limits.maxUnanswered && !this.isEnding) {
      this.receive(this.arrived[this.nextArrived++] as Buffer, clock.nowMs());
    }
    if (!this.hasArrived) this.forgetArrived();
  }

  private get hasArrived(): boolean {
    return this.nextArrived < this.arrived.length;
  }

  private forgetArrived(): void {
    this.arrived = [];
    this.nextArrived = 0;
  }

  private receive(raw: Buffer, receivedAtMs: number): void {
    const { channel, receive, counters } = this.context;
    const header = readMessageHeader(raw);
    const slot = this.answers.add(header, raw.length);
    counters.messagesReceived++;
    if (header.isLinkStart) {
      // "A message that has no functional content" (HL7 2.5.1, 2.17.3): there is nothing to keep.
      this.answers.settle(slot, { outcome: 'accepted' });
      return;
    }
    receive({ channel, raw, receivedAtMs }).then(
      (receipt) => this.answers.received(slot, receipt),
      (error: unknown) => this.answers.failed(slot, error),
    );
  }

  flushed(bytes: number, isLast: boolean): void {
    this.unansweredBytes -= bytes;
    if (isLast || (this.isEnding && this.answers.length === 0)) this.finish();
    else this.goOn();
  }

  uncertain(): void {
    this.end('uncertain');
  }

  written(): void {
    // `drain` comes only above the socket's own mark, which may be higher than our bound.
    this.updateReading();
  }

  receiveFailed(code: string): void {
    this.context.report({ event: 'receive-failed', remote: this.remote, code });
  }

  private goOn(): void {
    this.dispatch();
    this.context.memory.update(this);
    if (this.hasPeerEnded && !this.hasArrived) this.end('peer');
    this.updateReading();
  }

  /** Ends our side after what is written; the rest of the peer's bytes is read and ignored for a while. */
  private finish(): void {
    if (this.isFinishing) return;
    this.isFinishing = true;
    this.socket.end();
    if (this.closeReason === 'uncertain') this.socket.once('finish', () => this.socket.destroy());
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
    if (!this.hasArrived) this.end('peer');
  }

  private timedOut(): void {
    if (this.socket.writableLength > 0) this.destroy('acknowledgments-unread');
    else if (this.answers.length === 0 && this.isReading) this.destroy('idle');
    // Waiting for our own commit, or not reading: not the sender's silence. The timer runs anew.
    else this.socket.setTimeout(this.context.limits.idleTimeoutMs);
  }

  private wasClosed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.context.memory.release(this);
    this.answers.close();
    const event = { event: 'connection-closed', remote: this.remote, reason: this.closeReason } as const;
    this.context.report({ ...event, unanswered: this.answers.length });
    this.closed(this);
  }
}

/** Address and port of a peer, for people. */
export function remoteOf(socket: Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
}
