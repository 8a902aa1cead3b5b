import { utf8MarkLength } from './character-set.js';

/** A unit lists at most so many problems. */
const problemsMax = 100;
/** Of a message that is longer than it may be, so much is kept. */
const cutBytes = 65_536;

/** What is wrong with a file or frame around its messages. `offset` is a place in the bytes. */
export interface BatchProblem {
  readonly code:
    | 'BATCH_COUNT_WRONG'
    | 'FILE_COUNT_WRONG'
    | 'BATCH_NOT_CLOSED'
    | 'BATCH_TOO_LONG'
    | 'FILE_NOT_CLOSED'
    | 'FRAME_NOT_CLOSED'
    | 'BYTES_OUTSIDE_MESSAGE';
  readonly offset: number;
  /** From 1, as an editor counts: CR, LF and CR LF each end a line. */
  readonly line: number;
  /** For people; counts and segment names only. */
  readonly detail: string;
}

/** One message of a file. */
export interface BatchMessage {
  readonly raw: Buffer;
  /** Of its MSH, from 1. */
  readonly line: number;
  /** True when it was longer than a message may be: `raw` is how it began. */
  readonly isCut: boolean;
}

type EnvelopeName = 'FHS' | 'BHS' | 'BTS' | 'FTS';

interface Place {
  readonly offset: number;
  readonly line: number;
}

/**
 * Cuts bytes that come in pieces into messages (HL7 2.5.1, 2.10.3). Between two pieces it keeps what has no end yet, which is
 * at most `messageMaxBytes` and a piece: of what is longer, the beginning is given as a message that is cut.
 */
export class BatchSplitter {
  hasEnvelope = false;
  /** Messages so far. */
  count = 0;
  readonly problems: BatchProblem[] = [];
  private found: BatchMessage[] = [];
  /** What is held of the bytes, and where it begins in them. */
  private bytes: Buffer = Buffer.alloc(0);
  /** Where they stand, with room behind them; undefined when they stand in a piece. What was given out is before them. */
  private room: Buffer | undefined;
  private base = 0;
  /** Where the next line begins, and how far its end has been looked for. Places are counted from the first byte. */
  private next = 0;
  private scanned = 0;
  private line = 1;
  private isStarted = false;
  /** In the midst of a line that is too long to be held. */
  private isSkipping = false;
  private message: Place | undefined;
  private file: Place | undefined;
  private batch: Place | undefined;
  private frame: Place | undefined;
  private isOutside = false;
  private batchMessages = 0;
  private batches = 0;

  constructor(
    private readonly messageMaxBytes: number,
    /** After more it stops, and `isTooLong` says so. */
    private readonly messagesMax: number,
  ) {}

  get isTooLong(): boolean {
    return this.count > this.messagesMax;
  }

  /** The messages that these bytes complete; `isLast` ends all that is open. */
  push(piece: Buffer, isLast: boolean): BatchMessage[] {
    this.append(piece);
    if (!this.isStarted && this.bytes.length > 0) {
      this.isStarted = true;
      this.next = utf8MarkLength(this.bytes);
    }
    const end = this.base + this.bytes.length;
    while (this.next < end && !this.isTooLong && this.readLine(isLast));
    if (isLast) this.finish(end);
    else this.keepRest(end);
    const found = this.found;
    this.found = [];
    return found;
  }

  /** A long message comes in hundreds of pieces: what is held of it is not copied with each of them. */
  private append(piece: Buffer): void {
    const { bytes, room } = this;
    const length = bytes.length + piece.length;
    const at = room === undefined ? 0 : bytes.byteOffset - room.byteOffset;
    if (bytes.length === 0) {
      this.bytes = piece;
      this.room = undefined;
    } else if (room !== undefined && at + length <= room.length) {
      piece.copy(room, at + bytes.length);
      this.bytes = room.subarray(at, at + length);
    } else {
      this.room = Buffer.allocUnsafeSlow(bytes.length > piece.length ? 2 * length : length);
      this.bytes = this.room.subarray(0, length);
      bytes.copy(this.bytes);
      piece.copy(this.bytes, bytes.length);
    }
  }

  private finish(end: number): void {
    this.endMessage(end);
    if (this.frame) this.problem('FRAME_NOT_CLOSED', this.frame, 'a frame has no end');
    if (this.batch) this.problem('BATCH_NOT_CLOSED', this.batch, 'BHS without BTS');
    if (this.file) this.problem('FILE_NOT_CLOSED', this.file, 'FHS without FTS');
    if (!this.isTooLong) return;
    const detail = `there are more than ${this.messagesMax} messages`;
    this.problem('BATCH_TOO_LONG', { offset: 0, line: 1 }, detail);
  }

  private keepRest(end: number): void {
    const from = this.message?.offset ?? this.next;
    if (end - from > this.messageMaxBytes) {
      this.endMessage(end, true);
      this.isSkipping = this.next < end;
      this.next = end;
    }
    const keepFrom = Math.min(this.message?.offset ?? this.next, this.next);
    this.bytes = this.bytes.subarray(keepFrom - this.base);
    this.base = keepFrom;
  }

  private at(place: number): number {
    return this.bytes[place - this.base] as number;
  }

  /** Looks at what begins at a line start and goes to the next one; false when the line has no end yet. */
  private readLine(isLast: boolean): boolean {
    const start = this.next;
    const first = this.at(start);
    if (!this.isSkipping && first === 0x0b) {
      const { frame } = this;
      if (frame) this.problem('FRAME_NOT_CLOSED', frame, 'a frame begins inside a frame');
      this.endMessage(start);
      this.frame = this.here();
      this.next = start + 1;
      return true;
    }
    if (!this.isSkipping && first <= 0x20 && first !== 0x1c) return this.readBlank(first, isLast);
    const end = this.lineEnd(start);
    if (end === this.base + this.bytes.length && !isLast) {
      this.scanned = end;
      return false;
    }
    if (this.isSkipping) this.isSkipping = false;
    else this.readSegment(start, end, first);
    this.next = this.endFrame(end);
    return true;
  }

  /** A byte of white space at a line start. CR LF is one end of a line, so after CR the next byte must be known. */
  private readBlank(byte: number, isLast: boolean): boolean {
    const start = this.next;
    if (byte === 0x0d && !isLast && start + 1 === this.base + this.bytes.length) return false;
    if (byte === 0x0a || (byte === 0x0d && this.at(start + 1) !== 0x0a)) this.line++;
    this.next = start + 1;
    return true;
  }

  private readSegment(start: number, end: number, first: number): void {
    const name = this.nameAt(start);
    if (name === 'MSH') {
      this.endMessage(start);
      this.message = this.here();
      this.isOutside = false;
    } else if (name !== undefined) {
      this.endMessage(start);
      this.readEnvelope(name, start, end);
    } else if (this.message === undefined && first !== 0x1c) this.reportOutside();
  }

  private here(): Place {
    return { offset: this.next, line: this.line };
  }

  /** The line ends at CR, LF, or at the FS or VT of a frame. */
  private lineEnd(start: number): number {
    const { bytes, base } = this;
    let end = Math.max(start, this.scanned) - base;
    while (end < bytes.length) {
      const byte = bytes[end] as number;
      if (byte === 0x0d || byte === 0x0a || byte === 0x1c || byte === 0x0b) break;
      end++;
    }
    return end + base;
  }

  private endFrame(end: number): number {
    if (this.at(end) !== 0x1c) return end;
    this.endMessage(end);
    this.frame = undefined;
    return end + 1;
  }

  private text(from: number, to: number): string {
    return this.bytes.toString('latin1', from - this.base, to - this.base);
  }

  private nameAt(place: number): EnvelopeName | 'MSH' | undefined {
    const name = this.text(place, place + 3).toUpperCase();
    switch (name) {
      case 'MSH':
      case 'FHS':
      case 'BHS':
      case 'BTS':
      case 'FTS':
        return this.isNameEnd(place + 3) ? name : undefined;
      default:
        return undefined;
    }
  }

  private isNameEnd(place: number): boolean {
    const code = this.bytes[place - this.base] ?? 0x0d;
    const isDigit = code >= 0x30 && code <= 0x39;
    const upper = code & 0xdf;
    return !isDigit && !(upper >= 0x41 && upper <= 0x5a);
  }

  private readEnvelope(name: EnvelopeName, start: number, end: number): void {
    this.hasEnvelope = true;
    this.isOutside = false;
    switch (name) {
      case 'FHS':
        this.file = this.here();
        this.batches = 0;
        break;
      case 'BHS':
        if (this.batch) this.problem('BATCH_NOT_CLOSED', this.batch, 'BHS without BTS');
        this.batch = this.here();
        this.batchMessages = 0;
        this.batches++;
        break;
      case 'BTS':
        this.checkCount('BATCH_COUNT_WRONG', start, end, this.batchMessages);
        this.batch = undefined;
        this.batchMessages = 0;
        break;
      case 'FTS':
        // A file without BHS is one batch.
        this.checkCount('FILE_COUNT_WRONG', start, end, Math.max(1, this.batches));
        this.file = undefined;
        this.batches = 0;
        break;
    }
  }

  /** Field 1 of a trailer is the number of what it closes; it may be empty. */
  private checkCount(
    code: 'BATCH_COUNT_WRONG' | 'FILE_COUNT_WRONG',
    start: number,
    end: number,
    found: number,
  ): void {
    const line = this.text(start, Math.min(end, start + 64));
    const separator = line.charAt(3);
    const declared = separator === '' ? '' : (line.split(separator, 2)[1] ?? '').trim();
    if (declared === '' || declared === '""') return;
    if (Number(declared) === found) return;
    const said = /^\d{1,9}$/.test(declared) ? declared : 'no number';
    const segment = code === 'BATCH_COUNT_WRONG' ? 'BTS' : 'FTS';
    this.problem(code, this.here(), `${segment}-1 says ${said}, there are ${found}`);
  }

  private endMessage(end: number, isCut = false): void {
    if (this.message === undefined) return;
    const { offset, line } = this.message;
    const to = isCut || end - offset > this.messageMaxBytes ? Math.min(end, offset + cutBytes) : end;
    this.found.push({
      raw: this.bytes.subarray(offset - this.base, to - this.base),
      line,
      isCut: to < end || isCut,
    });
    this.message = undefined;
    // What follows of a message that is cut belongs to it.
    this.isOutside = isCut;
    this.batchMessages++;
    this.count++;
  }

  private reportOutside(): void {
    if (this.isOutside) return;
    this.isOutside = true;
    this.problem('BYTES_OUTSIDE_MESSAGE', this.here(), 'lines that belong to no message');
  }

  private problem(code: BatchProblem['code'], { offset, line }: Place, detail: string): void {
    if (this.problems.length < problemsMax) this.problems.push({ code, offset, line, detail });
  }
}
