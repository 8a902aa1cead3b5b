/** One unit of a file: what becomes one entry of the journal. */
export interface FileUnit {
  readonly raw: Buffer;
  /** Where it begins in the file, from 1. */
  readonly line: number;
  /** Why it can never pass, when the format knows that already: `raw` is kept for the operator. */
  readonly unfit?: string;
}

/** What is wrong with a file around its units; for people, without content. */
export interface FileFinding {
  readonly code: string;
  readonly line: number;
  readonly detail: string;
}

/**
 * How the bytes of a file become units. Keeps nothing between two files. Units come in order, each as soon as it is complete,
 * so that memory is bounded by the longest of them (`unitMaxBytes`), not by the file.
 */
export interface FileFormat {
  readonly name: string;
  /**
   * What a second unit with the same bytes is: the same `message` again, stored once however it comes; or another `row`, which
   * is the same only at the same place of the same file.
   */
  readonly equalUnits: 'message' | 'row';
  /** Whether a file that begins so is of this format, for channels that leave it open. */
  recognises(start: Buffer): boolean;
  /**
   * `pieces` are the bytes in order, some 256 KiB each, the first at least 4 KiB unless the file is shorter.
   * Throws `rejected` for a file that cannot be read on; what was given before stays. Never throws for one bad unit.
   */
  split(pieces: AsyncIterable<Buffer>, unitMaxBytes: number): AsyncIterable<FileUnit | FileFinding>;
}
