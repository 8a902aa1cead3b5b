import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkResource, type FhirObject, writeJson } from '#fhir';
import { parseMessage } from '#hl7v2';
import { Problems } from '../language/problems.js';
import { mappingFiles } from '../mapping-files.js';
import { Run } from '../run/run.js';
import type { CodeTable } from '../tables/code-table.js';
import { readTable } from '../tables/read-table.js';
import { SystemNames } from './code-systems.js';
import { conversion } from './conversion.js';
import { Vocabulary } from './vocabulary.js';

const folder = join(fileURLToPath(new URL('../../../..', import.meta.url)), 'mappings');
const tables = new Map<string, CodeTable>();
for (const file of mappingFiles(folder, 'tables', '.csv')) {
  const name = file.slice('tables/'.length, -'.csv'.length);
  const table = readTable(name, readFileSync(join(folder, file), 'utf8'), new Problems(file));
  if (table) tables.set(name, table);
}
const systems = new SystemNames(
  new Map([...(tables.get('code-systems')?.rows ?? [])].map(([name, row]) => [name, row.to])),
);
const vocabulary = new Vocabulary(systems, tables);
const run = new Run();
const head = 'MSH|^~\\&|A|B|C|D|20240229||ADT^A01|1|P|2.5\rZZZ|';

/** The FHIR value of one field, and which of its leaves were read. */
function convert(source: string, target: string, field: string): unknown {
  const make = conversion(source, target, {
    vocabulary,
    level: 1,
    hl7Table: 0,
    table: undefined,
    use: '',
    identifierType: '',
    simpleQuantity: false,
    system: '',
    withoutDegree: false,
  });
  if (!make) throw new Error(`nothing makes a ${target} of ${source}`);
  run.begin(parseMessage(Buffer.from(`${head}${field}\r`)), 't', {}, 0);
  run.rule = 1;
  const start = run.text.indexOf('ZZZ|') + 4;
  const end = run.text.indexOf('\r', start);
  const value = make(run, start, end < 0 ? run.text.length : end);
  return value === undefined ? undefined : JSON.parse(writeJson(value as FhirObject));
}

describe('texts of composite values', () => {
  test.each([
    ['XPN', 'Huber&von^Ana^Maria^Jr.^Dr.^MD', 'Dr. Ana Maria Huber Jr. MD'],
    ['XCN', '77^Huber^Ana', 'Ana Huber'],
    ['CX', '12^^^H&1.2.3&ISO^MR', '12'],
    ['XON', 'Ward Ltd^L^7', 'Ward Ltd'],
    ['ST', 'a^b', 'a^b'],
  ])('%s %s is text without separators of its own', (source, field, text) => {
    expect(convert(source, 'string', field)).toBe(text);
  });
});

describe('identifiers', () => {
  test('a license has its state and its end', () => {
    expect(convert('DLN', 'Identifier', 'D1^TX^20301231')).toEqual({
      type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'DL' }] },
      value: 'D1',
      period: { end: '2030-12-31' },
      assigner: { display: 'TX' },
    });
  });

  test('a number of a practitioner has its kind', () => {
    expect(convert('PLN', 'Identifier', 'P1^UPIN^OH^2031')).toEqual({
      type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'UPIN' }] },
      value: 'P1',
      period: { end: '2031' },
      assigner: { display: 'OH' },
    });
  });
});

describe('moments', () => {
  test('a range where one moment is asked for gives its start', () => {
    expect(convert('DR', 'dateTime', '20240101^20240201')).toBe('2024-01-01');
  });

  test('a leap second is a moment that R4 knows; second 60 elsewhere is none', () => {
    expect(convert('DTM', 'dateTime', '20161231235960+0000')).toBe('2016-12-31T23:59:60Z');
    expect(convert('DTM', 'dateTime', '20161231235860+0000')).toBeUndefined();
    const patient = { resourceType: 'Patient', deceasedDateTime: '2016-12-31T23:59:60Z' };
    expect(checkResource(patient)).toEqual([]);
  });
});

describe('telephone numbers of all versions', () => {
  test.each([
    ['(555)555-0100', 'phone', '(555)555-0100'],
    ['^PRN^PH^^1^555^5550100^12', 'phone', '+1 555 5550100 x12'],
    ['^PRN^PH^^^^^^^^^+15555550100', 'phone', '+15555550100'],
    ['^NET^Internet^a@b.example', 'email', 'a@b.example'],
    ['a@b.example^NET', 'email', 'a@b.example'],
    ['^WPN^FX^^^555^5550101', 'fax', '555 5550101'],
  ])('%s', (field, system, value) => {
    expect(convert('XTN', 'ContactPoint', field)).toMatchObject({ system, value });
  });
});

describe('any value', () => {
  const pairs: [string, string, string][] = [
    ['XPN', 'HumanName', 'name'],
    ['XAD', 'Address', 'address'],
    ['XTN', 'ContactPoint', 'telecom'],
    ['CX', 'Identifier', 'identifier'],
    ['XON', 'Identifier', 'identifier'],
    ['DLN', 'Identifier', 'identifier'],
    ['PLN', 'Identifier', 'identifier'],
    ['EI', 'Identifier', 'identifier'],
  ];
  const part = fc.constantFrom(
    '',
    '""',
    'A',
    'L',
    '2024',
    '20240230',
    '\\F\\',
    '\\X41\\',
    '1.2.3',
    'Ä&B',
    ' x ',
    '\\.br\\',
  );
  const field = fc.array(part, { minLength: 1, maxLength: 23 }).map((parts) => parts.join('^'));

  test.each(pairs)('%s gives a valid %s or nothing', (source, target, element) => {
    fc.assert(
      fc.property(field, (text) => {
        const value = convert(source, target, text);
        if (value !== undefined)
          expect(checkResource({ resourceType: 'Patient', [element]: [value as FhirObject] })).toEqual([]);
      }),
    );
  });

  test('a moment gives a valid dateTime that starts with its year, or nothing', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{4,14}(\.[0-9]{1,4})?([+-][0-9]{4})?$/), (text) => {
        const value = convert('DTM', 'dateTime', text);
        if (value === undefined) return;
        expect((value as string).slice(0, 4)).toBe(text.slice(0, 4));
        expect(checkResource({ resourceType: 'Patient', deceasedDateTime: value as string })).toEqual([]);
      }),
    );
  });

  test('a number keeps its digits, its comparator stands apart', () => {
    const number = fc.tuple(fc.nat(9999), fc.nat(999)).map(([a, b]) => `${a}.${String(b).padStart(3, '0')}`);
    fc.assert(
      fc.property(fc.constantFrom('', '<', '<=', '>', '>='), number, (comparator, digits) => {
        const quantity = convert('NM', 'Quantity', `${comparator}${digits}`);
        expect(quantity).toEqual({ value: Number(digits), ...(comparator === '' ? {} : { comparator }) });
      }),
    );
  });
});
