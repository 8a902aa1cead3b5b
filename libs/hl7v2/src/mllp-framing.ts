/** MLLP block characters (HL7 Transport Specification: MLLP, release 1): VT message FS CR. */
const startBlock = 0x0b;
const endBlock = 0x1c;
const carriageReturn = 0x0d;

/** Design, section 4. */
export const frameMaxBytesDefault = 16 * 1_024 * 1_024;
/** So much of a frame that is too large is handed over, for its header. */
const headBytes = 65_536;
const carryMinBytes = 1_024;

/**
 * - frame: the bytes between VT and FS, exactly as they came.
 * - broken: a frame began and never ended: a new one began inside it, or the stream ended.
 * - garbage: bytes between frames that are no white space; skipped.
 * - too-large: more than the bound, `length` bytes until now; nothing is cut any more, the transport is to be closed.
 */
export type FrameEvent =
  | { readonly kind: 'frame'; readonly bytes: Buffer }
  | { readonly kind: 'broken'; readonly length: number }
  | { readonly kind: 'garbage'; readonly length: number }
  | { readonly kind: 'too-large'; readonly head: Buffer; readonly length: number };

/**
 * Cuts MLLP frames out of a stream of chunks, cut anywhere. Holds at most one unfinished frame, at most
 * `frameMaxBytes` and one chunk of it. Time and copies are linear in the bytes, whatever the size of the chunks;
 * a frame that lies within one chunk is not copied. A missing CR after FS is accepted. MLLP excludes character
 * sets whose letters contain the bytes 0B or 1C; in UTF-16 such letters would end a frame.
 */
export class FrameCutter {
  private inside = false;
  private dead = false;
  private carry: Buffer | undefined;
  /** Bytes of the unfinished frame in `carry`. */
  private held = 0;

  constructor(private readonly frameMaxBytes = frameMaxBytesDefault) {}

  /** True while a frame has begun and not ended. */
  get isInsideFrame(): boolean {
    return this.inside;
  }

  /** Memory that the unfinished frame takes. */
  get heldBytes(): number {
    return this.carry?.length ?? 0;
  }

  /** Takes the next bytes of the stream. The chunk must not be changed afterwards: frames may lie in it. */
  push(chunk: Buffer): FrameEvent[] {
    const events: FrameEvent[] = [];
    let at = 0;
    while (at < chunk.length && !this.dead) {
      at = this.inside ? this.readFrame(chunk, at, events) : this.seekFrame(chunk, at, events);
    }
    return events;
  }

  /** The stream ended: reports a frame that never did. */
  end(): FrameEvent | undefined {
    if (!this.inside) return undefined;
    const length = this.held;
    this.reset();
    return { kind: 'broken', length };
  }

  private seekFrame(chunk: Buffer, at: number, events: FrameEvent[]): number {
    const start = chunk.indexOf(startBlock, at);
    const until = start < 0 ? chunk.length : start;
    const garbage = until === at ? 0 : countGarbage(chunk, at, until);
    if (garbage > 0) events.push({ kind: 'garbage', length: garbage });
    this.inside = start >= 0;
    return until + 1;
  }

  private readFrame(chunk: Buffer, at: number, events: FrameEvent[]): number {
    const end = chunk.indexOf(endBlock, at);
    const restart = chunk.indexOf(startBlock, at);
    if (restart >= 0 && (end < 0 || restart < end)) {
      events.push({ kind: 'broken', length: this.held + restart - at });
      this.reset();
      this.inside = true;
      return restart + 1;
    }
    const until = end < 0 ? chunk.length : end;
    if (this.held + until - at > this.frameMaxBytes) {
      const length = this.held + until - at;
      events.push({ kind: 'too-large', head: this.head(chunk, at, until), length });
      this.reset();
      this.dead = true;
      return chunk.length;
    }
    if (end < 0) {
      this.keep(chunk, at, until);
      return until;
    }
    events.push({ kind: 'frame', bytes: this.take(chunk, at, until) });
    return until + 1;
  }

  private take(chunk: Buffer, from: number, to: number): Buffer {
    if (this.carry === undefined) {
      this.reset();
      return chunk.subarray(from, to);
    }
    this.keep(chunk, from, to);
    const bytes = this.carry.subarray(0, this.held);
    this.reset();
    return bytes;
  }

  private keep(chunk: Buffer, from: number, to: number): void {
    const needed = this.held + to - from;
    if (this.carry === undefined || this.carry.length < needed) {
      // Doubling keeps the copies linear when a frame arrives byte by byte.
      const size = Math.max(carryMinBytes, needed, Math.min(this.held * 2, this.frameMaxBytes));
      const grown = Buffer.allocUnsafeSlow(size);
      this.carry?.copy(grown, 0, 0, this.held);
      this.carry = grown;
    }
    chunk.copy(this.carry, this.held, from, to);
    this.held = needed;
  }

  private head(chunk: Buffer, from: number, to: number): Buffer {
    const before = this.carry?.subarray(0, Math.min(this.held, headBytes)) ?? Buffer.alloc(0);
    const rest = chunk.subarray(from, Math.min(to, from + headBytes - before.length));
    return Buffer.concat([before, rest]);
  }

  private reset(): void {
    this.inside = false;
    this.carry = undefined;
    this.held = 0;
  }
}

/** Line ends and blanks between frames, and the CR after FS, are no garbage; anything else is. */
function countGarbage(chunk: Buffer, from: number, to: number): number {
  let garbage = 0;
  for (let i = from; i < to; i++) {
    const byte = chunk[i] as number;
    if (byte !== carriageReturn && byte !== 0x0a && byte !== 0x20 && byte !== 0x09) garbage++;
  }
  return garbage;
}

/** `message` as an MLLP frame. */
export function frameMessage(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(message.length + 3);
  frame[0] = startBlock;
  message.copy(frame, 1);
  frame[message.length + 1] = endBlock;
  frame[message.length + 2] = carriageReturn;
  return frame;
}
