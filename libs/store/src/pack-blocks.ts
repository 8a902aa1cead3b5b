import { type Breath, formatPosition, type Position } from '#kernel';
import { deflateBlock } from './pack-bytes.js';

/** Plain bytes of a block: a reader of one resource inflates all of it. A single pack may be larger. */
const MAX_BLOCK_BYTES = 128 * 1024;

/** A pack that is to be stored. */
export interface PlainPack {
  readonly position: Position;
  /** Whose record it belongs to; null: nobody's, or not known. */
  readonly patient: bigint | null;
  readonly plain: Buffer;
}

/** How a pack is stored: where in a block it stands, and in which row the block. */
export interface FoldedPack {
  /** `seq` of the row that holds the block; that row is in the same lane and partition. */
  readonly block: number;
  /** Of the plain bytes, in the plain block. */
  readonly at: number;
  readonly length: number;
  /** The deflated block; empty when another row holds it. */
  readonly bytes: Buffer;
}

const NO_BYTES = Buffer.alloc(0);

/**
 * Deflates packs for storage, in their order. Packs of one patient in one partition share blocks: the messages of a stay
 * repeat most of what they say, and what they repeat is then stored once (a third of the CPU and less than half the bytes,
 * measured). What belongs to different patients, or to nobody in particular, never shares a block.
 */
export async function foldPacks(packs: readonly PlainPack[], breath: Breath): Promise<FoldedPack[]> {
  const folded: FoldedPack[] = [];
  for (const block of blocksOf(packs)) {
    const bytes = deflateBlock(block.map((index) => packs[index]?.plain ?? NO_BYTES));
    const first = packs[block[0] ?? 0]?.position.seq ?? 0;
    let at = 0;
    for (const [place, index] of block.entries()) {
      const length = packs[index]?.plain.length ?? 0;
      folded[index] = { block: first, at, length, bytes: place === 0 ? bytes : NO_BYTES };
      at += length;
    }
    await breath.take();
  }
  return folded;
}

/** Indexes of the packs of each block. */
function blocksOf(packs: readonly PlainPack[]): number[][] {
  const blocks: number[][] = [];
  const open = new Map<string, { indexes: number[]; bytes: number }>();
  for (const [index, { position, patient, plain }] of packs.entries()) {
    const owner =
      patient === null ? formatPosition(position) : `${position.lane}-${position.partition} ${patient}`;
    const block = open.get(owner);
    if (block !== undefined && block.bytes + plain.length <= MAX_BLOCK_BYTES) {
      block.indexes.push(index);
      block.bytes += plain.length;
    } else {
      const indexes = [index];
      blocks.push(indexes);
      open.set(owner, { indexes, bytes: plain.length });
    }
  }
  return blocks;
}
