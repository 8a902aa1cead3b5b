/** Where something stands in a file, from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
  /** Undefined: the file at hand. A rule that a layer gave to a map stands in another file than the map. */
  readonly file?: string | undefined;
}
