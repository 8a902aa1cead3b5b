import { foldNodes, type HashReader, nodesOfRange, splitPoint } from './tree-nodes.js';

type LeafRange = readonly [first: number, end: number];

/** RFC 6962 section 2.1.1: the path from leaf `index` to the root of the tree of `size` leaves, leaf side first. */
export function proveInclusion(index: number, size: number, read: HashReader): Promise<Buffer[]> {
  if (!(Number.isSafeInteger(size) && Number.isSafeInteger(index) && index >= 0 && index < size))
    throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const siblings: LeafRange[] = [];
  let first = 0;
  let end = size;
  while (end - first > 1) {
    const middle = first + splitPoint(end - first);
    if (index < middle) {
      siblings.push([middle, end]);
      end = middle;
    } else {
      siblings.push([first, middle]);
      first = middle;
    }
  }
  return hashesOf(siblings.reverse(), read);
}

/** RFC 6962 section 2.1.2: proof that the tree of `oldSize` leaves (at least 1) is a prefix of the one of `size`. */
export function proveConsistency(oldSize: number, size: number, read: HashReader): Promise<Buffer[]> {
  if (!(Number.isSafeInteger(size) && Number.isSafeInteger(oldSize) && oldSize >= 1 && oldSize <= size))
    throw new RangeError(`no consistency proof from ${oldSize} to ${size}`);
  const parts: LeafRange[] = [];
  let first = 0;
  let end = size;
  while (end !== oldSize) {
    const middle = first + splitPoint(end - first);
    if (oldSize <= middle) {
      parts.push([middle, end]);
      end = middle;
    } else {
      parts.push([first, middle]);
      first = middle;
    }
  }
  // The verifier knows the old root already when the old tree is one complete subtree of the new one.
  if (first > 0) parts.push([first, end]);
  return hashesOf(parts.reverse(), read);
}

async function hashesOf(ranges: readonly LeafRange[], read: HashReader): Promise<Buffer[]> {
  const nodes = ranges.map(([first, end]) => nodesOfRange(first, end));
  const hashes = await read(nodes.flat());
  let next = 0;
  return nodes.map(({ length }) => {
    next += length;
    return foldNodes(hashes.slice(next - length, next));
  });
}
