import type { Problems } from '../language/problems.js';
import { CodeTable, type TableElse, type TableRow } from './code-table.js';

const header = ['from', 'system', 'to', 'toSystem', 'display', 'note'];
const rowsMax = 200_000;

/** Reads a code table: CSV (RFC 4180) with the columns from,system,to,toSystem,display,note. */
export function readTable(name: string, text: string, problems: Problems): CodeTable | undefined {
  const records = csvRecords(text);
  const first = records.shift();
  if (first?.cells.join(',') !== header.join(',')) {
    problems.add(at(1), 'TABLE_HEADER', 'the first line names the columns', `write: ${header.join(',')}`);
    return undefined;
  }
  const rows = new Map<string, TableRow>();
  let otherwise: TableElse | undefined;
  for (const { cells, line } of records.slice(0, rowsMax)) {
    const [from = '', , to = '', toSystem = '', display = ''] = cells;
    if (cells.length !== header.length) {
      problems.add(
        at(line),
        'TABLE_COLUMNS',
        `a row has ${header.length} columns, not ${cells.length}`,
        'add or remove commas; quote cells that hold one',
      );
      continue;
    }
    if (from === '*') {
      otherwise = readElse({ to, toSystem, display, line });
      continue;
    }
    const key = rows.has(from) || from === '' ? undefined : from;
    if (key === undefined)
      problems.add(
        at(line),
        'TABLE_DUPLICATE',
        from === '' ? 'a row has no source code' : 'the source code has a row already',
        'keep one row per source code',
      );
    else rows.set(key, { to, toSystem, display, line });
  }
  if (!otherwise) {
    problems.add(
      at(1),
      'TABLE_WITHOUT_ELSE',
      `table ${name} does not say what happens to other codes`,
      "add a row whose 'from' is *, with a code, (keep), (none) or (refuse) under 'to'",
    );
    return undefined;
  }
  for (const [from, row] of [...rows]) {
    const upper = from.toUpperCase();
    if (!rows.has(upper)) rows.set(upper, row);
  }
  return new CodeTable(name, problems.file, rows, otherwise);
}

function readElse(row: TableRow): TableElse {
  switch (row.to) {
    case '(keep)':
      return { kind: 'keep', toSystem: row.toSystem };
    case '(none)':
      return { kind: 'none' };
    case '(refuse)':
      return { kind: 'refuse' };
    default:
      return { kind: 'row', row };
  }
}

function at(line: number): { line: number; column: number } {
  return { line, column: 1 };
}

interface CsvRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

/** RFC 4180: quoted cells may hold commas, line ends and doubled quotes. Empty lines and lines from # on are skipped. */
function csvRecords(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  let line = 1;
  let startLine = 1;
  const endRecord = (): void => {
    cells.push(cell);
    const isEmpty = cells.length === 1 && (cells[0] === '' || cells[0]?.startsWith('#') === true);
    if (!isEmpty) records.push({ cells, line: startLine });
    cells = [];
    cell = '';
  };
  for (let i = text.startsWith('\uFEFF') ? 1 : 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '\n') line++;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text.charAt(i + 1) === '"') {
        cell += '"';
        i++;
      } else quoted = false;
    } else if (c === '"' && cell === '') quoted = true;
    else if (c === ',') {
      cells.push(cell);
      cell = '';
    } else if (c === '\n') {
      endRecord();
      startLine = line;
    } else if (c !== '\r') cell += c;
  }
  if (cell !== '' || cells.length > 0) endRecord();
  return records;
}
