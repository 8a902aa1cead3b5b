import { emptyRoot, hashNode } from './hash.js';

/** A complete subtree: the `index`-th (from 0) of those with 2^level leaves. Level 0 are the leaves. */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/**
 * Reads hashes of complete subtrees, in the order asked for. All that one proof needs come in one call, so that a
 * reader may fetch each tile once. Rejects when it cannot.
 */
export type HashReader = (nodes: readonly NodeId[]) => Promise<Buffer[]>;

/**
 * The complete subtrees that cover leaves [first, end), largest first. `first` must be a multiple of the smallest power
 * of two that is not below end - first, as every range is that RFC 6962 hashes.
 */
export function nodesOfRange(first: number, end: number): NodeId[] {
  const nodes: NodeId[] = [];
  let start = first;
  while (start < end) {
    let level = 0;
    let leaves = 1;
    while (leaves * 2 <= end - start) {
      leaves *= 2;
      level++;
    }
    nodes.push({ level, index: start / leaves });
    start += leaves;
  }
  return nodes;
}

/** The hash over `nodesOfRange`'s hashes: the Merkle Tree Hash of that range of leaves. */
export function foldNodes(hashes: readonly Buffer[]): Buffer {
  let folded: Buffer | undefined;
  for (let at = hashes.length - 1; at >= 0; at--) {
    const hash = hashes[at];
    if (hash !== undefined) folded = folded === undefined ? hash : hashNode(hash, folded);
  }
  return folded ?? emptyRoot;
}

/** The largest power of two below `leaves` (at least 2): where RFC 6962 section 2.1 splits a tree. */
export function splitPoint(leaves: number): number {
  let split = 1;
  while (split * 2 < leaves) split *= 2;
  return split;
}
