import { describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { csvLimits } from './csv-source.js';
import { type CutRow, RowCutter, type RowSigns } from './row-cutter.js';

const comma: RowSigns = { delimiter: ',', quote: '"', lineEnd: '\n', comment: '#', widths: undefined };

function cut(text: string, signs: Partial<RowSigns> = {}, piece = text.length || 1): CutRow[] {
  const cutter = new RowCutter({ ...comma, ...signs });
  const rows: CutRow[] = [];
  for (let at = 0; at < text.length; at += piece) rows.push(...cutter.push(text.slice(at, at + piece)));
  return [...rows, ...cutter.end()];
}

const cells = (text: string, signs: Partial<RowSigns> = {}) =>
  cut(text, signs).map((row) => row.cells ?? row.fault?.code);

describe('rows are cut as RFC 4180 has them', () => {
  test('quotes hold delimiters, line ends and doubled quotes', () => {
    expect(cells('a,"b, c","d ""e""","f\ng"\r\nh,,\n')).toEqual([
      ['a', 'b, c', 'd "e"', 'f\ng'],
      ['h', '', ''],
    ]);
  });

  test('a row knows the line it begins in, whatever the rows before it held', () => {
    expect(cut('#c\n\na,"x\ny"\nb,c\n').map(({ line }) => line)).toEqual([3, 5]);
  });

  test('the last line needs no end, CR alone may end lines, blanks around quotes do not count', () => {
    expect(cells('a,b\nc, "d" ')).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(cells('a,b\rc,d\r', { lineEnd: '\r' })).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  test('columns of a fixed width; what stands behind the last one is a cell too', () => {
    expect(cells('ab 12\ncde34x\n', { widths: [3, 2] })).toEqual([
      ['ab', '12'],
      ['cde', '34', 'x'],
    ]);
  });
});

describe('a row that is none costs itself alone', () => {
  test('a quote that is never closed', () => {
    expect(cells('a,b\n1,"x\n2,y\n3,z\n')).toEqual([['a', 'b'], 'CSV_QUOTE_OPEN', ['2', 'y'], ['3', 'z']]);
  });

  test('text behind a closing quote', () => {
    expect(cells('1,"x" y\n2,z\n')).toEqual(['CSV_QUOTE_STRAY', ['2', 'z']]);
  });

  test('a line longer than a row may be, of which only the beginning is kept', () => {
    const rows = cut(`1,${'x'.repeat(csvLimits.rowLength + 10)}\n2,y\n`, {}, 64 * 1024);
    expect(rows.map((row) => row.cells ?? row.fault?.code)).toEqual(['CSV_ROW_TOO_LONG', ['2', 'y']]);
    expect(rows.map(({ line }) => line)).toEqual([1, 2]);
    expect(rows[0]?.text.length).toBe(csvLimits.keptBytes);
  });

  test('a million columns', () => {
    expect(cells(`${','.repeat(1_000_000)}\n2,y\n`)).toEqual(['CSV_COLUMNS_TOO_MANY', ['2', 'y']]);
  });
});

test('a file of opening quotes is cut in time that is linear in it', () => {
  const timed = (rows: number): number => {
    const text = '1,"\n'.repeat(rows);
    const startedMs = performance.now();
    cut(text, {}, 64 * 1024);
    return performance.now() - startedMs;
  };
  timed(20_000);
  const small = timed(100_000);
  expect(timed(800_000)).toBeLessThan(8 * 4 * small + 500);
});

const cell = fc.string({ unit: fc.constantFrom('a', 'b', ',', '"', '\n', ' ', 'é', ';'), maxLength: 8 });
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

test('what was written is read again, in pieces of any size', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 9 }),
      (rows, piece) => {
        const text = rows.map((row) => `${row.map(quoted).join(',')}\n`).join('');
        expect(cut(text, { comment: '' }, piece).map((row) => row.cells)).toEqual(rows);
      },
    ),
    { seed: 11, numRuns: 500 },
  );
});

test('every character of a text is in one row, a comment or a blank line, and no input makes it throw', () => {
  const noise = fc.string({
    unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', '\u0000', '#'),
    maxLength: 60,
  });
  fc.assert(
    fc.property(noise, fc.integer({ min: 1, max: 9 }), (text, piece) => {
      const rows = cut(text, {}, piece);
      const whole = rows.map((row) => row.text).join('');
      const blank = text.length - whole.length;
      expect(blank).toBeGreaterThanOrEqual(0);
      expect(rows.map(({ line }) => line)).toEqual(rows.map(({ line }) => line).toSorted((a, b) => a - b));
      expect(cut(text, {}, text.length || 1)).toEqual(rows);
    }),
    { seed: 12, numRuns: 2_000 },
  );
});

test('another reader of CSV finds the same cells where it finds any', () => {
  const line = fc.array(fc.oneof(fc.stringMatching(/^[ab;]{0,4}$/), cell.map(quoted)), {
    minLength: 2,
    maxLength: 4,
  });
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), (rows) => {
      const text = rows.map((row) => `${row.join(',')}\n`).join('');
      const theirs = parse(text, { relax_column_count: true, skip_empty_lines: true }) as string[][];
      expect(cut(text, { comment: '' }).map((row) => row.cells)).toEqual(theirs);
    }),
    { seed: 13, numRuns: 1_000 },
  );
});
