/**
 * Where a message stands in the journal: its key everywhere.
 * `lane` is one writer, `partition` an ordered share of it, `seq` counts from 1 without gaps in (lane, partition).
 */
export interface Position {
  readonly lane: number;
  readonly partition: number;
  readonly seq: number;
}

/** `lane-partition-seq`, the form in which people and URLs name a journal position. */
export function formatPosition({ lane, partition, seq }: Position): string {
  return `${lane}-${partition}-${seq}`;
}

/** The inverse of `formatPosition`; undefined when `text` is no position. */
export function parsePosition(text: string): Position | undefined {
  const match = /^(\d{1,5})-(\d{1,5})-(\d{1,15})$/.exec(text);
  if (!match) return undefined;
  return { lane: Number(match[1]), partition: Number(match[2]), seq: Number(match[3]) };
}
