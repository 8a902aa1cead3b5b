import { TextDecoder } from 'node:util';
import { parse } from 'csv-parse/sync';
import type { ConvertedFile } from '#mapping';

/** What another reader of CSV finds in a file. */
export interface ReadCells {
  /** Numbers of the columns where the file names none. */
  readonly header: readonly string[];
  /** Rows that have as many cells as the header and are no sum of others. */
  readonly rows: readonly (readonly string[])[];
}

/** The good rows of a file as csv-parse reads them; undefined where it finds one that is no row: then it reads none behind it either. */
export function cellsOf(bytes: Buffer, { rows }: ConvertedFile): ReadCells | undefined {
  const findings = rows?.findings;
  if (!findings) return undefined;
  const text = new TextDecoder(findings.encoding).decode(bytes);
  let records: string[][];
  try {
    records = parse(text, {
      delimiter: findings.delimiter,
      comment: '#',
      comment_no_infix: true,
      relax_column_count: true,
      skip_empty_lines: true,
      record_delimiter: ['\r\n', '\n'],
    }) as string[][];
  } catch {
    // Its author stops at a quote that is never closed.
    return undefined;
  }
  const numbers = Array.from({ length: findings.cells }, (_, index) => `column ${index + 1}`);
  const [header = numbers] = findings.header ? records : [];
  return {
    header,
    rows: records
      .slice(findings.header ? 1 : 0)
      .filter((cells) => cells.length === findings.cells && cells[0] !== 'TOTAL'),
  };
}

/** How many cells say something. */
export function valuedCells({ rows }: ReadCells, nulls: readonly string[]): number {
  const empty = new Set(['', ...nulls]);
  return rows.reduce((sum, cells) => sum + cells.filter((cell) => !empty.has(cell.trim())).length, 0);
}
