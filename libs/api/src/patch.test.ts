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

  const observation: FhirObject = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '85354-9' }], text: 'blood pressure' },
    valueQuantity: { value: readJson('1.50'), unit: 'mmol/l' },
    component: [
      { code: { coding: [{ code: '8480-6' }] }, valueQuantity: { value: 120 } },
      { code: { coding: [{ code: '8462-4' }] }, valueString: 'low' },
    ],
    extension: [
      { url: 'urn:x', valueString: 'a' },
      { url: 'urn:y', valueString: 'b' },
    ],
  };
  const of = (resource: FhirObject, ...parameter: FhirObject[]) =>
    fhirPathPatch(resource, { resourceType: 'Parameters', parameter }) as Record<string, FhirValue>;
  const value = (given: object) => ({ value: given });

  test.each<[string, string, object, FhirValue]>([
    ['ofType', 'Observation.value.ofType(Quantity).unit', { valueString: 'g/l' }, 'g/l'],
    ['as', '(Observation.value as Quantity).unit', { valueString: 'g/l' }, 'g/l'],
    ['extension', "Observation.extension('urn:y').value", { valueString: 'c' }, 'c'],
    ['single', 'Observation.code.coding.single().code', { valueCode: 'x' }, 'x'],
    ['skip and take', 'Observation.component.skip(1).take(1).value', { valueString: 'high' }, 'high'],
    ['tail', 'Observation.component.tail().value', { valueString: 'high' }, 'high'],
    [
      'where with a path',
      "Observation.component.where(code.coding.code = '8462-4').value",
      { valueString: 'z' },
      'z',
    ],
    [
      'and, exists, !=',
      "Observation.component.where(value.exists() and code.coding.code != '8480-6').value",
      { valueString: 'z' },
      'z',
    ],
    [
      'or, ~',
      "Observation.component.where(value ~ 'LOW' or value ~ 'none').value",
      { valueString: 'z' },
      'z',
    ],
    ['ofType in where', 'Observation.component.where(value is string).value', { valueString: 'z' }, 'z'],
  ])('finds by %s', (_, path, given, expected) => {
    expect(JSON.stringify(of(observation, operation('replace', path, value(given))))).toContain(
      `:${JSON.stringify(expected)}`,
    );
  });

  test('a choice takes the type of its new value, and keeps the digits of what is left', () => {
    const replaced = of(observation, operation('replace', 'Observation.value', value({ valueString: 'x' })));
    expect([replaced['valueString'], replaced['valueQuantity']]).toEqual(['x', undefined]);
    const unit = of(observation, operation('replace', 'Observation.value.unit', value({ valueString: 'g' })));
    expect(writeJson(unit['valueQuantity'] as FhirValue)).toContain('1.50');
    const another = { name: { valueString: 'value' }, value: { valueString: 'x' } };
    expect(codeOf(() => of(observation, operation('add', 'Observation', another)))).toBe('PATCH_FAILED');
  });

  test('parts make nested elements, with choices and lists in them', () => {
    const part = (name: string, ...inner: object[]) => ({ name, part: inner });
    const component = part(
      'value',
      { name: 'code', valueCodeableConcept: { text: 'pulse' } },
      { name: 'value', valueInteger: 61 },
      part(
        'referenceRange',
        { name: 'text', valueString: 'normal' },
        part('low', { name: 'unit', valueString: 'x' }),
      ),
      part('extension', { name: 'url', valueUri: 'urn:z' }, { name: 'value', valueBoolean: true }),
    );
    const name = { name: { valueString: 'component' }, value: component };
    expect(of(observation, operation('add', 'Observation', name))['component']).toMatchObject([
      {},
      {},
      {
        code: { text: 'pulse' },
        valueInteger: 61,
        referenceRange: [{ text: 'normal', low: { unit: 'x' } }],
        extension: [{ url: 'urn:z', valueBoolean: true }],
      },
    ]);
    const wrong = { ...name, value: part('value', { name: 'colour', valueString: 'red' }) };
    expect(codeOf(() => of(observation, operation('add', 'Observation', wrong)))).toBe('PATCH_FAILED');
  });

  test('what stands beside a primitive goes with it', () => {
    const beside = { extension: [{ url: 'urn:x', valueString: 'y' }] };
    const before: FhirObject = {
      resourceType: 'Patient',
      birthDate: '1950',
      name: [{ given: ['A', 'B', 'C'], _given: [null, beside, null] }],
    };
    const names = (...operations: FhirObject[]) => (of(before, ...operations)['name'] as FhirValue[])[0];
    const move = { source: { valueInteger: 1 }, destination: { valueInteger: 2 } };
    expect(names(operation('move', 'Patient.name.given', move))).toEqual({
      given: ['A', 'C', 'B'],
      _given: [null, null, beside],
    });
    expect(names(operation('delete', 'Patient.name.given[1]', {}))).toEqual({ given: ['A', 'C'] });
    const first = { index: { valueInteger: 0 }, value: { valueString: 'Z' } };
    expect(names(operation('insert', 'Patient.name.given', first))).toEqual({
      given: ['Z', 'A', 'B', 'C'],
      _given: [null, null, beside, null],
    });
    expect(names(operation('delete', "Patient.name.given.extension('urn:x')", {}))).toEqual({
      given: ['A', 'B', 'C'],
    });
    const added = { name: { valueString: 'extension' }, value: { valueExtension: { url: 'urn:q' } } };
    expect(of(before, operation('add', 'Patient.birthDate', added))).toMatchObject({
      birthDate: '1950',
      _birthDate: { extension: [{ url: 'urn:q' }] },
    });
  });

  test('what is empty after a deletion goes too, and a list that is not there takes a first item', () => {
    const contact: FhirObject = {
      resourceType: 'Patient',
      contact: [{ name: { text: 'a' }, gender: 'male' }, { gender: 'female' }],
    };
    const deleted = (path: string) => of(contact, operation('delete', path, {}))['contact'];
    expect(deleted('Patient.contact[0].name.text')).toEqual([{ gender: 'male' }, { gender: 'female' }]);
    expect(deleted('Patient.contact[1].gender')).toHaveLength(1);
    const first = { index: { valueInteger: 0 }, value: { valueIdentifier: { value: '1' } } };
    expect(of(contact, operation('insert', 'Patient.identifier', first))['identifier']).toEqual([
      { value: '1' },
    ]);
  });

  test('an item moves to where it is wanted, whatever the places', () => {
    fc.assert(
      fc.property(fc.nat(5), fc.nat(5), (source, destination) => {
        const given = ['a', 'b', 'c', 'd', 'e', 'f'];
        const before: FhirObject = { resourceType: 'Patient', name: [{ given }] };
        const move = { source: { valueInteger: source }, destination: { valueInteger: destination } };
        const [name] = of(before, operation('move', 'Patient.name.given', move))['name'] as {
          given: string[];
        }[];
        expect(name?.given[destination]).toBe(given[source]);
        expect([...(name?.given ?? [])].sort()).toEqual(given);
      }),
      { seed: 20_261 },
    );
  });

  test.each([
    ['replace', 'Patient.name.single().family', 'PATCH_FAILED'],
    ['replace', 'Patient.birthdate', 'PATCH_INVALID'],
    ['replace', 'Patient.name.given.upper()', 'PATCH_INVALID'],
    ['replace', "Patient.name.where(family.matches('(a+)+b'))", 'PATCH_INVALID'],
    ['replace', 'Patient.descendants().first()', 'PATCH_INVALID'],
    ['replace', '%resource.active', 'PATCH_INVALID'],
    ['replace', 'Patient.active | Patient.name', 'PATCH_INVALID'],
    ['replace', 'Patient.name[', 'PATCH_INVALID'],
    ['delete', 'Patient', 'PATCH_FAILED'],
    ['insert', "Patient.identifier.where(system = 'urn:a')", 'PATCH_FAILED'],
    ['insert', 'Patient.active', 'PATCH_FAILED'],
    ['replace', 'Patient.photo', 'PATCH_FAILED'],
    ['replace', 'Patient.identifier', 'PATCH_FAILED'],
    ['delete', 'Patient.identifier', 'PATCH_FAILED'],
    ['replace', 'Observation.status', 'PATCH_INVALID'],
    ['replace', 'Patient.name.select(given)', 'PATCH_INVALID'],
    ['replace', 'Patient.__proto__', 'PATCH_INVALID'],
    ['explode', 'Patient.name', 'PATCH_INVALID'],
  ])('that says %s %s is refused: %s', (type, path, code) => {
    const more = { index: { valueInteger: 0 }, value: { valueString: 'x' } };
    expect(codeOf(() => patch(operation(type, path, more)))).toBe(code);
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
