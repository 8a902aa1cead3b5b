/** What a document may be at most. A C-CDA of a long hospital stay has some 20 MB, 300,000 elements and depth 40. */
export const documentLimits = {
  /** Bytes. */
  size: 64 * 1024 * 1024,
  depth: 256,
  elements: 1_000_000,
  /** Of one element. */
  attributes: 256,
  /** Of all elements together. */
  allAttributes: 3_000_000,
} as const;
