import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CsvPart, CsvReader } from './csv-reader.js';
import { type CsvColumn, type CsvSource, csvLimits, plainSource } from './csv-source.js';
import { isUnit, readUnit, readUnitHead } from './csv-unit.js';
import type { CsvReaderOptions } from './settle-file.js';
import { unitCells } from './unit-cells.js';

const column = (name: string, over: Partial<CsvColumn> = {}): CsvColumn => {
  return { name, headers: [], type: 'string', dates: [], required: 'no', width: undefined, ...over };
};
const labs: CsvSource = {
  ...plainSource,
  name: 'labs',
  nulls: ['', 'NULL', '-'],
  skip: ['TOTAL'],
  group: ['id'],
  patient: 'id',
  columns: [
    column('id', { headers: ['mrn'], required: 'cell' }),
    column('name'),
    column('born', { type: 'date', headers: ['dob'] }),
    column('result', { type: 'decimal', required: 'column' }),
    column('taken', { type: 'datetime' }),
  ],
};

function readAll(content: string | Buffer, options: CsvReaderOptions = { layouts: [labs] }, piece = 1 << 20) {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const reader = new CsvReader(options);
  const parts: CsvPart[] = [];
  for (let at = 0; at < bytes.length; at += piece) parts.push(...reader.push(bytes.subarray(at, at + piece)));
  parts.push(...reader.end());
  return { reader, parts, findings: reader.findings };
}

/** The cells of all units, by the columns of the layout. */
function cellsOf(parts: readonly CsvPart[], source = labs): string[][] {
  return parts.flatMap(({ raw }) => {
    const unit = readUnit(raw);
    return unit ? unitCells(unit, source).rows.map((row) => [...row]) : [];
  });
}

describe('what a file looks like is found out', () => {
  const text =
    'mrn,name,dob,result,taken\n1,"Müller, Zoë",12.04.1961,13.4,2024-03-05 08:15\n2,Åström,01.02.2001,5,\n';
  const rows = [
    ['1', 'Müller, Zoë', '19610412', '13.4', '202403050815'],
    ['2', 'Åström', '20010201', '5', ''],
  ];

  test.each([
    ['commas in UTF-8', Buffer.from(text)],
    ['a byte order mark', Buffer.from(`\uFEFF${text}`)],
    ['UTF-16, little end first, without a mark', Buffer.from(text, 'utf16le')],
    ['UTF-16, big end first, with a mark', Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
    ['windows-1252', Buffer.from(text, 'latin1')],
    ['tabs', Buffer.from(text.replaceAll(/,(?! )/g, '\t'))],
    ['pipes and CRLF', Buffer.from(text.replaceAll(/,(?! )/g, '|').replaceAll('\n', '\r\n'))],
    ['semicolons and decimal commas', Buffer.from(text.replaceAll(/,(?! )/g, ';').replace('13.4', '13,4'))],
    ['single quotes', Buffer.from(text.replaceAll('"', "'").replace('Åström', "'Åström'"))],
    ['no header', Buffer.from(text.slice(text.indexOf('\n') + 1))],
  ])('%s', (_, bytes) => {
    const { parts, findings } = readAll(bytes);
    expect(cellsOf(parts)).toEqual(rows);
    expect(findings?.unknown).toEqual([]);
  });

  test('and is told', () => {
    expect(readAll(text).findings).toEqual({
      layout: 'labs',
      encoding: 'utf-8',
      delimiter: ',',
      quote: '"',
      header: true,
      decimal: '.',
      dates: 'day-first',
      cells: 5,
      unknown: [],
      missing: [],
    });
  });

  test('a date that could be either stays as it is written, and the findings say so', () => {
    const { parts, findings } = readAll('id,born,result\n1,03/04/2024,5\n');
    expect(cellsOf(parts)[0]?.[2]).toBe('03/04/2024');
    expect(findings?.dates).toBe('unknown');
  });

  test('columns stand in any order; those that nobody knows stay behind, the second of a name too', () => {
    const { parts, findings } = readAll('result,Colour,ID,result\n5,red,1,6\n');
    expect(findings?.unknown).toEqual(['Colour', 'result 2']);
    expect(cellsOf(parts)).toEqual([['1', '', '', '5', '', 'red', '6']]);
  });

  test('columns of a fixed width, where lines are of that width', () => {
    const fixed: CsvSource = {
      ...labs,
      name: 'fixed',
      header: false,
      columns: labs.columns.map((one, at) => ({ ...one, width: [4, 10, 8, 6, 12][at] })),
    };
    const lines = ['1   Adler     19610412  13.4202403050815', '2   Weiss     20010201     5            '];
    const { parts, findings } = readAll(`${lines.join('\n')}\n`, { layouts: [labs, fixed] });
    expect(findings?.layout).toBe('fixed');
    expect(cellsOf(parts, fixed)).toEqual([
      ['1', 'Adler', '19610412', '13.4', '202403050815'],
      ['2', 'Weiss', '20010201', '5', ''],
    ]);
  });
});

describe('rows become units', () => {
  test('adjacent rows of one group are one unit, and each can be read alone', () => {
    const { parts, reader } = readAll('id,result\n1,5\n1,6\n2,7\n1,8\n');
    expect(parts.map(({ line, rows }) => [line, rows])).toEqual([
      [2, 2],
      [4, 1],
      [5, 1],
    ]);
    expect(parts.map(({ raw }) => readUnitHead(raw)?.patient)).toEqual(['1', '2', '1']);
    expect(reader).toMatchObject({ rows: 4, badRows: 0, units: 3 });
    const [first] = parts;
    expect(first?.raw.toString().split('\n').slice(1)).toEqual(['id,result', '1,5', '1,6', '']);
  });

  test('a unit keeps what only the whole file showed', () => {
    const { parts } = readAll('id;born;result\n1;03/04/2024;5,5\n2;13/04/2024;6\n');
    expect(cellsOf(parts.slice(0, 1))).toEqual([['1', '', '20240403', '5.5', '']]);
  });

  test('bytes are those of the file', () => {
    const row = Buffer.from('1;Müller;5\r\n', 'latin1');
    const { parts } = readAll(Buffer.concat([Buffer.from('id;name;result\r\n'), row]));
    expect(parts[0]?.raw.includes(row)).toBe(true);
  });

  test('comments, blank lines and totals are no rows', () => {
    const { reader } = readAll('# made by\nid,result\n\n1,5\nTOTAL,5\n');
    expect(reader).toMatchObject({ rows: 1, skipped: 2 });
  });

  test('a header that comes again is no row, and a first line sep=; says what divides cells', () => {
    const { parts, reader, findings } = readAll('sep=;\r\nid;result\r\n1;5,5\r\nid;result\r\n2;6,5\r\n');
    expect(cellsOf(parts)).toEqual([
      ['1', '', '', '5.5', ''],
      ['2', '', '', '6.5', ''],
    ]);
    expect(reader).toMatchObject({ rows: 2, skipped: 1, badRows: 0 });
    expect(findings?.delimiter).toBe(';');
    expect(parts.map(({ line }) => line)).toEqual([3, 5]);
  });

  test('a group that is too long becomes several units', () => {
    const rows = csvLimits.groupRows + 5;
    const { parts } = readAll(`id,result\n${'1,5\n'.repeat(rows)}`);
    expect(parts.map((part) => part.rows)).toEqual([csvLimits.groupRows, 5]);
  });
});

describe('a bad row is told with its line, and its bytes are kept', () => {
  test.each([
    ['1,5,6,7', 'CSV_CELLS'],
    ['1', 'CSV_CELLS'],
    ['NULL,5', 'CSV_REQUIRED_EMPTY'],
    ['1,"5', 'CSV_QUOTE_OPEN'],
  ])('%s', (row, code) => {
    const { parts } = readAll(`id,result\n1,5\n${row}\n2,6\n`);
    expect(parts.map(({ line, fault }) => [line, fault?.code])).toEqual([
      [2, undefined],
      [3, code],
      [4, undefined],
    ]);
    expect(parts[1]?.raw.toString()).toBe(`${row}\n`);
  });

  test('bytes of another encoding', () => {
    const text = Buffer.concat([
      Buffer.from('id,name,result\n1,Zoë,5\n2,Åsa,6\n3,'),
      Buffer.from([0xe5]),
      Buffer.from(',7\n'),
    ]);
    const { parts } = readAll(text);
    expect(parts.map(({ fault }) => fault?.code)).toEqual([undefined, undefined, 'CSV_ENCODING']);
  });

  test('empty cells behind the last column are no fault', () => {
    expect(readAll('id,result\n1,5,,\n').reader.badRows).toBe(0);
  });
});

describe('a file is refused', () => {
  test.each([
    ['that is empty', '\n\n', 'CSV_EMPTY'],
    ['that no layout is for', 'a,b\n1,2\n', 'CSV_LAYOUT_UNKNOWN'],
    ['of a million columns', `${'c,'.repeat(1_000_000)}\n`, 'CSV_EMPTY'],
  ])('%s', (_, text, code) => {
    expect(() => readAll(text)).toThrow(expect.objectContaining({ kind: 'rejected', code }));
  });

  test('of which its layout knows no column', () => {
    const free = { ...labs, columns: labs.columns.map((one) => ({ ...one, required: 'no' as const })) };
    for (const text of ['what\never\n', 'a,b\n1,2\n'])
      expect(() => readAll(text, { layout: free })).toThrow(
        expect.objectContaining({ code: 'CSV_LAYOUT_UNKNOWN' }),
      );
  });

  test('that lacks what its layout requires', () => {
    expect(() => readAll('id,name\n1,2\n', { layout: labs })).toThrow(
      expect.objectContaining({ code: 'CSV_COLUMNS_MISSING' }),
    );
  });

  test('unless somebody wants it all the same', () => {
    const { parts } = readAll('a,b\n1,2\n', { takesUnknown: true });
    expect(cellsOf(parts, plainSource)).toEqual([['1', '2']]);
  });
});

test('what the channel says goes before what the layout says, and stays with the unit', () => {
  const overrides = { delimiter: '^', nulls: ['none'], dates: ['yyyy.dd.MM'] };
  const { parts } = readAll('id^born^result\n1^2024.03.04^none\n', { layout: labs, overrides });
  expect(cellsOf(parts)).toEqual([['1', '', '20240403', '', '']]);
});

test('pieces of any size give the same units', () => {
  const text = Buffer.from('id,name,result\n1,"a\nb",5\n1,é,6\n2,"x\n3,c,7\n');
  const whole = readAll(text).parts;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), (piece) => {
      expect(readAll(text, { layouts: [labs] }, piece).parts).toEqual(whole);
    }),
    { seed: 15 },
  );
});

test('no bytes make it throw anything but a refusal, and every row is in a unit or told', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 64 }), (noise, piece) => {
      const bytes = Buffer.concat([Buffer.from('id,result\n1,5\n'), Buffer.from(noise)]);
      try {
        const { reader, parts } = readAll(bytes, { layouts: [labs] }, piece);
        const rows = parts.reduce((sum, part) => sum + part.rows, 0);
        expect(rows).toBe(reader.rows);
        for (const { raw, fault } of parts)
          expect(fault !== undefined || readUnit(raw) !== undefined).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ kind: 'rejected' });
      }
    }),
    { seed: 16, numRuns: 2_000 },
  );
});

test('bytes that only begin like a unit are none', () => {
  expect(readUnit(Buffer.from('#suture-rows {"layout"\n'))).toBeUndefined();
  expect(readUnit(Buffer.from('#suture-rows {}\na,b\n'))).toBeUndefined();
  expect(isUnit(Buffer.from('MSH|^~\\&|'))).toBe(false);
});

test('a file of 60 MB leaves nothing behind but what waits for the end of its group', () => {
  const reader = new CsvReader({ layouts: [labs] });
  const line = (n: number) => `${n},"Name, ${n}",1961-04-12,13.${n % 10},2024-03-05T08:15:00+01:00\n`;
  const piece = Buffer.from(Array.from({ length: 20_000 }, (_, n) => line(n)).join(''));
  reader.push(Buffer.from('id,name,born,result,taken\n'));
  global.gc?.();
  const before = process.memoryUsage().heapUsed;
  let rows = 0;
  for (let sent = 0; sent < 60_000_000; sent += piece.length)
    for (const part of reader.push(piece)) rows += part.rows;
  rows += reader.end().length;
  expect(rows).toBeGreaterThan(900_000);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000);
});

test('a row that is none before the header costs itself alone, and the header is the row behind it', () => {
  const { parts } = readAll('"open, and never closed\nmrn,name,result\n1,A,5\n2,B,6\n');
  expect(parts.map(({ line, fault }) => [line, fault?.code])).toEqual([
    [1, 'CSV_QUOTE_OPEN'],
    [3, undefined],
    [4, undefined],
  ]);
  expect(cellsOf(parts).map(([id, name]) => [id, name])).toEqual([
    ['1', 'A'],
    ['2', 'B'],
  ]);
});

test.each([
  ['a line end that is none', { lineEnd: '' }],
  ['a delimiter of no sign', { delimiter: '' }],
  ['a delimiter that is no text', { delimiter: 1 }],
  ['a quote of two signs', { quote: '""' }],
  ['columns of no width', { widths: [3, 0] }],
  ['an encoding that nobody knows', { encoding: 'x-none' }],
  ['comments without end', { comment: '#'.repeat(2_000) }],
])('bytes that only pretend to be a unit are none: %s', (_what, wrong) => {
  const { parts } = readAll('mrn,name,result\n1,A,5\n');
  const [head = '', ...rest] = (parts[0]?.raw.toString() ?? '').split('\n');
  const said = JSON.parse(head.slice(head.indexOf('{'))) as { dialect: object };
  const unit = (dialect: object) =>
    Buffer.from([`#suture-rows ${JSON.stringify({ ...said, dialect })}`, ...rest].join('\n'));
  expect(readUnit(unit(said.dialect))?.rows).toHaveLength(1);
  expect(readUnit(unit({ ...said.dialect, ...wrong }))).toBeUndefined();
});
