import { TextDecoder } from 'node:util';
import { EngineError } from '#kernel';

/** How the bytes of a file are read. A unit is a byte, or two in UTF-16: what a row is cut in. */
export interface Encoding {
  /** Label of the WHATWG encoding standard. */
  readonly label: string;
  /** Bytes of the byte order mark that the file begins with. */
  readonly markLength: 0 | 2 | 3;
}

const shareOfZeros = 0.2;

/** What the first bytes of a file say: a mark, the zeros of UTF-16, valid UTF-8; else windows-1252, as HTML does it. */
export function sniffEncoding(sample: Buffer): Encoding {
  if (sample[0] === 0xef && sample[1] === 0xbb && sample[2] === 0xbf)
    return { label: 'utf-8', markLength: 3 };
  if (sample[0] === 0xff && sample[1] === 0xfe) return { label: 'utf-16le', markLength: 2 };
  if (sample[0] === 0xfe && sample[1] === 0xff) return { label: 'utf-16be', markLength: 2 };
  const wide = sniffWide(sample);
  if (wide !== undefined) return { label: wide, markLength: 0 };
  const { valid, invalid } = countUtf8(sample);
  return { label: invalid > valid ? 'windows-1252' : 'utf-8', markLength: 0 };
}

/** The mark that a file with a declared encoding begins with. */
export function markedEncoding(label: string, sample: Buffer): Encoding {
  const sniffed = sniffEncoding(sample);
  return { label, markLength: sniffed.markLength > 0 && sniffed.label === label ? sniffed.markLength : 0 };
}

/** Letters of Latin script in UTF-16 have a zero in every other byte. */
function sniffWide(sample: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  let even = 0;
  let odd = 0;
  for (let i = 0; i < sample.length; i++) {
    if (sample[i] !== 0) continue;
    if (i % 2 === 0) even++;
    else odd++;
  }
  const half = sample.length / 2;
  if (odd > half * shareOfZeros && even < odd / 8) return 'utf-16le';
  return even > half * shareOfZeros && odd < even / 8 ? 'utf-16be' : undefined;
}

/** Characters of several bytes that are valid UTF-8, and bytes that are not. The end of the sample may cut one. */
function countUtf8(sample: Buffer): { valid: number; invalid: number } {
  let valid = 0;
  let invalid = 0;
  for (let i = 0; i < sample.length; i++) {
    const first = sample[i] as number;
    if (first < 0x80) continue;
    const more = first >= 0xf0 && first < 0xf5 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
    if (i + more >= sample.length && more > 0) break;
    let good = more > 0 && first < 0xf5;
    for (let k = 1; k <= more && good; k++) good = ((sample[i + k] as number) & 0xc0) === 0x80;
    if (good) {
      valid++;
      i += more;
    } else invalid++;
  }
  return { valid, invalid };
}

/** Whether a label names an encoding that can be read. */
export function isEncoding(label: string): boolean {
  if (encodingNames.has(label)) return true;
  try {
    encodingNames.set(label, new TextDecoder(label).encoding);
    return true;
  } catch {
    // RangeError: nobody knows the label; the caller says so.
    return false;
  }
}

/** By label, of which the standard has some two hundred. */
const encodingNames = new Map<string, string>();

/** Turns the bytes of a file into units and back, and units into text. */
export class UnitCodec {
  readonly isWide: boolean;
  readonly #isSwapped: boolean;
  #decoder: TextDecoder | undefined;
  #odd: Buffer = Buffer.alloc(0);

  constructor(readonly label: string) {
    if (!isEncoding(label))
      throw new EngineError(
        'misconfigured',
        'CSV_ENCODING_UNKNOWN',
        'nobody knows the encoding that is declared',
      );
    const name = encodingNames.get(label) ?? '';
    this.isWide = name.startsWith('utf-16');
    this.#isSwapped = name === 'utf-16be';
  }

  /** The units of a piece of the file; half of one waits for the next piece. */
  units(piece: Buffer): string {
    if (!this.isWide) return piece.toString('latin1');
    const all = this.#odd.length > 0 ? Buffer.concat([this.#odd, piece]) : piece;
    const even = all.length - (all.length % 2);
    this.#odd = Buffer.from(all.subarray(even));
    const whole = all.subarray(0, even);
    return (this.#isSwapped ? Buffer.from(whole).swap16() : whole).toString('utf16le');
  }

  /** The bytes that units were made of. */
  bytes(units: string): Buffer {
    if (!this.isWide) return Buffer.from(units, 'latin1');
    const bytes = Buffer.from(units, 'utf16le');
    return this.#isSwapped ? bytes.swap16() : bytes;
  }

  /** The text of units; undefined when they are none of this encoding. */
  text(units: string): string | undefined {
    if (this.isWide || isPlain(units)) return units;
    this.#decoder ??= new TextDecoder(this.label, { fatal: true, ignoreBOM: true });
    try {
      return this.#decoder.decode(Buffer.from(units, 'latin1'));
    } catch {
      // TypeError: not of this encoding; the row is refused by the caller.
      return undefined;
    }
  }
}

/** ASCII, which is the same in all encodings that are read byte by byte. */
export function isPlain(units: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what ASCII is
  return /^[\x00-\x7f]*$/.test(units);
}
