import { hash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { assert } from '#kernel';
import { packDictionary } from './pack-dictionary.js';
import { joinSegments, SEGMENTED, segmentsOf, splitSegments } from './pack-segments.js';

/** Names the dictionary a pack was deflated with. A new dictionary gets a new number; old packs stay readable. */
const DICTIONARY_VERSION = 1;
/** Level 1 costs a third of the default's CPU; with the dictionary the packs are only a tenth larger (measured). */
const DEFLATE_LEVEL = 1;
/**
 * A quarter less CPU than the default sizes, for packs one hundredth larger (measured): zlib's tables, which are new for
 * every block, then fit the processor's cache. A block of several packs pays for a window that reaches the pack before.
 */
const DEFLATE_SIZES = {
  one: { windowBits: 14, memLevel: 7 },
  several: { windowBits: 15, memLevel: 7 },
} as const;
/** What one block, or one pack of it, may unfold to: a guard against damaged or forged bytes, far above what a mapping makes. */
const MAX_PLAIN_BYTES = 512 * 1024 * 1024;
const NEWLINE = 0x0a;
/** Hexadecimal digits of a content digest: enough that equal digests mean equal content, short enough for every row. */
const DIGEST_DIGITS = 32;
/** Begins a line of a block that stands for another one; JSON text never begins with it. */
const REPEAT = '=';
const REPEAT_BYTE = 0x3d;
/** What stands before the block in `folded_pack`: two int4. */
const PLACE_BYTES = 8;

/** A resource as its packs hold it. */
export interface PackLine {
  /** Its JSON; nobody changes them. */
  readonly bytes: Buffer;
  /** SHA-256 of them, in hexadecimal digits. */
  readonly sha256: string;
  /** What `resource.digest` holds, the first digits of that: equal digests, equal content. */
  readonly digest: string;
}

/** A resource's JSON as a line of its pack. */
export function packLine(text: string): PackLine {
  const bytes = Buffer.from(text);
  const sha256 = hash('sha256', bytes, 'hex');
  return { bytes, sha256, digest: sha256.slice(0, DIGEST_DIGITS) };
}

/** The plain pack of a message: its resources' JSON in order, a line feed between two (JSON text holds none). */
function joined(lines: readonly Buffer[]): Buffer {
  let length = Math.max(0, lines.length - 1);
  for (const line of lines) length += line.length;
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as Buffer;
    if (i > 0) bytes[at++] = NEWLINE;
    bytes.set(line, at);
    at += line.length;
  }
  return bytes;
}

/** Made once: they are in nearly every pack. */
const repeatLines: Buffer[] = [];
const MAX_KEPT_REPEATS = 1_024;

function repeatOf(number: number): Buffer {
  const known = repeatLines[number];
  if (known !== undefined) return known;
  const line = Buffer.from(`${REPEAT}${number}`);
  if (number < MAX_KEPT_REPEATS) repeatLines[number] = line;
  return line;
}

/**
 * Writes packs one behind the other, each ended by a line feed. A line (a resource) that came before in the block is written
 * as `=` and the number of that line, counted from 0 over the block: it is neither deflated nor inflated again.
 */
export class BlockText {
  private readonly numbers = new Map<string, number>();
  private lines = 0;

  /** The bytes of the next pack in the block, the line feed behind them left out. */
  encode(resources: readonly PackLine[]): Buffer {
    const written = resources.map(({ bytes, digest }, index) => {
      const number = this.numbers.get(digest);
      if (number !== undefined) return repeatOf(number);
      this.numbers.set(digest, this.lines + index);
      return bytes;
    });
    this.lines += Math.max(1, resources.length); // no resources: an empty line
    return joined(written);
  }
}

/**
 * Deflates the packs of one block, as `BlockText` encodes them, for storage. The first byte names the dictionary, or says
 * that a large pack, alone in its block, is in segments (pack-segments.ts), of which a reader inflates one.
 */
export function deflateBlock(packs: readonly Buffer[]): Buffer {
  const lineFeed = Buffer.from('\n');
  const [only] = packs;
  const segments = packs.length === 1 && only ? segmentsOf(only) : undefined;
  if (segments) return joinSegments(segments.map((segment) => deflated(segment, DEFLATE_SIZES.one)));
  const text = packs.length === 1 && only ? only : Buffer.concat(packs.flatMap((pack) => [pack, lineFeed]));
  const body = deflated(text, packs.length > 1 ? DEFLATE_SIZES.several : DEFLATE_SIZES.one);
  return Buffer.concat([Buffer.of(DICTIONARY_VERSION), body]);
}

function deflated(text: Buffer, sizes: { windowBits: number; memLevel: number }): Buffer {
  return deflateRawSync(text, { level: DEFLATE_LEVEL, ...sizes, dictionary: packDictionary });
}

/**
 * Reads packs as the view `folded_pack` gives them: where the pack begins in its block and how long it is (two int4, the
 * length -1 for all of it), then the block. The block may be left out when it is that of the pack read before.
 */
export class PackUnfolder {
  private block: Buffer | undefined;
  /** Where the lines of `block` begin; made when a line stands for another. */
  private starts: number[] | undefined;

  /** The plain pack. Throws (zlib's own error or a `bug` PACK_...) on damaged bytes. */
  unfold(folded: Buffer): Buffer {
    const at = folded.readInt32BE(0);
    const length = folded.readInt32BE(4);
    if (folded.length > PLACE_BYTES) {
      this.block = undefined; // so that a damaged block spoils what is read after it without one of its own
      this.starts = undefined;
      this.block = inflateBlock(folded.subarray(PLACE_BYTES));
    }
    assert(this.block !== undefined, 'PACK_BLOCK_MISSING');
    if (length < 0) return this.block;
    assert(at >= 0 && at + length <= this.block.length, 'PACK_BLOCK_SHORT');
    return this.withoutRepeats(this.block.subarray(at, at + length), this.block);
  }

  private withoutRepeats(pack: Buffer, block: Buffer): Buffer {
    const lines: Buffer[] = [];
    let repeats = false;
    let bytes = 0;
    for (const written of linesOf(pack)) {
      const isRepeat = written[0] === REPEAT_BYTE;
      const line = isRepeat ? this.lineOf(block, Number(written.toString('latin1', 1))) : written;
      repeats ||= isRepeat;
      bytes += line.length + 1;
      assert(bytes <= MAX_PLAIN_BYTES, 'PACK_TOO_LARGE');
      lines.push(line);
    }
    return repeats ? joined(lines) : pack;
  }

  private lineOf(block: Buffer, number: number): Buffer {
    this.starts ??= startsOf(block);
    const start = this.starts[number];
    assert(start !== undefined && block[start] !== REPEAT_BYTE, 'PACK_LINE_MISSING');
    const end = block.indexOf(NEWLINE, start);
    return block.subarray(start, end < 0 ? block.length : end);
  }
}

function* linesOf(pack: Buffer): Iterable<Buffer> {
  let start = 0;
  for (let end = pack.indexOf(NEWLINE); end >= 0; end = pack.indexOf(NEWLINE, start)) {
    yield pack.subarray(start, end);
    start = end + 1;
  }
  yield pack.subarray(start);
}

function startsOf(block: Buffer): number[] {
  const starts = [0];
  for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, end + 1))
    starts.push(end + 1);
  return starts;
}

/** One pack with its block; see `PackUnfolder`. */
export function unfoldPack(folded: Buffer): Buffer {
  return new PackUnfolder().unfold(folded);
}

function inflateBlock(stored: Buffer): Buffer {
  if (stored[0] === SEGMENTED) {
    const segments = splitSegments(stored).map(inflated);
    assert(segments.reduce((sum, { length }) => sum + length, 0) <= MAX_PLAIN_BYTES, 'PACK_TOO_LARGE');
    return joined(segments);
  }
  assert(stored[0] === DICTIONARY_VERSION, 'PACK_DICTIONARY_UNKNOWN');
  return inflated(stored.subarray(1));
}

/** One deflated piece: a block without its first byte, or a segment of one. */
export function inflated(piece: Buffer): Buffer {
  return inflateRawSync(piece, { dictionary: packDictionary, maxOutputLength: MAX_PLAIN_BYTES });
}

/** The resources of a plain pack as parts of it, in order. */
export function packLines(plain: Buffer): Buffer[] {
  return plain.length === 0 ? [] : [...linesOf(plain)];
}

/** All resources of a plain pack, in order. */
export function resourcesOf(plain: Buffer): string[] {
  return plain.length === 0 ? [] : plain.toString('utf8').split('\n');
}

/** The resource at `position` (0-based line) of a plain pack. */
export function resourceAt(plain: Buffer, position: number): string {
  let start = 0;
  for (let line = 0; line < position; line++) {
    const end = plain.indexOf(NEWLINE, start);
    assert(end >= 0, 'PACK_POSITION_MISSING');
    start = end + 1;
  }
  const end = plain.indexOf(NEWLINE, start);
  return plain.toString('utf8', start, end < 0 ? plain.length : end);
}
