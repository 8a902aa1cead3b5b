import { expect, test } from '@jest/globals';
import { mappingFolder } from '../../testing/mapping-folder.js';
import { CoverageRun } from './coverage.js';

const map = `map: m
for: [ADT^A01]
structure: MSH PID NK1*
steps:
  - { create: p, as: patient }
  - create: n
---
map: p
source: hl7v2/PID
create: Patient
key: [PID-3.1]
set:
  active: { value: true }
  name: PID-5
  gender: PID-8 | table(sex)
  telecom:
    - PID-13 | use(home)
    - PID-14 | use(work)
drop:
  PID-1: set id
  PID-2: deprecated
---
map: n
source: hl7v2/NK1
create: RelatedPerson
uses: [patient]
key: [NK1-2.1]
set:
  patient: patient
  name: NK1-2
`;
const dir = mappingFolder({
  'tables/sex.csv': 'from,system,to,toSystem,display,note\nF,,female,,,\nM,,male,,,\n*,,(none),,,\n',
  'hl7v2/m.yaml': map,
  'layers/site/m.yaml': 'patch: p\nset:\n  birthDate: PID-7\n',
});

function message(type: string, ...segments: string[]): Buffer {
  return Buffer.from([`MSH|^~\\&|A|B|C|D|20240101||${type}|1|P|2.5.1`, ...segments].join('\r'));
}

function cover(layers: string[], ...messages: Buffer[]) {
  const run = new CoverageRun(dir);
  for (const one of messages) run.add(one, layers, {});
  const { rules, drops, rows, ...rest } = run.result();
  const names = (list: readonly { name: string; line: number }[]) =>
    list.map(({ name, line }) => `${line} ${name}`);
  const sexRows = rows.unused.filter(({ table }) => table === 'sex');
  return {
    ...rest,
    rules: names(rules.unused),
    of: rules.of,
    drops: names(drops.unused),
    sex: sexRows.map(({ line, code }) => `${line} ${code}`),
  };
}

test('what gave something in no message is listed: rules, parts of lists, steps, drops, rows', () => {
  const covered = cover(
    [],
    message('ADT^A01', 'PID|1||17||Eder^Eva|||F|||||555 1000'),
    message('ADT^A01', 'PID|||18||Huber^Ida'),
  );
  expect(covered).toEqual({
    messages: 2,
    unclaimed: {},
    refused: 0,
    errors: [],
    of: 10,
    // A list is used when one of its parts is. Nobody came with NK1.
    rules: ['6 m creates n', '18 p/telecom[1]', '29 n/patient', '30 n/name'],
    drops: ['21 p/drop PID-2'],
    sex: ['3 M'],
  });
});

test('a code that only the last row answers uses no row; a rule that reads it and gives nothing is not used', () => {
  const { rules, sex } = cover([], message('ADT^A01', 'PID|1||17||Eder|||X'));
  expect(rules).toContain('15 p/gender');
  expect(sex).toEqual(['2 F', '3 M']);
});

test('rules of a layer count when the messages are mapped with it', () => {
  const one = message('ADT^A01', 'PID|1||17||Eder||19800101');
  expect(cover([], one).of).toBe(10);
  const layered = cover(['site'], one);
  expect([layered.of, layered.rules.some((name) => name.endsWith('birthDate'))]).toEqual([11, false]);
  expect(cover(['site'], message('ADT^A01', 'PID|1||17||Eder')).rules).toContain('3 p/birthDate');
});

test('messages that no map is for, and what is no message, are counted', () => {
  const covered = cover([], message('ZZZ^Z01'), message('ZZZ^Z01'), Buffer.from('hello'));
  expect(covered).toMatchObject({ messages: 0, unclaimed: { 'ZZZ^Z01': 2 }, refused: 1 });
});
