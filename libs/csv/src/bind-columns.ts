import type { CsvSource } from './csv-source.js';

/** Which column of a layout each cell of a row is. */
export interface ColumnBinding {
  /** By cell: the place of its column in the layout, or -1. */
  readonly columns: readonly number[];
  /** Names of cells that the layout does not know, as the file has them; without a header by number: `column_12`. */
  readonly unknown: readonly string[];
  /** Names of the layout's columns that the file lacks. */
  readonly missing: readonly string[];
}

/** A name as headers are compared: without upper case, accents of signs, blanks. `Patient ID` is `patient_id`. */
export function plainName(header: string): string {
  return header
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');
}

const spellings = new WeakMap<CsvSource, ReadonlyMap<string, number>>();

function spellingsOf(source: CsvSource): ReadonlyMap<string, number> {
  let names = spellings.get(source);
  if (!names) {
    const all = new Map<string, number>();
    // What a column is called goes before what another one may be called.
    source.columns.forEach(({ name }, at) => all.set(plainName(name), at));
    source.columns.forEach(({ headers }, at) => {
      for (const header of headers) if (!all.has(plainName(header))) all.set(plainName(header), at);
    });
    names = all;
    spellings.set(source, names);
  }
  return names;
}

/** The second `Code` of a header is `Code 2`: a layout may know it by that, and it is no first one. */
export function numberedNames(header: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return header.map((cell, at) => {
    const name = cell.trim() === '' ? `column_${at + 1}` : cell.trim();
    const count = (seen.get(plainName(name)) ?? 0) + 1;
    seen.set(plainName(name), count);
    return count === 1 ? name : `${name} ${count}`;
  });
}

/** Finds the columns of a layout in a header; the first cell of a name has it. */
export function bindHeader(header: readonly string[], source: CsvSource): ColumnBinding {
  const names = spellingsOf(source);
  const taken = new Set<number>();
  const unknown: string[] = [];
  const columns = numberedNames(header).map((name) => {
    const at = names.get(plainName(name)) ?? -1;
    if (at >= 0 && !taken.has(at)) {
      taken.add(at);
      return at;
    }
    unknown.push(name);
    return -1;
  });
  return { columns, unknown, missing: missing(source, taken) };
}

/** The columns of a file without a header: those of the layout, in its order. */
export function bindPlaces(cells: number, source: CsvSource): ColumnBinding {
  const columns = Array.from({ length: cells }, (_, at) => (at < source.columns.length ? at : -1));
  const unknown = columns.flatMap((column, at) => (column < 0 ? [`column_${at + 1}`] : []));
  return { columns, unknown, missing: missing(source, new Set(columns)) };
}

function missing({ columns }: CsvSource, taken: ReadonlySet<number>): string[] {
  return columns.flatMap(({ name }, at) => (taken.has(at) ? [] : [name]));
}

/** Columns that a file of this layout cannot be without, and that are missing. */
export function missingRequired(binding: ColumnBinding, { columns }: CsvSource): string[] {
  return binding.missing.filter((name) =>
    columns.some((column) => column.name === name && column.required !== 'no'),
  );
}
