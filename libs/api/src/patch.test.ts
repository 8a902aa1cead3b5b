import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type FhirObject, type FhirValue, readJson, writeJson } from '#fhir';
import { isEngineError } from '#kernel';
import { fhirPathPatch } from './fhirpath-patch.js';
import { jsonPatch } from './json-patch.js';

const patient = {
  resourceType: 'Patient',
  id: 'p',
  active: true,
  name: [
    { family: 'Larkin', given: ['Tom', 'T'] },
    { use: 'nickname', given: ['Tommy'] },
  ],
  identifier: [
    { system: 'urn:a', value: '1' },
    { system: 'urn:b', value: '2' },
  ],
} as const satisfies FhirObject;

const tree = patient as unknown as FhirObject;

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return isEngineError(error) ? error.code : 'other';
  }
}

const operation = (type: string, path: string, more: Record<string, object>): FhirObject => ({
  name: 'operation',
  part: [
    { name: 'type', valueCode: type },
    { name: 'path', valueString: path },
    ...Object.entries(more).map(([name, value]) => ({ name, ...value }) as FhirObject),
  ],
});
const patch = (...parameter: FhirObject[]) =>
  fhirPathPatch(tree, { resourceType: 'Parameters', parameter }) as Record<string, FhirValue>;

describe('a FHIRPath Patch', () => {
  test('adds, inserts, replaces, moves and deletes', () => {
    const birth = { name: { valueString: 'birthDate' }, value: { valueDate: '1950-01-02' } };
    expect(patch(operation('add', 'Patient', birth))['birthDate']).toBe('1950-01-02');
    const choice = { name: { valueString: 'deceased' }, value: { valueBoolean: true } };
    expect(patch(operation('add', 'Patient', choice))['deceasedBoolean']).toBe(true);
    const contact = {
      name: { valueString: 'contact' },
      value: {
        part: [
          { name: 'gender', valueCode: 'female' },
          { name: 'telecom', valueContactPoint: { value: '1' } },
        ],
      },
    };
    expect(patch(operation('add', 'Patient', contact))['contact']).toEqual([
      { gender: 'female', telecom: [{ value: '1' }] },
    ]);
    const third = { index: { valueInteger: 1 }, value: { valueString: 'X' } };
    expect(patch(operation('insert', 'Patient.name[0].given', third))['name']).toMatchObject([
      { given: ['Tom', 'X', 'T'] },
      {},
    ]);
    const where = "Patient.identifier.where(system = 'urn:b').value";
    expect(patch(operation('replace', where, { value: { valueString: '9' } }))['identifier']).toMatchObject([
      { value: '1' },
      { value: '9' },
    ]);
    const move = { source: { valueInteger: 1 }, destination: { valueInteger: 0 } };
    expect(patch(operation('move', 'Patient.identifier', move))['identifier']).toMatchObject([
      { value: '2' },
      { value: '1' },
    ]);
    expect(patch(operation('delete', 'Patient.name.last()', {}))['name']).toHaveLength(1);
    expect(patch(operation('delete', 'Patient.photo', {}))).toEqual(tree);
    expect(tree).toEqual(patient);
  });

  test.each([
    ['replace', 'Patient.photo', 'PATCH_FAILED'],
    ['replace', 'Patient.identifier', 'PATCH_FAILED'],
    ['delete', 'Patient.identifier', 'PATCH_FAILED'],
    ['replace', 'Observation.status', 'PATCH_INVALID'],
    ['replace', 'Patient.name.select(given)', 'PATCH_INVALID'],
    ['replace', 'Patient.__proto__', 'PATCH_INVALID'],
    ['explode', 'Patient.name', 'PATCH_INVALID'],
  ])('that says %s %s is refused: %s', (type, path, code) => {
    expect(codeOf(() => patch(operation(type, path, { value: { valueString: 'x' } })))).toBe(code);
  });
});

describe('a JSON Patch', () => {
  test('does what RFC 6902 says of each operation', () => {
    const patched = (...operations: object[]) => jsonPatch(tree, operations as unknown as FhirValue);
    expect(patched({ op: 'add', path: '/name/0/given/-', value: 'Z' })['name']).toMatchObject([
      { given: ['Tom', 'T', 'Z'] },
      {},
    ]);
    expect(patched({ op: 'move', from: '/name/1/given/0', path: '/name/0/given/0' })['name']).toMatchObject([
      { given: ['Tommy', 'Tom', 'T'] },
      { given: [] },
    ]);
    expect(patched({ op: 'copy', from: '/identifier/0', path: '/identifier/1' })['identifier']).toHaveLength(
      3,
    );
    expect(patched({ op: 'remove', path: '/active' })['active']).toBeUndefined();
    const broken: [object, string][] = [
      [{ op: 'test', path: '/active', value: false }, 'PATCH_FAILED'],
      [{ op: 'remove', path: '/photo' }, 'PATCH_FAILED'],
      [{ op: 'add', path: '/name/7', value: {} }, 'PATCH_FAILED'],
      [{ op: 'add', path: 'name', value: {} }, 'PATCH_INVALID'],
      [{ op: 'add', path: '/constructor/prototype/x', value: 1 }, 'PATCH_INVALID'],
      [{ op: 'replace', path: '/active' }, 'PATCH_INVALID'],
    ];
    for (const [one, code] of broken) expect(codeOf(() => patched(one))).toBe(code);
    expect(tree).toEqual(patient);
  });

  test('keeps the digits of decimals, and never changes what it is given', () => {
    const names = fc.stringMatching(/^[a-z~/]{1,4}$/);
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.integer()),
        names,
        fc.constantFrom('1.50', '2.0'),
        (members, name, text) => {
          const before = { resourceType: 'Basic', ...members } as FhirObject;
          const whole = writeJson(before);
          const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
          const value = readJson(text);
          const after = jsonPatch(before, [{ op: 'add', path: pointer, value }] as unknown as FhirValue);
          expect(writeJson(after[name])).toBe(text);
          expect(writeJson(before)).toBe(whole);
          const { [name]: _added, ...rest } = after;
          const { [name]: _former, ...others } = before;
          expect(rest).toEqual(others);
        },
      ),
      { seed: 20_261 },
    );
  });
});
