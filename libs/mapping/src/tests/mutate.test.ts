import { expect, test } from '@jest/globals';
import { mappingFolder } from '../../testing/mapping-folder.js';
import { mutateMappings } from './mutate.js';

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
  gender: PID-8 | table(administrative-gender)
  telecom:
    - PID-13 | use(home)
    - PID-14 | use(work)
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

function mutate(expected: string) {
  const message = [
    'MSH|^~\\&|A|B|C|D|20240101||ADT^A01|1|P|2.5.1',
    'PID|1||17||Eder^Eva||19800101|F|||||555 1000|555 2000',
    'NK1|1|Eder^Max',
  ].map((line) => `      ${line}`);
  const tests = `tests:\n  - name: one\n    message: |\n${message.join('\n')}\n    expect:\n${expected}`;
  return mutateMappings(mappingFolder({ 'hl7v2/m.yaml': map, 'hl7v2/m.test.yaml': tests }));
}

test('a rule is missed when a test fails without it, parts of lists and steps one by one', () => {
  const run = mutate(
    `      values: { Patient.name.family: Eder, 'Patient.telecom.value': ['555 1000', '555 2000'] }\n`,
  );
  expect([run.failing, run.errors]).toEqual([[], []]);
  expect(run.survivors.map(({ name, line }) => `${line} ${name}`)).toEqual([
    '6 m creates n',
    '13 p/active',
    '15 p/gender',
    // Without its patient a RelatedPerson is refused, and the list of errors must be empty: so that rule is missed.
    '27 n/name',
  ]);
});

test('when a test fails as it is, nothing is taken away', () => {
  const run = mutate('      values: { Patient.name.family: Huber }\n');
  expect(run.survivors).toEqual([]);
  expect(run.failing).toEqual(['hl7v2/m.test.yaml:2 one']);
});

test('a reference may be wanted by the type it points to', () => {
  const values = (type: string) => `      values: { RelatedPerson.patient.reference: ${type}/* }\n`;
  expect(mutate(values('Patient')).failing).toEqual([]);
  expect(mutate(values('Practitioner')).failing).toHaveLength(1);
});
