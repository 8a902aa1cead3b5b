import { HASH_BYTES, hashNode } from './hash.js';

/** Sizes and indices as text has them: beyond 2^53 only as bigint. */
type Count = number | bigint;

/** No tree below 2^64 leaves has a longer proof: what bounds the work for hostile input. */
const MAX_PROOF_HASHES = 128;
const MAX_TREE_SIZE = 2n ** 64n - 1n;

interface InclusionClaim {
  readonly index: Count;
  readonly size: Count;
  readonly leafHash: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** True only if the leaf is at `index` of the tree with `size` leaves and `root` (RFC 9162 section 2.1.3.2). Never throws. */
export function verifyInclusion({ index, size, leafHash, proof, root }: InclusionClaim): boolean {
  const leaf = toCount(index);
  const leaves = toCount(size);
  if (leaf === undefined || leaves === undefined || leaf >= leaves) return false;
  if (!areHashes([leafHash, root]) || !areHashes(proof)) return false;
  let place = leaf;
  let last = leaves - 1n;
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0n) return false;
    if (isOdd(place) || place === last) {
      hash = hashNode(sibling, hash);
      while (!isOdd(place) && place !== 0n) {
        place >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = hashNode(hash, sibling);
    }
    place >>= 1n;
    last >>= 1n;
  }
  return last === 0n && equal(hash, root);
}

interface ConsistencyClaim {
  readonly oldSize: Count;
  readonly oldRoot: Uint8Array;
  readonly size: Count;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * True only if the tree with `oldRoot` is a prefix of the tree with `root` (RFC 9162 section 2.1.4.2). False for an
 * old size of 0: the empty tree is a prefix of everything, so such a proof would say nothing. Never throws.
 */
export function verifyConsistency({ oldSize, oldRoot, size, root, proof }: ConsistencyClaim): boolean {
  const before = toCount(oldSize);
  const after = toCount(size);
  if (before === undefined || after === undefined || before === 0n || before > after) return false;
  // The same tree: nothing is hashed, so the roots are compared as they are, as the published vectors want it.
  if (before === after) return proof.length === 0 && equal(oldRoot, root);
  if (!areHashes([oldRoot, root]) || !areHashes(proof)) return false;
  return foldConsistency(before, after, oldRoot, root, proof);
}

function foldConsistency(
  before: bigint,
  after: bigint,
  oldRoot: Uint8Array,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  // A complete old tree is itself the first node of the path.
  const path = (before & (before - 1n)) === 0n ? [oldRoot, ...proof] : proof;
  const [seed, ...rest] = path;
  if (seed === undefined) return false;
  let place = before - 1n;
  let last = after - 1n;
  while (isOdd(place)) {
    place >>= 1n;
    last >>= 1n;
  }
  let oldHash = seed;
  let newHash = seed;
  for (const hash of rest) {
    if (last === 0n) return false;
    if (isOdd(place) || place === last) {
      oldHash = hashNode(hash, oldHash);
      newHash = hashNode(hash, newHash);
      while (!isOdd(place) && place !== 0n) {
        place >>= 1n;
        last >>= 1n;
      }
    } else {
      newHash = hashNode(newHash, hash);
    }
    place >>= 1n;
    last >>= 1n;
  }
  return last === 0n && equal(oldHash, oldRoot) && equal(newHash, root);
}

function toCount(count: Count): bigint | undefined {
  if (typeof count === 'number' && !Number.isSafeInteger(count)) return undefined;
  const value = BigInt(count);
  return value < 0n || value > MAX_TREE_SIZE ? undefined : value;
}

function areHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.length <= MAX_PROOF_HASHES && hashes.every((hash) => hash.length === HASH_BYTES);
}

function isOdd(value: bigint): boolean {
  return (value & 1n) === 1n;
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
