import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { naiveRoot, someLeaves } from '../testing/naive-tree.js';
import { hashLeaf, hashNode } from './hash.js';
import { proveConsistency, proveInclusion } from './prove.js';
import { tileHashReader, tileWidth } from './tiles.js';
import { Tree } from './tree.js';
import type { HashReader } from './tree-nodes.js';
import { verifyConsistency, verifyInclusion } from './verify-proof.js';

/** A tree in memory: every complete subtree and every root on the way. */
function grow(count: number): { roots: Buffer[]; read: HashReader; leaves: Buffer[] } {
  const nodes = new Map<string, Buffer>();
  const tree = new Tree((level, index, hash) => void nodes.set(`${level}/${index}`, hash));
  const leaves = someLeaves(count);
  const roots = [tree.root()];
  for (const leaf of leaves) {
    tree.append(hashLeaf(leaf));
    roots.push(tree.root());
  }
  const read: HashReader = async (ids) =>
    ids.map(({ level, index }) => nodes.get(`${level}/${index}`) ?? Buffer.alloc(0));
  return { roots, read, leaves };
}

const MAX_LEAVES = 600;
const { roots, read, leaves } = grow(MAX_LEAVES);
const rootOf = (size: number): Buffer => roots[size] ?? Buffer.alloc(0);
const leafHash = (index: number): Buffer => hashLeaf(leaves[index] ?? Buffer.alloc(0));
const size = fc.integer({ min: 1, max: MAX_LEAVES });
const place = size.chain((n) => fc.record({ size: fc.constant(n), index: fc.nat(n - 1) }));
const twoSizes = size.chain((n) =>
  fc.record({ size: fc.constant(n), oldSize: fc.integer({ min: 1, max: n }) }),
);

/** The hash with one of its 256 bits flipped. */
function flip(hash: Buffer, bit: number): Buffer {
  const changed = Buffer.from(hash);
  changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return changed;
}

describe('tree', () => {
  test('the empty tree and a single empty leaf have the roots of RFC 6962', () => {
    expect(rootOf(0).toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(hashLeaf(Buffer.alloc(0)).toString('hex')).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
  });

  test('the incremental root is the root of the definition at every size', () => {
    for (let n = 0; n <= 300; n++) expect(rootOf(n)).toEqual(naiveRoot(leaves.slice(0, n)));
  });

  test('a restored tree goes on as if it had never stopped', async () => {
    for (const n of [0, 1, 2, 3, 255, 256, 257, 511, 599]) {
      const tree = await Tree.restore(n, read);
      expect(tree.root()).toEqual(rootOf(n));
      tree.append(leafHash(n));
      expect(tree.root()).toEqual(rootOf(n + 1));
      expect(tree.size).toBe(n + 1);
    }
  });
});

describe('hashes', () => {
  test('a leaf of any length is hashed behind one zero byte', () => {
    for (const length of [0, 1, 152, 1023, 1024, 1025, 65_535]) {
      const leaf = Buffer.alloc(length, 7);
      expect(hashLeaf(leaf)).toEqual(naiveRoot([leaf]));
    }
  });

  test('what is no hash makes no node', () => {
    expect(() => hashNode(Buffer.alloc(31), Buffer.alloc(33))).toThrow(RangeError);
  });
});

describe('proofs', () => {
  test('every leaf of every tree is proven', async () => {
    await fc.assert(
      fc.asyncProperty(place, async ({ size: n, index }) => {
        const proof = await proveInclusion(index, n, read);
        expect(verifyInclusion({ index, size: n, leafHash: leafHash(index), proof, root: rootOf(n) })).toBe(
          true,
        );
      }),
      { numRuns: 300 },
    );
  });

  test('an inclusion proof with anything altered fails', async () => {
    const alteration = fc.record({ place, bit: fc.nat(255), part: fc.nat(30), other: fc.nat(MAX_LEAVES) });
    await fc.assert(
      fc.asyncProperty(alteration, async ({ place: { size: n, index }, bit, part, other }) => {
        const proof = await proveInclusion(index, n, read);
        const claim = { index, size: n, leafHash: leafHash(index), proof, root: rootOf(n) };
        const altered = proof.map((hash, at) => (at === part % proof.length ? flip(hash, bit) : hash));
        if (proof.length > 0) expect(verifyInclusion({ ...claim, proof: altered })).toBe(false);
        if (proof.length > 0) expect(verifyInclusion({ ...claim, proof: proof.slice(1) })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: [...proof, flip(claim.root, bit)] })).toBe(false);
        expect(verifyInclusion({ ...claim, leafHash: flip(claim.leafHash, bit) })).toBe(false);
        expect(verifyInclusion({ ...claim, root: flip(claim.root, bit) })).toBe(false);
        expect(verifyInclusion({ ...claim, root: claim.root.subarray(1) })).toBe(false);
        if (other !== index) expect(verifyInclusion({ ...claim, index: other })).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  test('every tree is proven to begin with every smaller one', async () => {
    await fc.assert(
      fc.asyncProperty(twoSizes, async ({ size: n, oldSize }) => {
        const proof = await proveConsistency(oldSize, n, read);
        const claim = { oldSize, oldRoot: rootOf(oldSize), size: n, root: rootOf(n), proof };
        expect(verifyConsistency(claim)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('a consistency proof with anything altered fails', async () => {
    const alteration = fc.record({ sizes: twoSizes, bit: fc.nat(255), part: fc.nat(30) });
    await fc.assert(
      fc.asyncProperty(alteration, async ({ sizes: { size: n, oldSize }, bit, part }) => {
        const proof = await proveConsistency(oldSize, n, read);
        const claim = { oldSize, oldRoot: rootOf(oldSize), size: n, root: rootOf(n), proof };
        const altered = proof.map((hash, at) => (at === part % proof.length ? flip(hash, bit) : hash));
        if (proof.length > 0) expect(verifyConsistency({ ...claim, proof: altered })).toBe(false);
        if (proof.length > 0) expect(verifyConsistency({ ...claim, proof: proof.slice(0, -1) })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: [...proof, claim.root] })).toBe(false);
        expect(verifyConsistency({ ...claim, oldRoot: flip(claim.oldRoot, bit) })).toBe(false);
        expect(verifyConsistency({ ...claim, root: flip(claim.root, bit) })).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  test('a proof from the empty tree and a size that shrinks prove nothing', () => {
    const root = rootOf(0);
    expect(verifyConsistency({ oldSize: 0, oldRoot: root, size: 0, root, proof: [] })).toBe(false);
    expect(verifyConsistency({ oldSize: 2, oldRoot: rootOf(2), size: 1, root: rootOf(1), proof: [] })).toBe(
      false,
    );
    expect(verifyInclusion({ index: 0, size: 0, leafHash: root, root, proof: [] })).toBe(false);
    expect(verifyInclusion({ index: 0.5, size: 1, leafHash: root, root, proof: [] })).toBe(false);
  });

  test('a proof for what the tree does not hold cannot be asked for', () => {
    expect(() => proveInclusion(3, 3, read)).toThrow(RangeError);
    expect(() => proveConsistency(0, 3, read)).toThrow(RangeError);
    expect(() => proveConsistency(4, 3, read)).toThrow(RangeError);
  });

  test('proofs read from tiles are the same proofs', async () => {
    const tiles = new Map<string, Buffer[]>();
    const tree = new Tree((level, index, hash) => {
      if (level % 8 !== 0) return;
      const key = `${level / 8}/${Math.floor(index / 256)}`;
      tiles.set(key, [...(tiles.get(key) ?? []), hash]);
    });
    for (let index = 0; index < MAX_LEAVES; index++) tree.append(leafHash(index));
    const fromTiles = tileHashReader(MAX_LEAVES, async (level, index, width) => {
      const hashes = tiles.get(`${level}/${index}`) ?? [];
      expect(width).toBe(tileWidth(level, index, MAX_LEAVES));
      expect(hashes.length).toBeGreaterThanOrEqual(width);
      return Buffer.concat(hashes.slice(0, width));
    });
    for (const index of [0, 255, 256, 511, 512, 599])
      expect(await proveInclusion(index, MAX_LEAVES, fromTiles)).toEqual(
        await proveInclusion(index, MAX_LEAVES, read),
      );
    for (const oldSize of [1, 255, 256, 257, 512, 600])
      expect(await proveConsistency(oldSize, MAX_LEAVES, fromTiles)).toEqual(
        await proveConsistency(oldSize, MAX_LEAVES, read),
      );
  });
});
