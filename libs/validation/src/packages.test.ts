import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type FhirObject, readJson } from '#fhir';
import { loadProfiles } from './profiles/load-profiles.js';
import { ValueSets } from './profiles/value-sets.js';
import { validate } from './validate.js';

const folder = (name: string) => join(import.meta.dirname, '../../../test/fixtures/profiles', name);
const clinic = loadProfiles(folder('clinic'));
const summary = loadProfiles(folder('summary'));

type Issue = { severity: string; code: string; expression?: string[] };

/** What is found, as `severity code place`. */
function found(resource: object, profile: string, profiles = clinic): string[] {
  const tree = readJson(JSON.stringify(resource));
  const outcome = validate(tree, { profile: [profile] }, profiles);
  const issues = outcome['issue'] as unknown as Issue[];
  return issues
    .filter(({ expression }) => expression !== undefined)
    .map(({ severity, code, expression }) => `${severity} ${code} ${expression?.[0]}`);
}

const patient = 'https://suture.example/clinic/StructureDefinition/clinic-patient';
const vital = 'https://suture.example/clinic/StructureDefinition/clinic-vital-sign';
const measures = 'https://suture.example/clinic/CodeSystem/measures';
const regions = 'https://suture.example/clinic/CodeSystem/regions';

const goodPatient = {
  resourceType: 'Patient',
  extension: [
    {
      url: 'https://suture.example/clinic/StructureDefinition/origin',
      extension: [
        { url: 'region', valueCoding: { system: regions, code: 'north' } },
        { url: 'text', valueString: 'the north' },
      ],
    },
  ],
  identifier: [{ system: 'urn:x-suture:clinic', value: '12345678' }],
  name: [{ family: 'Larkin' }],
  gender: 'female',
  birthDate: '1950-02-03',
};
const goodVital = {
  resourceType: 'Observation',
  status: 'final',
  category: [
    {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }],
    },
  ],
  code: { coding: [{ system: measures, code: 'systolic' }] },
  subject: { reference: 'Patient/p' },
  effectiveDateTime: '2026-01-02T10:00:00Z',
  valueQuantity: { value: 120, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
};
const living = (code: string) => ({ coding: [{ system: 'urn:x-suture:living', code }] });
const spoken = (code: string) => ({
  communication: [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code }] } }],
});
const measured = (value: object) => ({ valueQuantity: { ...goodVital.valueQuantity, ...value } });
const coded = (code: string) => ({ code: { coding: [{ system: measures, code }] } });
const origin = (...extension: object[]) => ({ extension: [{ ...goodPatient.extension[0], extension }] });
const text = { url: 'text', valueString: 'x' };

describe('profiles in the manner of a national core', () => {
  test('let pass what is right', () => {
    expect(found(goodPatient, patient)).toEqual([]);
    expect(found(goodVital, vital)).toEqual([]);
  });

  test.each<[string, object, string[]]>([
    [
      'a long value',
      { identifier: [{ system: 'urn:x-suture:clinic', value: '123456789' }] },
      ['error value Patient.identifier[0].value'],
    ],
    [
      'another system',
      { identifier: [{ system: 'urn:other', value: '1' }] },
      ['error value Patient.identifier[0].system'],
    ],
    ['a date before the first', { birthDate: '1879-12-31' }, ['error value Patient.birthDate']],
    ['a date behind the last', { birthDate: '2100-01-02' }, ['error value Patient.birthDate']],
    ['a date that is the last', { birthDate: '2100-01-01' }, []],
    ['a code of an extensible set', { maritalStatus: living('alone') }, []],
    [
      'a code beyond an extensible set',
      { maritalStatus: living('elsewhere') },
      ['warning code-invalid Patient.maritalStatus'],
    ],
    ['a text where no code of an extensible set fits', { maritalStatus: { text: 'it is complicated' } }, []],
    ['a code of the greatest set only', spoken('fi-FI'), []],
    [
      'a code beyond the greatest set',
      spoken('de'),
      ['error code-invalid Patient.communication[0].language'],
    ],
    [
      'a code that was excluded',
      origin({ url: 'region', valueCoding: { system: regions, code: 'retired' } }, text),
      ['error code-invalid Patient.extension[0].extension[0].value'],
    ],
    [
      'a text that is missing',
      origin({ url: 'region', valueCoding: { system: regions, code: 'south' } }),
      ['error required Patient.extension[0].extension'],
    ],
    [
      'a text that is too long',
      origin({ ...text, valueString: 'x'.repeat(21) }),
      ['error value Patient.extension[0].extension[0].value'],
    ],
  ])('of a Patient: %s', (_, change, expected) => {
    expect(found({ ...goodPatient, ...change }, patient)).toEqual(expected);
  });

  test.each<[string, object, string[]]>([
    ['too low', measured({ value: -1 }), ['error value Observation.value']],
    ['too high', measured({ value: 401 }), ['error value Observation.value']],
    ['a unit by another name', measured({ unit: 'millimetres of mercury' }), []],
    ['another unit', measured({ code: 'kPa' }), ['error value Observation.value.code']],
    ['too early', { effectiveDateTime: '1989-12-31T23:59:59Z' }, ['error value Observation.effective']],
    ['a code two levels down', coded('diastolic'), []],
    ['a code below by its property', coded('wedge'), []],
    ['the code that the others are below', coded('pressure'), ['error code-invalid Observation.code']],
    ['a code beside them', coded('weight'), ['error code-invalid Observation.code']],
    [
      'the code in another system',
      { code: { coding: [{ system: 'urn:other', code: 'systolic' }] } },
      ['error code-invalid Observation.code'],
    ],
    ['another category', { category: [{ text: 'x' }] }, ['error required Observation.category']],
  ])('of a vital sign: %s', (_, change, expected) => {
    expect(found({ ...goodVital, ...change }, vital)).toEqual(expected);
  });
});

describe('profiles in the manner of a summary', () => {
  const condition = (code: string, more: object = {}) => ({
    resourceType: 'Condition',
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
    },
    code: { coding: [{ system: 'https://suture.example/summary/CodeSystem/findings', code }] },
    subject: { reference: 'Patient/p' },
    ...more,
  });
  const problem = 'https://suture.example/summary/StructureDefinition/problem';
  const section = (code: string, ...references: string[]) => ({
    title: code,
    code: { coding: [{ system: 'http://loinc.org', code }] },
    entry: references.map((reference) => ({ reference })),
  });
  const composition = (...sections: object[]) => ({
    resourceType: 'Composition',
    status: 'final',
    type: { coding: [{ system: 'http://loinc.org', code: '60591-5' }] },
    subject: { reference: 'Patient/p' },
    date: '2026-01-01',
    author: [{ reference: 'Organization/o' }],
    title: 'Summary',
    section: sections,
  });
  const whole = 'https://suture.example/summary/StructureDefinition/summary';

  test('value sets of value sets, without what is excluded', () => {
    for (const code of ['asthma', 'gout', 'none-known'])
      expect(found(condition(code), problem, summary)).toEqual([]);
    for (const code of ['disease', 'flu'])
      expect(found(condition(code), problem, summary)).toEqual(['warning code-invalid Condition.code']);
  });

  test('codes that are not here are said not to be checked', () => {
    const severity = { coding: [{ system: 'http://example.org/elsewhere', code: '2' }] };
    expect(found(condition('gout', { severity }), problem, summary)).toEqual([
      'information informational Condition.severity',
    ]);
  });

  test('sections are told apart by their codes, and entries by what they lead to', () => {
    expect(
      found(
        composition(section('10160-0', 'MedicationStatement/m'), section('11450-4', 'Condition/c')),
        whole,
        summary,
      ),
    ).toEqual([]);
    expect(
      found(
        composition(section('10160-0', 'MedicationStatement/m'), section('48765-2', 'AllergyIntolerance/a')),
        whole,
        summary,
      ),
    ).toEqual(['error required Composition.section']);
    expect(
      found(
        composition(section('10160-0', 'MedicationStatement/m'), section('11450-4', 'Patient/p')),
        whole,
        summary,
      ),
    ).toEqual(['error value Composition.section[1].entry[0]']);
  });
});

describe('value sets', () => {
  const codes = (system: string, compose: object, ...more: object[]) => {
    const sets = new ValueSets();
    const concept = (code: string, kind: string, ...concepts: object[]) => ({
      code,
      property: [{ code: 'kind', valueCode: kind }],
      concept: concepts,
    });
    const all = [
      {
        resourceType: 'CodeSystem',
        url: system,
        content: 'complete',
        concept: [concept('a', 'x', concept('b', 'y', concept('c', 'x'))), concept('d', 'z')],
      },
      { resourceType: 'CodeSystem', url: 'urn:part', content: 'fragment', concept: [{ code: 'a' }] },
      { resourceType: 'ValueSet', url: 'urn:set', compose },
      ...more,
    ];
    for (const one of all) sets.add(readJson(JSON.stringify(one)) as FhirObject);
    const listed = sets.codes('urn:set|1.0')?.get(system);
    return listed && [...listed].sort().join('');
  };
  const filter = (property: string, op: string, value: string) => ({ property, op, value });
  const include = (...filters: object[]) => ({ include: [{ system: 's', filter: filters }] });

  test.each<[string, object, string | undefined]>([
    ['a whole system', { include: [{ system: 's' }] }, 'abcd'],
    ['is-a', include(filter('concept', 'is-a', 'b')), 'bc'],
    ['descendent-of', include(filter('concept', 'descendent-of', 'a')), 'bc'],
    ['is-not-a', include(filter('concept', 'is-not-a', 'b')), 'ad'],
    ['a property', include(filter('kind', '=', 'x')), 'ac'],
    ['one of several values', include(filter('kind', 'in', 'y, z')), 'bd'],
    ['none of several values', include(filter('kind', 'not-in', 'y,z')), 'ac'],
    [
      'two filters, both of which hold',
      include(filter('concept', 'is-a', 'b'), filter('kind', '=', 'x')),
      'c',
    ],
    ['a filter that nobody here knows', include(filter('concept', 'regex', '(a+)+')), undefined],
    ['a system that is here in part', { include: [{ system: 's' }, { system: 'urn:part' }] }, undefined],
    ['a system that is not here', { include: [{ system: 's' }, { system: 'urn:none' }] }, undefined],
    [
      'an exclusion by filter',
      { include: [{ system: 's' }], exclude: [{ system: 's', filter: [filter('concept', 'is-a', 'a')] }] },
      'd',
    ],
    [
      'an exclusion of another set',
      { include: [{ system: 's' }], exclude: [{ valueSet: ['urn:b'] }] },
      'acd',
    ],
    ['a set and a system: what is in both', { include: [{ system: 's', valueSet: ['urn:b'] }] }, 'b'],
    ['two sets of one include: what is in both', { include: [{ valueSet: ['urn:b', 'urn:cd'] }] }, ''],
    [
      'two includes: what is in either',
      { include: [{ valueSet: ['urn:b'] }, { valueSet: ['urn:cd'] }] },
      'bcd',
    ],
    ['a set that leads to itself', { include: [{ valueSet: ['urn:set'] }] }, undefined],
  ])('of %s', (_, compose, expected) => {
    const listed = (url: string, ...listing: string[]) => ({
      resourceType: 'ValueSet',
      url,
      compose: { include: [{ system: 's', concept: listing.map((code) => ({ code })) }] },
    });
    expect(codes('s', compose, listed('urn:b', 'b'), listed('urn:cd', 'c', 'd'))).toBe(expected);
  });

  test('that are listed in full are believed, those listed in part are not', () => {
    const sets = new ValueSets();
    const contains = [{ system: 's', code: 'a' }];
    for (const [url, total] of [
      ['urn:all', 1],
      ['urn:part', 2],
    ])
      sets.add(
        readJson(
          JSON.stringify({ resourceType: 'ValueSet', url, expansion: { total, contains } }),
        ) as FhirObject,
      );
    expect([...(sets.codes('urn:all')?.get('s') ?? [])]).toEqual(['a']);
    expect(sets.codes('urn:part')).toBeUndefined();
  });
});
