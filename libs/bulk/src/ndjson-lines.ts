import { createReadStream } from 'node:fs';

const NEWLINE = 0x0a;
/** Longest line, as the longest body of one resource. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** A line of a file; `end`: where the next one begins. */
export interface NdjsonLine {
  /** Undefined: it is longer than a line may be, and was skipped. */
  readonly text: string | undefined;
  readonly end: number;
}

/** The lines of a file from a place on; holds one line and one block of it. */
export async function* ndjsonLines(path: string, from: number): AsyncGenerator<NdjsonLine> {
  let parts: Buffer[] = [];
  let length = 0;
  let at = from;
  const take = (): string | undefined => {
    const text = length > MAX_LINE_BYTES ? undefined : Buffer.concat(parts).toString('utf8');
    parts = [];
    length = 0;
    return text;
  };
  const hold = (bytes: Buffer) => {
    length += bytes.length;
    if (length > MAX_LINE_BYTES) parts = [];
    else parts.push(bytes);
  };
  for await (const block of createReadStream(path, { start: from, highWaterMark: 256 * 1024 })) {
    const bytes = block as Buffer;
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      hold(bytes.subarray(start, end));
      start = end + 1;
      yield { text: take(), end: at + start };
    }
    if (start < bytes.length) hold(bytes.subarray(start));
    at += bytes.length;
  }
  if (length > 0) yield { text: take(), end: at };
}
