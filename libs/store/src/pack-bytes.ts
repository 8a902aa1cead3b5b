import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { assert } from '#kernel';
import { packDictionary } from './pack-dictionary.js';

/** Names the dictionary a pack was deflated with. A new dictionary gets a new number; old packs stay readable. */
const DICTIONARY_VERSION = 1;
/** Level 1 costs a third of the default's CPU; with the dictionary the packs are only a tenth larger (measured). */
const DEFLATE_LEVEL = 1;
/**
 * A quarter less CPU than the default sizes, for packs one hundredth larger (measured): zlib's tables, which are new for
 * every pack, then fit the processor's cache.
 */
const DEFLATE_SIZES = { windowBits: 14, memLevel: 7 } as const;
/** What one message may unfold to: a guard against a damaged or forged pack, far above what a mapping produces. */
const MAX_PLAIN_BYTES = 512 * 1024 * 1024;
const NEWLINE = 0x0a;

/** The exact FHIR bytes of one message: its resources' JSON in order, a line feed between two (JSON text holds none). */
export function plainPack(resources: readonly string[]): Buffer {
  return Buffer.from(resources.join('\n'));
}

/** Deflates a plain pack for storage. The first byte names the dictionary. */
export function deflatePack(plain: Buffer): Buffer {
  const body = deflateRawSync(plain, { level: DEFLATE_LEVEL, ...DEFLATE_SIZES, dictionary: packDictionary });
  const stored = Buffer.allocUnsafe(body.length + 1);
  stored[0] = DICTIONARY_VERSION;
  body.copy(stored, 1);
  return stored;
}

/** The inverse of `deflatePack`. Throws (zlib's own error or `bug` PACK_DICTIONARY_UNKNOWN) on damaged bytes. */
export function inflatePack(stored: Buffer): Buffer {
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
