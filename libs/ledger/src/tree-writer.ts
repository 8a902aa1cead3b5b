import { assert, EngineError } from '#kernel';
import {
  type Checkpoint,
  encodeBundle,
  HASH_BYTES,
  hashLeaf,
  type NoteSigner,
  proveConsistency,
  signCheckpoint,
  TILE_WIDTH,
  Tree,
  tileHashReader,
  tilePath,
  tileWidth,
  verifyConsistency,
} from '#merkle';
import type { FileToWrite } from './durable-files.js';
import type { LedgerDirectory } from './ledger-directory.js';

/** Tile levels of a tree below 2^53 leaves. */
const MAX_TILE_LEVELS = 7;
const LEVELS_PER_TILE = 8;

export interface SignedHead extends Checkpoint {
  /** The signed note. */
  readonly note: string;
}

/** Roots that were signed before, by size: what the tree must have when it comes past. */
export type KnownRoots = ReadonlyMap<number, Buffer>;

/**
 * The tree on its way to the disk: appends a batch of entries, writes every tile and bundle it touched once, and signs
 * the new head. After an error it is of no use any more: restore another one from the checkpoint.
 */
export class TreeWriter {
  /** The hashes of the last, partial tile of each level. */
  private readonly tails: Buffer[][] = Array.from({ length: MAX_TILE_LEVELS }, () => []);
  private bundle: Buffer[] = [];
  private tree = new Tree();
  private full: { level: number | 'entries'; index: number; bytes: Buffer }[] = [];
  private touched = new Set<number>();

  private constructor(
    private readonly directory: LedgerDirectory,
    private readonly signer: NoteSigner,
    private current: Checkpoint,
  ) {}

  /**
   * The tree that `checkpoint` signed, read back from its tiles. `misconfigured` when they do not hold that tree: it
   * would be another one that is signed next.
   */
  static async restore(
    directory: LedgerDirectory,
    signer: NoteSigner,
    checkpoint: Checkpoint | undefined,
  ): Promise<TreeWriter> {
    const head = checkpoint ?? { origin: signer.name, size: 0, root: new Tree().root() };
    const writer = new TreeWriter(directory, signer, head);
    const read = tileHashReader(head.size, (...tile) => directory.readTile(...tile));
    writer.tree = await Tree.restore(head.size, read, (...node) => writer.keep(...node));
    if (!writer.tree.root().equals(head.root)) throw differentTree(directory, 'its checkpoint');
    await writer.readTails();
    return writer;
  }

  get head(): Checkpoint {
    return this.current;
  }

  /**
   * Appends entries and resolves when the new head is signed and durable. Before anything is written, each root in
   * `known` is compared as the tree passes its size; before it is signed, the new tree is proven to begin with the old.
   */
  async append(entries: readonly Buffer[], known: KnownRoots = new Map()): Promise<SignedHead> {
    assert(entries.length > 0, 'LEDGER_EMPTY_BATCH');
    const oldSize = this.current.size;
    for (const entry of entries) {
      this.add(entry);
      const root = known.get(this.tree.size);
      if (root !== undefined && !root.equals(this.tree.root()))
        throw differentTree(this.directory, `the checkpoint of size ${this.tree.size} in the database`);
    }
    await this.directory.writeAll(this.filesOf());
    const next = { origin: this.signer.name, size: this.tree.size, root: this.tree.root() };
    await this.proveGrowth(next);
    const note = signCheckpoint(next.size, next.root, this.signer);
    await this.directory.writeCheckpoint(note);
    this.current = next;
    for (const { level, index } of this.full) {
      // Only the first tile that this batch filled can have been partial at a head before.
      const before = tileWidth(level === 'entries' ? 0 : level, index, oldSize);
      if (before > 0) await this.directory.removePartials(level, index);
    }
    this.full = [];
    this.touched.clear();
    return { ...next, note };
  }

  private add(entry: Buffer): void {
    this.bundle.push(entry);
    if (this.bundle.length === TILE_WIDTH) {
      const index = Math.floor(this.tree.size / TILE_WIDTH);
      this.full.push({ level: 'entries', index, bytes: encodeBundle(this.bundle) });
      this.bundle = [];
    }
    this.tree.append(hashLeaf(entry));
  }

  private keep(nodeLevel: number, nodeIndex: number, hash: Buffer): void {
    if (nodeLevel % LEVELS_PER_TILE !== 0) return;
    const level = nodeLevel / LEVELS_PER_TILE;
    const tail = this.tails[level];
    assert(tail?.length === nodeIndex % TILE_WIDTH, 'LEDGER_TILE_ORDER');
    tail.push(hash);
    this.touched.add(level);
    if (tail.length < TILE_WIDTH) return;
    this.full.push({ level, index: Math.floor(nodeIndex / TILE_WIDTH), bytes: Buffer.concat(tail) });
    this.tails[level] = [];
  }

  /** Full tiles and bundles of this batch, and the partial ones that end in it. */
  private filesOf(): FileToWrite[] {
    const files = this.full.map(({ level, index, bytes }) => ({ path: tilePath(level, index), bytes }));
    const { size } = this.tree;
    if (this.bundle.length > 0) {
      const index = Math.floor(size / TILE_WIDTH);
      files.push({
        path: tilePath('entries', index, this.bundle.length),
        bytes: encodeBundle(this.bundle),
      });
    }
    for (const level of this.touched) {
      const tail = this.tails[level] ?? [];
      const index = Math.floor(size / TILE_WIDTH ** (level + 1));
      assert(tileWidth(level, index, size) === tail.length, 'LEDGER_TILE_WIDTH');
      if (tail.length > 0)
        files.push({ path: tilePath(level, index, tail.length), bytes: Buffer.concat(tail) });
    }
    return files;
  }

  /** Reads the new tiles back from the files: what is signed is what a reader will find. */
  private async proveGrowth(next: Checkpoint): Promise<void> {
    const { size: oldSize, root: oldRoot } = this.current;
    assert(next.size > oldSize, 'LEDGER_TREE_SHRANK');
    if (oldSize === 0) return; // the empty tree is the beginning of every tree
    const read = tileHashReader(next.size, (...tile) => this.directory.readTile(...tile));
    const proof = await proveConsistency(oldSize, next.size, read);
    if (!verifyConsistency({ oldSize, oldRoot, size: next.size, root: next.root, proof }))
      throw differentTree(this.directory, 'the tree that was to be signed next');
  }

  private async readTails(): Promise<void> {
    const { size } = this.current;
    for (let level = 0; level < MAX_TILE_LEVELS; level++) {
      const index = Math.floor(size / TILE_WIDTH ** (level + 1));
      const width = tileWidth(level, index, size);
      if (width === 0) continue;
      const tile = await this.directory.readTile(level, index, width);
      for (let at = 0; at < width; at++)
        this.tails[level]?.push(tile.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
      if (level > 0) continue;
      this.bundle = await this.directory.readBundle(index, width);
      const hashes = Buffer.concat(this.bundle.map((entry) => hashLeaf(entry)));
      if (!hashes.equals(tile)) throw differentTree(this.directory, tilePath('entries', index, width));
    }
  }
}

function differentTree(directory: LedgerDirectory, what: string): EngineError {
  return new EngineError(
    'misconfigured',
    'LEDGER_TREE_DISAGREES',
    `the tiles in ${directory.path} and ${what} are not the same tree. Nothing more is signed: run 'suture audit', which names what was changed, and restore that from a backup.`,
  );
}
