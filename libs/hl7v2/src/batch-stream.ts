import { TextDecoder } from 'node:util';
import { splitBatch, widened } from './batch.js';
import { type BatchMessage, type BatchProblem, BatchSplitter } from './batch-splitter.js';
import { detectWide, type WideEncoding } from './character-set.js';

/**
 * Splits a file as `splitBatch` does, in pieces, so that its size does not matter: memory is bounded by the longest message
 * that is taken. The first piece must hold at least the first 64 bytes, unless it is the last.
 */
export class BatchStream {
  private readonly splitter: BatchSplitter;
  private wide: WideEncoding | undefined;
  private decoder: TextDecoder | undefined;
  private isStarted = false;
  private lone = 0;

  constructor(messageMaxBytes: number) {
    this.splitter = new BatchSplitter(messageMaxBytes, Number.POSITIVE_INFINITY);
  }

  get problems(): readonly BatchProblem[] {
    return this.splitter.problems;
  }

  /** Messages so far. */
  get count(): number {
    return this.lone + this.splitter.count;
  }

  /** The messages that these bytes complete; `isLast` ends all that is open. */
  push(piece: Buffer, isLast: boolean): BatchMessage[] {
    if (!this.isStarted) {
      this.isStarted = true;
      if (isLast && splitBatch(piece).messages[0] === piece) {
        this.lone = 1;
        return [{ raw: piece, line: 1, isCut: false }];
      }
      this.wide = detectWide(piece);
      if (this.wide !== undefined) {
        this.decoder = new TextDecoder(this.wide.label);
        return this.pushWide(piece.subarray(this.wide.markLength), isLast);
      }
    }
    return this.wide === undefined ? this.splitter.push(piece, isLast) : this.pushWide(piece, isLast);
  }

  private pushWide(piece: Buffer, isLast: boolean): BatchMessage[] {
    const { wide, decoder } = this;
    if (wide === undefined || decoder === undefined) return [];
    const bytes = Buffer.from(decoder.decode(piece, { stream: !isLast }), 'utf8');
    return this.splitter
      .push(bytes, isLast)
      .map((message) => ({ ...message, raw: widened(message.raw, wide) }));
  }
}
