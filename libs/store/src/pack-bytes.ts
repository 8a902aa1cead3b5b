import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { assert } from '#kernel';
import { packDictionary } from './pack-dictionary.js';

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
/** What one block may unfold to: a guard against a damaged or forged one, far above what a mapping produces. */
const MAX_PLAIN_BYTES = 512 * 1024 * 1024;
const NEWLINE = 0x0a;
/** What stands before the block in `folded_pack`: two int4. */
const PLACE_BYTES = 8;

/** The exact FHIR bytes of one message: its resources' JSON in order, a line feed between two (JSON text holds none). */
export function plainPack(resources: readonly string[]): Buffer {
  return Buffer.from(resources.join('\n'));
}

/** Deflates the plain packs of one block, one behind the other, for storage. The first byte names the dictionary. */
export function deflateBlock(plains: readonly Buffer[]): Buffer {
  const [only] = plains;
  const plain = plains.length === 1 && only ? only : Buffer.concat(plains);
  const sizes = plains.length > 1 ? DEFLATE_SIZES.several : DEFLATE_SIZES.one;
  const body = deflateRawSync(plain, { level: DEFLATE_LEVEL, ...sizes, dictionary: packDictionary });
  const stored = Buffer.allocUnsafe(body.length + 1);
  stored[0] = DICTIONARY_VERSION;
  body.copy(stored, 1);
  return stored;
}

/**
 * Reads packs as the view `folded_pack` gives them: where the pack begins in its block and how long it is (two int4, the
 * length -1 for all of it), then the block. The block may be left out when it is that of the pack read before.
 */
export class PackUnfolder {
  private block: Buffer | undefined;

  /** The plain pack. Throws (zlib's own error or a `bug` PACK_...) on damaged bytes. */
  unfold(folded: Buffer): Buffer {
    const at = folded.readInt32BE(0);
    const length = folded.readInt32BE(4);
    if (folded.length > PLACE_BYTES) {
      this.block = undefined; // so that a damaged block spoils what is read after it without one of its own
      this.block = inflateBlock(folded.subarray(PLACE_BYTES));
    }
    assert(this.block !== undefined, 'PACK_BLOCK_MISSING');
    if (length < 0) return this.block;
    assert(at >= 0 && at + length <= this.block.length, 'PACK_BLOCK_SHORT');
    return this.block.subarray(at, at + length);
  }
}

/** One pack with its block; see `PackUnfolder`. */
export function unfoldPack(folded: Buffer): Buffer {
  return new PackUnfolder().unfold(folded);
}

function inflateBlock(stored: Buffer): Buffer {
  assert(stored[0] === DICTIONARY_VERSION, 'PACK_DICTIONARY_UNKNOWN');
  return inflateRawSync(stored.subarray(1), { dictionary: packDictionary, maxOutputLength: MAX_PLAIN_BYTES });
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
