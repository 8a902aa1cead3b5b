import { TextDecoder } from 'node:util';
import { detectWide, utf8MarkLength, type WideEncoding } from './character-set.js';

/** A batch lists at most so many problems. */
const problemsMax = 100;
/** A unit of more messages is not split: each takes memory, however short it is. */
const messagesMax = 200_000;

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
  /** For people; counts and segment names only. */
  readonly detail: string;
}

export interface Batch {
  /** Each message from its MSH to the next envelope segment; one message alone is exactly the bytes given. */
  readonly messages: readonly Buffer[];
  /** True when there are FHS, BHS, BTS or FTS segments around the messages. */
  readonly hasEnvelope: boolean;
  /** More messages than the engine takes at once: `messages` is empty, and nothing of it may be taken. */
  readonly isTooLong: boolean;
  readonly problems: readonly BatchProblem[];
}

const noProblems: readonly BatchProblem[] = [];
const mshNeedle = Buffer.from('MSH');

/**
 * Splits what came as one unit (a frame, a file) into messages: batches with FHS, BHS, BTS, FTS (HL7 2.5.1, 2.10.3),
 * plain sequences of MSH segments, and files of MLLP frames. The counts in BTS-1 and FTS-1 are checked. Never
 * throws; linear in the bytes, and a single message costs one search.
 */
export function splitBatch(raw: Buffer): Batch {
  const wide = detectWide(raw);
  if (wide !== undefined) return splitWide(raw, wide);
  if (isSingleMessage(raw))
    return { messages: [raw], hasEnvelope: false, isTooLong: false, problems: noProblems };
  const batch = new BatchSplitter(raw).split();
  // Blank lines around a lone message are no reason to change its bytes.
  const isLone = batch.messages.length === 1 && !batch.hasEnvelope && batch.problems.length === 0;
  return isLone && !raw.includes(0x0b) && !raw.includes(0x1c) ? { ...batch, messages: [raw] } : batch;
}

/** One MSH, at the very start, and no framing characters: nothing to split. */
function isSingleMessage(raw: Buffer): boolean {
  const start = utf8MarkLength(raw);
  if (raw[start] !== 0x4d || raw[start + 1] !== 0x53 || raw[start + 2] !== 0x48) return false;
  if (raw.includes(0x0b) || raw.includes(0x1c)) return false;
  for (let at = raw.indexOf(mshNeedle, start + 3); at >= 0; at = raw.indexOf(mshNeedle, at + 3)) {
    if (isLineStart(raw, at)) return false;
  }
  return true;
}

function isLineStart(bytes: Buffer, at: number): boolean {
  const before = at === 0 ? 0x0d : bytes[at - 1];
  return before === 0x0d || before === 0x0a || before === 0x0b;
}

function splitWide(raw: Buffer, wide: WideEncoding): Batch {
  const bytes = Buffer.from(new TextDecoder(wide.label).decode(raw.subarray(wide.markLength)), 'utf8');
  const batch = splitBatch(bytes);
  if (batch.messages.length <= 1 && !batch.hasEnvelope)
    return { ...batch, messages: batch.messages.map(() => raw) };
  return { ...batch, messages: batch.messages.map((message) => widened(message, wide)) };
}

/** UTF-8 bytes as the UTF-16 they came from, with a byte order mark so that each message tells its own encoding. */
export function widened(message: Buffer, wide: WideEncoding): Buffer {
  const bytes = Buffer.from(`\uFEFF${message.toString('utf8')}`, 'utf16le');
  return wide.label === 'utf-16be' ? bytes.swap16() : bytes;
}

type EnvelopeName = 'FHS' | 'BHS' | 'BTS' | 'FTS';

class BatchSplitter {
  private readonly messages: Buffer[] = [];
  private isTooLong = false;
  private readonly problems: BatchProblem[] = [];
  private messageStart = -1;
  private hasEnvelope = false;
  private fileStart = -1;
  private batchStart = -1;
  private batchMessages = 0;
  private batches = 0;
  private frameStart = -1;
  private outsideStart = -1;

  constructor(private readonly bytes: Buffer) {}

  split(): Batch {
    const { bytes } = this;
    let at: number = utf8MarkLength(bytes);
    while (at < bytes.length && !this.isTooLong) at = this.readLine(at);
    this.endMessage(bytes.length);
    if (this.frameStart >= 0) this.problem('FRAME_NOT_CLOSED', this.frameStart, 'a frame has no end');
    if (this.batchStart >= 0) this.problem('BATCH_NOT_CLOSED', this.batchStart, 'BHS without BTS');
    if (this.fileStart >= 0) this.problem('FILE_NOT_CLOSED', this.fileStart, 'FHS without FTS');
    const { messages, hasEnvelope, isTooLong, problems } = this;
    if (isTooLong) this.problem('BATCH_TOO_LONG', 0, `there are more than ${messagesMax} messages`);
    return { messages: isTooLong ? [] : messages, hasEnvelope, isTooLong, problems };
  }

  /** Looks at what begins at a line start and returns the next line start. */
  private readLine(at: number): number {
    const { bytes } = this;
    const first = bytes[at] as number;
    if (first === 0x0b) {
      if (this.frameStart >= 0)
        this.problem('FRAME_NOT_CLOSED', this.frameStart, 'a frame begins inside a frame');
      this.endMessage(at);
      this.frameStart = at;
      return at + 1;
    }
    if (first <= 0x20 && first !== 0x1c) return at + 1;
    const end = this.lineEnd(at);
    const name = this.nameAt(at);
    if (name === 'MSH') {
      this.endMessage(at);
      this.messageStart = at;
      this.outsideStart = -1;
    } else if (name !== undefined) {
      this.endMessage(at);
      this.readEnvelope(name, at, end);
    } else if (this.messageStart < 0 && first !== 0x1c) this.reportOutside(at);
    return this.endFrame(end);
  }

  /** The line ends at CR, LF, or at the FS or VT of a frame. */
  private lineEnd(at: number): number {
    const { bytes } = this;
    let end = at;
    while (end < bytes.length) {
      const byte = bytes[end] as number;
      if (byte === 0x0d || byte === 0x0a || byte === 0x1c || byte === 0x0b) break;
      end++;
    }
    return end;
  }

  private endFrame(end: number): number {
    if (this.bytes[end] !== 0x1c) return end;
    this.endMessage(end);
    this.frameStart = -1;
    return end + 1;
  }

  private nameAt(at: number): EnvelopeName | 'MSH' | undefined {
    const name = this.bytes.toString('latin1', at, at + 3).toUpperCase();
    switch (name) {
      case 'MSH':
      case 'FHS':
      case 'BHS':
      case 'BTS':
      case 'FTS':
        return this.isNameEnd(at + 3) ? name : undefined;
      default:
        return undefined;
    }
  }

  private isNameEnd(at: number): boolean {
    const code = this.bytes[at] ?? 0x0d;
    const isDigit = code >= 0x30 && code <= 0x39;
    const upper = code & 0xdf;
    return !isDigit && !(upper >= 0x41 && upper <= 0x5a);
  }

  private readEnvelope(name: EnvelopeName, at: number, end: number): void {
    this.hasEnvelope = true;
    this.outsideStart = -1;
    switch (name) {
      case 'FHS':
        this.fileStart = at;
        this.batches = 0;
        break;
      case 'BHS':
        if (this.batchStart >= 0) this.problem('BATCH_NOT_CLOSED', this.batchStart, 'BHS without BTS');
        this.batchStart = at;
        this.batchMessages = 0;
        this.batches++;
        break;
      case 'BTS':
        this.checkCount('BATCH_COUNT_WRONG', at, end, this.batchMessages);
        this.batchStart = -1;
        this.batchMessages = 0;
        break;
      case 'FTS':
        // A file without BHS is one batch.
        this.checkCount('FILE_COUNT_WRONG', at, end, Math.max(1, this.batches));
        this.fileStart = -1;
        this.batches = 0;
        break;
    }
  }

  /** Field 1 of a trailer is the number of what it closes; it may be empty. */
  private checkCount(
    code: 'BATCH_COUNT_WRONG' | 'FILE_COUNT_WRONG',
    at: number,
    end: number,
    found: number,
  ): void {
    const line = this.bytes.toString('latin1', at, Math.min(end, at + 64));
    const separator = line.charAt(3);
    const declared = separator === '' ? '' : (line.split(separator, 2)[1] ?? '').trim();
    if (declared === '' || declared === '""') return;
    if (Number(declared) === found) return;
    const said = /^\d{1,9}$/.test(declared) ? declared : 'no number';
    this.problem(
      code,
      at,
      `${code === 'BATCH_COUNT_WRONG' ? 'BTS' : 'FTS'}-1 says ${said}, there are ${found}`,
    );
  }

  private endMessage(end: number): void {
    if (this.messageStart < 0) return;
    this.messages.push(this.bytes.subarray(this.messageStart, end));
    this.messageStart = -1;
    this.batchMessages++;
    this.isTooLong ||= this.messages.length > messagesMax;
  }

  private reportOutside(at: number): void {
    if (this.outsideStart >= 0) return;
    this.outsideStart = at;
    this.problem('BYTES_OUTSIDE_MESSAGE', at, 'lines that belong to no message');
  }

  private problem(code: BatchProblem['code'], offset: number, detail: string): void {
    if (this.problems.length < problemsMax) this.problems.push({ code, offset, detail });
  }
}
