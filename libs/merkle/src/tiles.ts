import { HASH_BYTES } from './hash.js';
import { foldNodes, type HashReader, type NodeId } from './tree-nodes.js';

/** Hashes in a full tile, entries in a full bundle (C2SP tlog-tiles): subtrees of height 8. */
export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;
const MAX_ENTRY_BYTES = 0xffff;
const LENGTH_BYTES = 2;

/**
 * Path of a tile below the log's prefix, with slashes: 'tile/0/x001/x234/067', 'tile/entries/000.p/8' (C2SP tlog-tiles,
 * section Merkle Tree). `width` below 256 names the partial tile of that width.
 */
export function tilePath(level: number | 'entries', index: number, width: number = TILE_WIDTH): string {
  let path = threeDigits(index % 1000);
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000))
    path = `x${threeDigits(rest % 1000)}/${path}`;
  return `tile/${level}/${path}${width < TILE_WIDTH ? `.p/${width}` : ''}`;
}

function threeDigits(value: number): string {
  return String(value).padStart(3, '0');
}

/** How many hashes the tile holds in a tree of `size` leaves: 0 if it does not exist yet, 256 if it is full. */
export function tileWidth(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/**
 * Entries as C2SP tlog-tiles bundles them: each behind its length, a big-endian uint16. Throws a RangeError for an entry
 * above 65,535 bytes.
 */
export function encodeBundle(entries: readonly Buffer[]): Buffer {
  let length = 0;
  for (const entry of entries) length += LENGTH_BYTES + entry.length;
  const bundle = Buffer.allocUnsafe(length);
  let offset = 0;
  for (const entry of entries) {
    if (entry.length > MAX_ENTRY_BYTES) throw new RangeError(`an entry of ${entry.length} bytes`);
    offset = bundle.writeUInt16BE(entry.length, offset);
    offset += entry.copy(bundle, offset);
  }
  return bundle;
}

/** The entries of a bundle, as views into it; undefined when the bytes are no bundle. */
export function decodeBundle(bundle: Buffer): Buffer[] | undefined {
  const entries: Buffer[] = [];
  let offset = 0;
  while (offset < bundle.length) {
    if (offset + LENGTH_BYTES > bundle.length) return undefined;
    const start = offset + LENGTH_BYTES;
    offset = start + bundle.readUInt16BE(offset);
    if (offset > bundle.length) return undefined;
    entries.push(bundle.subarray(start, offset));
  }
  return entries;
}

/** Reads the hashes of a tile: at least `width` of them, one after the other. Rejects when it has fewer. */
export type TileReader = (level: number, index: number, width: number) => Promise<Buffer>;

/** Finds the hashes of any complete subtree of a tree of `size` leaves in its tiles; reads each tile once per call. */
export function tileHashReader(size: number, readTile: TileReader): HashReader {
  return async (nodes) => {
    const tiles = new Map<string, Promise<Buffer>>();
    const hashes = nodes.map(async (node) => {
      const { level, index, first, count } = placeInTile(node);
      const key = `${level}/${index}`;
      const tile = tiles.get(key) ?? readTile(level, index, tileWidth(level, index, size));
      tiles.set(key, tile);
      return foldTile(await tile, first, count);
    });
    return Promise.all(hashes);
  };
}

/** Which hashes of which tile make up the subtree: a tile holds every eighth level of the tree. */
function placeInTile(node: NodeId): { level: number; index: number; first: number; count: number } {
  const level = Math.floor(node.level / TILE_HEIGHT);
  const count = 2 ** (node.level % TILE_HEIGHT);
  const first = node.index * count;
  return { level, index: Math.floor(first / TILE_WIDTH), first: first % TILE_WIDTH, count };
}

function foldTile(tile: Buffer, first: number, count: number): Buffer {
  if (tile.length < (first + count) * HASH_BYTES) throw new RangeError('a tile is shorter than its tree');
  if (count === 1) return Buffer.from(tile.subarray(first * HASH_BYTES, (first + 1) * HASH_BYTES));
  const half = count / 2;
  return foldNodes([foldTile(tile, first, half), foldTile(tile, first + half, half)]);
}
