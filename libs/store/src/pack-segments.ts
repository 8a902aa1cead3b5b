import { assert } from '#kernel';

/** Resources that lie between two places where a reader can begin: it inflates so many for one. */
export const SEGMENT_LINES = 16;
/** First byte of a block in segments; other first bytes name the dictionary of a block in one piece. */
export const SEGMENTED = 2;
/** A pack of fewer resources is one piece: two segments would cost more than they save. */
const MIN_LINES = 2 * SEGMENT_LINES;
const NEWLINE = 0x0a;
const REPEAT_BYTE = 0x3d;
const OFFSET_BYTES = 4;
const BLOCK = 'p.block_bytes';
/** Beyond every block; an offset of a damaged one is cut to it, so that no sum of SQL overflows and fails the reads beside. */
const OFFSET_MASK = 2 ** 28 - 1;

/**
 * Cuts a plain pack after every `SEGMENT_LINES` lines; undefined when it is short, or has lines that stand for others. A
 * segment has no line feed at its end.
 */
export function segmentsOf(plain: Buffer): Buffer[] | undefined {
  const segments: Buffer[] = [];
  let [start, lines] = [0, 0];
  for (let at = 0; ; lines++) {
    if (plain[at] === REPEAT_BYTE) return undefined;
    const end = plain.indexOf(NEWLINE, at);
    if (end < 0) break;
    at = end + 1;
    if ((lines + 1) % SEGMENT_LINES > 0) continue;
    segments.push(plain.subarray(start, end));
    start = at;
  }
  segments.push(plain.subarray(start));
  return lines + 1 < MIN_LINES ? undefined : segments;
}

/**
 * Deflated segments as one block: the byte `SEGMENTED`, where each of them begins and where the last ends (big-endian
 * int4, from the block's start), then the segments.
 */
export function joinSegments(deflated: readonly Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(1 + OFFSET_BYTES * (deflated.length + 1));
  head[0] = SEGMENTED;
  let at = head.length;
  for (const [index, { length }] of deflated.entries()) {
    head.writeInt32BE(at, 1 + OFFSET_BYTES * index);
    at += length;
  }
  head.writeInt32BE(at, 1 + OFFSET_BYTES * deflated.length);
  assert(at <= OFFSET_MASK, 'PACK_TOO_LARGE');
  return Buffer.concat([head, ...deflated]);
}

/** The deflated segments of a block. Throws `bug` PACK_SEGMENTS_DAMAGED. */
export function splitSegments(block: Buffer): Buffer[] {
  const segments: Buffer[] = [];
  assert(block.length > 1 + 2 * OFFSET_BYTES, 'PACK_SEGMENTS_DAMAGED');
  const first = block.readInt32BE(1);
  assert(first > 0 && first < block.length, 'PACK_SEGMENTS_DAMAGED');
  let start = first;
  for (let at = 1 + OFFSET_BYTES; at < first; at += OFFSET_BYTES) {
    const end = block.readInt32BE(at);
    assert(end > start && end <= block.length, 'PACK_SEGMENTS_DAMAGED');
    segments.push(block.subarray(start, end));
    start = end;
  }
  assert(start === block.length, 'PACK_SEGMENTS_DAMAGED');
  return segments;
}

const offset = (segment: string) =>
  `(('x' || encode(substring(${BLOCK} FROM 2 + ${OFFSET_BYTES} * (${segment}) FOR ${OFFSET_BYTES}), 'hex'))::bit(32)::int & ${OFFSET_MASK})`;

/** SQL: whether the block of a row `p` of `folded_pack` is in segments. */
const IS_SEGMENTED = `substring(${BLOCK} FROM 1 FOR 1) = '\\x0${SEGMENTED}'::bytea`;

/**
 * SQL columns `in_segment` and `folded` of a row `p` of `folded_pack`: the deflated segment that holds line `line`, of which
 * no more is read from disk, or the pack as `PackUnfolder` wants it.
 */
export function packPartColumns(line: string): string {
  const segment = `${line} / ${SEGMENT_LINES}`;
  return `${IS_SEGMENTED} AS in_segment, CASE WHEN ${IS_SEGMENTED}
    THEN substring(${BLOCK} FROM ${offset(segment)} + 1 FOR GREATEST(0, ${offset(`${segment} + 1`)} - ${offset(segment)}))
    ELSE p.place || ${BLOCK} END AS folded`;
}
