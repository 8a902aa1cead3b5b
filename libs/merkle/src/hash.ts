import { createHash } from 'node:crypto';

export const HASH_BYTES = 32;

/** RFC 6962 section 2.1: leaves and nodes are hashed in two domains, so that no node can pass for a leaf. */
const leafPrefix = Buffer.from([0x00]);
const nodePrefix = Buffer.from([0x01]);

/** Root of the tree without leaves: SHA-256 of nothing. */
export const emptyRoot: Buffer = createHash('sha256').digest();

/** Hash of a leaf with these bytes (RFC 6962 section 2.1). */
export function hashLeaf(leaf: Uint8Array): Buffer {
  return createHash('sha256').update(leafPrefix).update(leaf).digest();
}

/** Hash of the node above two hashes (RFC 6962 section 2.1). */
export function hashNode(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(nodePrefix).update(left).update(right).digest();
}
