import { describe, expect, test } from '@jest/globals';
import { type CsvSource, plainSource } from '#csv';
import { csvFormat } from './csv-format.js';
import { fileFormats, formatOf } from './file-formats.js';

const column = { headers: [], type: 'string', dates: [], required: 'no', width: undefined } as const;
const layout: CsvSource = { ...plainSource, name: 'csv.labs', columns: [{ ...column, name: 'msh_id' }] };
const rows = csvFormat([layout], {});

describe('a channel that leaves the format open', () => {
  test.each([
    ['MSH|^~\\&|A\r', 'hl7v2'],
    ['\u000bFHS|^~\\&|A\r', 'hl7v2'],
    ['\uFEFF<?xml version="1.0"?><ClinicalDocument/>', 'cda'],
    ['msh_id,name\n1,2\n', 'csv'],
    ['a;b\n1;2\n', 'csv'],
  ])('takes rows where it accepts them: %j is %s', (start, name) => {
    expect(formatOf(fileFormats('auto', rows), Buffer.from(start)).name).toBe(name);
  });

  test('and accepts no rows knows no others', () => {
    expect(() => formatOf(fileFormats('auto'), Buffer.from('msh_id,name\n1,2\n'))).toThrow(
      /none of: hl7v2, cda$/,
    );
  });

  test('a format that is said is not asked whether it is one', () => {
    expect(formatOf(fileFormats('hl7v2'), Buffer.from('<a/>')).name).toBe('hl7v2');
    expect(formatOf(fileFormats('cda', rows), Buffer.from('MSH|')).name).toBe('cda');
    expect(formatOf(fileFormats('csv', rows), Buffer.from('MSH|')).name).toBe('csv');
  });
});
