import { describe, expect, test } from '@jest/globals';
import { mappingFolder } from '../../testing/mapping-folder.js';
import { convertRows } from '../convert-rows.js';
import { loadMappings } from '../load-mappings.js';
import { formatProblem } from '../mapping-problem.js';

const layout = `map: csv.visits
source:
  csv:
    group: [id]
    patient: id
    zone: Europe/Vienna
    columns:
      id: { headers: [mrn], required: cell }
      sex: code
      ward:
      seen: datetime
      until: date
steps:
  - each: ROW
    steps:
      - { create: p, as: patient }
      - create: e
`;
const patient =
  'map: p\nsource: csv/row\ncreate: Patient\nmerge: update\nkey: [id]\nset:\n  identifier: id\n  gender: sex | table(administrative-gender)\n';
const encounter = `map: e
source: csv/row
create: Encounter
uses: [patient]
key: [patient.id, seen]
set:
  status: { when: ward valued, value: finished }
  class: { value: { code: AMB } }
  subject: patient
  period: seen | period(until)
drop:
  ward: nobody asks
`;

function mapsOf(files: Readonly<Record<string, string>>) {
  return loadMappings(mappingFolder(files));
}

const good = { 'csv/visits.yaml': layout, 'csv/p.yaml': patient, 'csv/e.yaml': encounter };

function problems(files: Readonly<Record<string, string>>): string[] {
  const { errors } = mapsOf({ ...good, ...files });
  for (const error of errors) expect(formatProblem(error)).toMatch(/^\S+:\d+:\d+ [A-Z_]+ .+ - .+/);
  return errors.map(({ file, line, column, code }) => `${file}:${line}:${column} ${code}`);
}

function convert(text: string) {
  const set = mapsOf(good);
  expect(set.errors).toEqual([]);
  const converted = convertRows(Buffer.from(text), set, { tenant: 'test', lineage: true });
  const bundle = JSON.parse(converted.bundle ?? '{}') as { entry: { resource: Record<string, unknown> }[] };
  return { ...converted, resources: (bundle.entry ?? []).map(({ resource }) => resource) };
}

describe('rows are mapped as messages are', () => {
  const rows =
    'mrn,sex,ward,seen,until,tube\n7,F,W,2026-01-02 08:15,2026-01-03,red\n7,F,W,2026-07-02 08:15,,\n';

  test('columns are fields by their names; moments without a zone get that of the layout, summer time too', () => {
    const { resources } = convert(rows);
    expect(resources.map(({ resourceType }) => resourceType)).toEqual(['Patient', 'Encounter', 'Encounter']);
    expect(resources.slice(1).map(({ period }) => period)).toEqual([
      { start: '2026-01-02T08:15:00+01:00', end: '2026-01-03' },
      { start: '2026-07-02T08:15:00+02:00' },
    ]);
  });

  test('every cell is mapped, dropped or unmapped, and named by its column', () => {
    const [message] = convert(rows).messages;
    expect(message?.report).toMatchObject({
      mapped: 7,
      dropped: [{ path: 'row[1].ward', rule: 'e/drop ward', reason: 'nobody asks' }, { path: 'row[2].ward' }],
      unmapped: ['row[1].tube'],
      errors: [],
    });
  });

  test('where a value comes from is a cell', () => {
    const [message] = convert(rows).messages;
    expect(message?.lineage).toContainEqual({
      resource: expect.stringMatching(/^Patient/),
      element: 'gender',
      sources: ['row[1].sex'],
      rule: 'p/gender',
      file: 'csv/p.yaml',
      line: 8,
      table: { file: 'tables/administrative-gender.csv', line: 2 },
    });
  });

  test('a unit that is kept is mapped alone to the same resources', () => {
    const { resources } = convert(rows);
    const again = convert(rows.split('\n').slice(0, 2).join('\n'));
    expect(again.resources).toEqual(resources.slice(0, 2));
  });

  test('a file that no map is for is told with all its cells, a large one becomes several bundles', () => {
    const none = convert('a,b\n1,2\n3,\n');
    expect(none.messages.map(({ report, refusal }) => [refusal?.code, report?.unmapped])).toEqual([
      ['MAPPING_NONE', ['row[1].a', 'row[1].b']],
      ['MAPPING_NONE', ['row[1].a']],
    ]);
  });
});

describe('a mistake in a map of rows is told where it stands', () => {
  test.each([
    [
      'a column that is not there',
      { 'csv/p.yaml': patient.replace('sex |', 'gender |') },
      'csv/p.yaml:8:11 MAPPING_COLUMN',
    ],
    [
      'a drop of a column that is not there',
      { 'csv/e.yaml': encounter.replace('  ward: nobody', '  wart: nobody') },
      'csv/e.yaml:12:3 MAPPING_COLUMN',
    ],
    [
      'a layout without columns',
      { 'csv/visits.yaml': layout.replace('columns:', 'columnz:') },
      'csv/visits.yaml:4:5 MAPPING_CSV',
    ],
    [
      'a type nobody knows',
      { 'csv/visits.yaml': layout.replace('sex: code', 'sex: colour') },
      'csv/visits.yaml:9:12 MAPPING_CSV',
    ],
    [
      'a group by no column',
      { 'csv/visits.yaml': layout.replace('[id]', '[idd]') },
      'csv/visits.yaml:4:5 MAPPING_CSV',
    ],
    [
      'a column named like a word of the language',
      { 'csv/visits.yaml': layout.replace('ward:', 'not:') },
      'csv/visits.yaml:10:7 MAPPING_CSV',
    ],
    [
      'an encoding nobody knows',
      { 'csv/visits.yaml': layout.replace('zone: Europe/Vienna', 'encoding: utf-99') },
      'csv/visits.yaml:6:5 MAPPING_CSV',
    ],
    [
      'a form of dates that is none',
      { 'csv/visits.yaml': layout.replace('until: date', 'until: { type: date, dates: [qq.yyyy] }') },
      'csv/visits.yaml:12:28 MAPPING_CSV',
    ],
    [
      'a source that is none',
      { 'csv/visits.yaml': layout.replace('  csv:', '  xls:') },
      'csv/visits.yaml:2:1 MAPPING_SOURCE',
    ],
    [
      'some columns with a width',
      { 'csv/visits.yaml': layout.replace('until: date', 'until: { type: date, width: 8 }') },
      'csv/visits.yaml:7:5 MAPPING_CSV',
    ],
  ] as const)('%s', (_, files, expected) => {
    expect(problems(files as Readonly<Record<string, string>>)).toContain(expected);
  });

  test('a map of HL7 has no columns, and rows have no segments', () => {
    const hl7 = 'map: m\nfor: [ADT^A01]\nstructure: MSH PID\nsteps:\n  - create: p\n';
    expect(problems({ 'hl7v2/m.yaml': hl7 })).toContain('hl7v2/m.yaml:5:13 MAPPING_GROUP');
    const steps = layout.replace('create: e', 'create: s');
    const segment = 'map: s\nsource: hl7v2/PID\ncreate: Patient\nkey: [PID-3.1]\nset:\n  name: PID-5\n';
    expect(problems({ 'csv/visits.yaml': steps, 'csv/s.yaml': segment })).toContain(
      'csv/visits.yaml:17:17 MAPPING_GROUP',
    );
  });
});
