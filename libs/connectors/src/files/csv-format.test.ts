import { expect, test } from '@jest/globals';
import type { FileFinding, FileUnit } from '#channel';
import { type CsvSource, plainSource } from '#csv';
import { csvFormat } from './csv-format.js';
import { piecesOf } from './file-pieces.js';

const column = { headers: [], type: 'string', dates: [], width: undefined } as const;
const layout: CsvSource = {
  ...plainSource,
  name: 'csv.labs',
  columns: [
    { ...column, name: 'id', required: 'cell' },
    { ...column, name: 'result', required: 'column' },
  ],
};

async function split(text: string, unitMaxBytes = 1_000): Promise<(FileUnit | FileFinding)[]> {
  const buffer = Buffer.from(text);
  const found: (FileUnit | FileFinding)[] = [];
  for await (const one of csvFormat([layout], {}).split(
    piecesOf({ buffer, size: buffer.length }),
    unitMaxBytes,
  ))
    found.push(one);
  return found;
}

test('a row is a unit, a bad row one that is refused with its line and its bytes; the report counts them', async () => {
  const found = await split('id,result,colour\n1,5,red\n2\n,6,red\n3,7,red\n');
  expect(found.map((one) => ('raw' in one ? [one.line, one.unfit] : [one.code, one.detail]))).toEqual([
    [2, undefined],
    [3, 'CSV_CELLS: the row has 1 cells, not 3 (line 3)'],
    [4, 'CSV_REQUIRED_EMPTY: the row has no id (line 4)'],
    [5, undefined],
    [
      'CSV_READ',
      '4 rows: 2 in 2 messages, 2 bad; 0 lines are no rows; csv.labs, utf-8, delimiter comma, with header, decimal ., dates certain',
    ],
    ['CSV_COLUMNS_UNKNOWN', 'columns that the map does not know: colour'],
  ]);
  const bad = found[1];
  expect(bad && 'raw' in bad && bad.raw.toString()).toBe('2\n');
});

test('rows that are longer than a message may be are refused, of the beginning of them what fits is kept', async () => {
  const [unit] = await split(`id,result\n1,${'x'.repeat(2_000)}\n`);
  expect(unit && 'raw' in unit && [unit.raw.length, unit.unfit]).toEqual([
    1_000,
    'the rows of one message are longer than 1000 bytes',
  ]);
});

test('a file that is of no layout of the channel is refused whole', async () => {
  await expect(split('a,b\n1,2\n')).rejects.toMatchObject({ kind: 'rejected', code: 'CSV_COLUMNS_MISSING' });
  await expect(split('')).rejects.toMatchObject({ code: 'CSV_EMPTY' });
});

test('a file of which most rows are none is given up, and what was good before is taken', async () => {
  const taken: (FileUnit | FileFinding)[] = [];
  const bad = Buffer.from(`id,result\n1,5\n${'x\n'.repeat(200_000)}`);
  const units = csvFormat([layout], {}).split(piecesOf({ buffer: bad, size: bad.length }), 1_000);
  const reading = (async () => {
    for await (const one of units) taken.push(one);
  })();
  await expect(reading).rejects.toMatchObject({ kind: 'rejected', code: 'CSV_MOSTLY_BAD' });
  expect(taken.length).toBe(1_002);
  expect(taken[0]).toMatchObject({ line: 2 });
  expect(taken[0]).not.toHaveProperty('unfit');
});
