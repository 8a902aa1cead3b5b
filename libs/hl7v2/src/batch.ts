import { TextDecoder } from 'node:util';
import { type BatchProblem, BatchSplitter } from './batch-splitter.js';
import { detectWide, utf8MarkLength, type WideEncoding } from './character-set.js';

/** A unit of more messages is not split: each takes memory, however short it is. */
const messagesMax = 200_000;

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
  const batch = splitWhole(raw);
  // Blank lines around a lone message are no reason to change its bytes.
  const isLone = batch.messages.length === 1 && !batch.hasEnvelope && batch.problems.length === 0;
  return isLone && !raw.includes(0x0b) && !raw.includes(0x1c) ? { ...batch, messages: [raw] } : batch;
}

function splitWhole(raw: Buffer): Batch {
  const splitter = new BatchSplitter(Number.POSITIVE_INFINITY, messagesMax);
  const found = splitter.push(raw, true);
  const { hasEnvelope, isTooLong, problems } = splitter;
  return { messages: isTooLong ? [] : found.map((message) => message.raw), hasEnvelope, isTooLong, problems };
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
