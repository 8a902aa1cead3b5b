/** What a code becomes. */
export interface TableRow {
  readonly to: string;
  readonly toSystem: string;
  readonly display: string;
  readonly line: number;
}

/**
 * What becomes of a code without a row, said by the row whose `from` is `*`:
 * a target code; `(keep)` the source code itself; `(none)` nothing, the value stays unmapped; `(refuse)` nothing, and
 * a resource that needs the element is refused, alone.
 */
export type TableElse =
  | { readonly kind: 'row'; readonly row: TableRow }
  | { readonly kind: 'keep'; readonly toSystem: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'refuse' };

/** `code` is what was asked for. */
export type RowWatcher = (table: CodeTable, row: TableRow, code: string) => void;

let watch: RowWatcher | undefined;

/** From now on `watcher` is told of every row that is taken; answers the one before. Mapping is synchronous: put it back. */
export function watchRows(watcher: RowWatcher | undefined): RowWatcher | undefined {
  const before = watch;
  watch = watcher;
  return before;
}

/** A row was taken without asking the table again. */
export function rowUsed(table: CodeTable, row: TableRow, code: string): void {
  watch?.(table, row, code);
}

/** A code table: source codes to standard codes. Codes are compared as they are, then in upper case. */
export class CodeTable {
  readonly #rows: ReadonlyMap<string, TableRow>;

  constructor(
    readonly name: string,
    readonly file: string,
    rows: ReadonlyMap<string, TableRow>,
    readonly otherwise: TableElse,
  ) {
    this.#rows = rows;
  }

  get rows(): IterableIterator<readonly [string, TableRow]> {
    return this.#rows.entries();
  }

  /** The row of `code`; undefined when only the else row can answer. */
  row(code: string): TableRow | undefined {
    const row = this.#rows.get(code) ?? this.#rows.get(code.toUpperCase());
    if (watch !== undefined && row !== undefined) watch(this, row, code);
    return row;
  }

  /** The target of `code`, the else row included; undefined when there is none. */
  find(code: string): TableRow | undefined {
    const row = this.row(code);
    if (row) return row;
    switch (this.otherwise.kind) {
      case 'row':
        if (watch !== undefined) watch(this, this.otherwise.row, code);
        return this.otherwise.row;
      case 'keep':
        return { to: code, toSystem: this.otherwise.toSystem, display: '', line: 0 };
      case 'none':
      case 'refuse':
        return undefined;
    }
  }
}
