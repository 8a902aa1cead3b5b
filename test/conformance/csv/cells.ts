import { TextDecoder } from 'node:util';
import { parse } from 'csv-parse/sync';
import type { ConvertedFile } from '#mapping';

/**
 * The valued cells of the good rows of a file, counted by another reader of CSV; undefined where a row is none for that
 * reader: then it reads none of those behind it either.
 */
export function cellsOf(
  bytes: Buffer,
  { rows }: ConvertedFile,
  nulls: readonly string[],
): number | undefined {
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
  const empty = new Set(['', ...nulls]);
  return records
    .slice(findings.header ? 1 : 0)
    .filter((cells) => cells.length === findings.cells && cells[0] !== 'TOTAL')
    .reduce((sum, cells) => sum + cells.filter((cell) => !empty.has(cell.trim())).length, 0);
}
