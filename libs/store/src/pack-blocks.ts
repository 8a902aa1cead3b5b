import { type Breath, formatPosition, type Position } from '#kernel';
import { BlockText, deflateBlock, type PackLine } from './pack-bytes.js';

/** A block that holds so many bytes takes no further pack: a reader of one resource inflates all of it. */
const FULL_BLOCK_BYTES = 96 * 1024;

/** What decides where a pack goes, and what it holds. */
export interface PlainPack {
  readonly position: Position;
  /** Whose record it belongs to; null: nobody's, or not known. */
  readonly patient: bigint | null;
  /** Its resources. */
  readonly lines: readonly PackLine[];
}

/** How a pack is stored: where in a block it stands, and in which row the block. */
export interface FoldedPack {
  /** `seq` of the row that holds the block; that row is in the same lane and partition. */
  readonly block: number;
  /** Where it begins in the inflated block, and how many bytes of that are its own. */
  readonly at: number;
  readonly length: number;
  /** The deflated block; empty when another row holds it. */
  readonly bytes: Buffer;
}

const NO_BYTES = Buffer.alloc(0);

/**
 * Deflates packs for storage, in their order. Packs of one patient in one partition share blocks: the messages of a stay
 * repeat most of what they say, and what they repeat is then stored once (a fraction of the CPU and of the bytes, measured).
 * What belongs to different patients, or to nobody in particular, never shares a block.
 */
export async function foldPacks(packs: readonly PlainPack[], breath: Breath): Promise<FoldedPack[]> {
  const folded: FoldedPack[] = [];
  for (const { indexes, encoded } of blocksOf(packs)) {
    const bytes = deflateBlock(encoded);
    const block = packs[indexes[0] ?? 0]?.position.seq ?? 0;
    let at = 0;
    for (const [place, index] of indexes.entries()) {
      const length = encoded[place]?.length ?? 0;
      folded[index] = { block, at, length, bytes: place === 0 ? bytes : NO_BYTES };
      at += length + 1;
    }
    await breath.take();
  }
  return folded;
}

interface Block {
  /** Of its packs. */
  readonly indexes: number[];
  readonly encoded: Buffer[];
  readonly text: BlockText;
  bytes: number;
}

function blocksOf(packs: readonly PlainPack[]): Block[] {
  const blocks: Block[] = [];
  const open = new Map<string, Block>();
  for (const [index, { position, patient, lines }] of packs.entries()) {
    const owner =
      patient === null ? formatPosition(position) : `${position.lane}-${position.partition} ${patient}`;
    let block = open.get(owner);
    if (block === undefined || block.bytes >= FULL_BLOCK_BYTES) {
      block = { indexes: [], encoded: [], text: new BlockText(), bytes: 0 };
      blocks.push(block);
      open.set(owner, block);
    }
    const encoded = block.text.encode(lines);
    block.indexes.push(index);
    block.encoded.push(encoded);
    block.bytes += encoded.length;
  }
  return blocks;
}
