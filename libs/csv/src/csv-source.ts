export const columnTypes = [
  'string',
  'integer',
  'decimal',
  'date',
  'datetime',
  'time',
  'boolean',
  'code',
] as const;
export type ColumnType = (typeof columnTypes)[number];

export interface CsvColumn {
  /** What rules call it: a plain word. */
  readonly name: string;
  /** Other spellings of it in headers. Upper case, blanks and signs do not count. */
  readonly headers: readonly string[];
  readonly type: ColumnType;
  /** How dates of this column are written; empty: as those of the file. */
  readonly dates: readonly string[];
  /** A file without the column is not of this layout; `cell`: nor is a row without a value in it taken. */
  readonly required: 'no' | 'column' | 'cell';
  /** Characters, where columns have a fixed width. */
  readonly width: number | undefined;
}

/** What a file of rows looks like, as far as its owner says; `auto` is found out from the first 64 KiB, and reported. */
export interface CsvSource {
  /** Of the map that is for such files. */
  readonly name: string;
  /** One character, or `auto`: comma, semicolon, tab or pipe. */
  readonly delimiter: string;
  /** One character, `none`, or `auto`: `"`, else `'`. */
  readonly quote: string;
  /** A label of the WHATWG encoding standard, or `auto`: a mark, UTF-16, UTF-8 where it is valid, else windows-1252. */
  readonly encoding: string;
  readonly header: boolean | 'auto';
  readonly decimal: '.' | ',' | 'auto';
  /** How dates are written, in the signs of Unicode (`dd.MM.yyyy HH:mm`), or `excel` for serial numbers; empty: found out. */
  readonly dates: readonly string[];
  /** Of moments that name no zone: an IANA name or an offset; undefined: that of the channel. */
  readonly zone: string | undefined;
  /** Cells that say that there is nothing. */
  readonly nulls: readonly string[];
  /** Lines that begin so are no rows; '' for none. */
  readonly comment: string;
  /** Rows whose first cell is one of these words are no data: TOTAL. */
  readonly skip: readonly string[];
  /** Lines before the header. */
  readonly skipLines: number;
  /** Adjacent rows that are equal in these columns are one message; empty: every row is one. */
  readonly group: readonly string[];
  /** The column that says whom a row is about: what is said of one patient stays in order. */
  readonly patient: string | undefined;
  /** In the order of the file where it has no header. */
  readonly columns: readonly CsvColumn[];
}

/** What a channel says of its files, before what the layout says. */
export type CsvOverrides = Partial<
  Pick<
    CsvSource,
    | 'delimiter'
    | 'quote'
    | 'encoding'
    | 'header'
    | 'decimal'
    | 'dates'
    | 'zone'
    | 'nulls'
    | 'comment'
    | 'skip'
    | 'skipLines'
  >
>;

/** A layout of which nothing is known but that it has rows. */
export const plainSource: CsvSource = {
  name: '',
  delimiter: 'auto',
  quote: 'auto',
  encoding: 'auto',
  header: 'auto',
  decimal: 'auto',
  dates: [],
  zone: undefined,
  nulls: [''],
  comment: '#',
  skip: [],
  skipLines: 0,
  group: [],
  patient: undefined,
  columns: [],
};

/** Whether columns are cut by their width. */
export function isFixedWidth({ columns }: Pick<CsvSource, 'columns'>): boolean {
  return columns.length > 0 && columns.every(({ width }) => width !== undefined);
}

/** Bounds of what one file may ask of memory; beyond them a row, or the file, is refused. */
export const csvLimits = {
  /** Of the start of a file that `auto` looks at, in bytes. */
  sampleBytes: 64 * 1024,
  /** Rows of it. */
  sampleRows: 200,
  /** Of one row, in characters of the file. */
  rowLength: 1024 * 1024,
  /** Of one cell, in characters. */
  fieldLength: 256 * 1024,
  columns: 4_096,
  /** A longer group becomes several messages. */
  groupRows: 10_000,
  groupLength: 4 * 1024 * 1024,
  /** Of the bytes of a refused row that are handed out; the file has all of them. */
  keptBytes: 64 * 1024,
} as const;
