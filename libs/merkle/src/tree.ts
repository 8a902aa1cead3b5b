import { hashNode } from './hash.js';
import { foldNodes, type HashReader, nodesOfRange } from './tree-nodes.js';

/** Called for each subtree at the moment it is complete, leaves (level 0) included, lower levels first. */
type NodeListener = (level: number, index: number, hash: Buffer) => void;

/**
 * An append-only tree that keeps only the roots of its complete subtrees (at most 53 hashes): enough to append and to
 * tell the root at any time. Plain memory; `restore` builds it again from stored hashes.
 */
export class Tree {
  private count = 0;
  private peaks: Buffer[] = [];

  constructor(private readonly onNode: NodeListener = () => {}) {}

  /** The tree of `size` leaves as `read` has it stored; `onNode` hears only what is appended from here on. */
  static async restore(size: number, read: HashReader, onNode?: NodeListener): Promise<Tree> {
    const tree = new Tree(onNode);
    tree.peaks = await read(nodesOfRange(0, size));
    tree.count = size;
    return tree;
  }

  get size(): number {
    return this.count;
  }

  append(leafHash: Buffer): void {
    let index = this.count;
    let hash = leafHash;
    this.onNode(0, index, hash);
    for (let level = 1; index % 2 === 1; level++) {
      const left = this.peaks.pop();
      if (left === undefined) throw new Error('MERKLE_TREE_BROKEN');
      hash = hashNode(left, hash);
      index = (index - 1) / 2;
      this.onNode(level, index, hash);
    }
    this.peaks.push(hash);
    this.count++;
  }

  /** RFC 6962 Merkle Tree Hash over all leaves so far. */
  root(): Buffer {
    return foldNodes(this.peaks);
  }
}
