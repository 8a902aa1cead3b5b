import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isEngineError } from '#kernel';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { storeResources } from '../testing/store-resources.js';
import { ResourceReader, storeMigrations } from './index.js';
import type { SearchResult } from './search.js';

let fixture: TestDatabase;
let reader: ResourceReader;
let seq = 0;
const store = (...resources: object[]): Promise<void> =>
  storeResources(
    fixture.database,
    ++seq,
    resources.map((resource) => JSON.stringify(resource)),
  );

const practitioner = { resourceType: 'Practitioner', id: 'dr', name: [{ family: 'Weber' }] };
const organization = {
  resourceType: 'Organization',
  id: 'clinic',
  name: 'Clinic',
  partOf: { reference: 'Organization/trust' },
};
const trust = { resourceType: 'Organization', id: 'trust', name: 'Trust' };
const valueSet = {
  resourceType: 'ValueSet',
  id: 'sugar',
  url: 'http://example.org/ValueSet/sugar',
  status: 'active',
  compose: { include: [{ system: 'http://loinc.org', concept: [{ code: '15074-8' }, { code: '2345-7' }] }] },
};
const codeSystem = {
  resourceType: 'CodeSystem',
  id: 'codes',
  url: 'http://loinc.org',
  status: 'active',
  content: 'complete',
  concept: [{ code: 'sugars', concept: [{ code: '15074-8' }] }, { code: '600-7' }],
};
const below = {
  resourceType: 'ValueSet',
  id: 'below',
  url: 'http://example.org/ValueSet/below',
  status: 'active',
  compose: {
    include: [
      { system: 'http://loinc.org', filter: [{ property: 'concept', op: 'descendent-of', value: 'sugars' }] },
    ],
  },
};
const both = {
  resourceType: 'ValueSet',
  id: 'both',
  url: 'http://example.org/ValueSet/both',
  status: 'active',
  compose: {
    include: [{ system: 'http://loinc.org', valueSet: ['http://example.org/ValueSet/sugar'] }],
    exclude: [{ system: 'http://loinc.org', concept: [{ code: '600-7' }] }],
  },
};
const filtered = {
  resourceType: 'ValueSet',
  id: 'filtered',
  url: 'http://example.org/ValueSet/filtered',
  status: 'active',
  compose: {
    include: [{ system: 'http://loinc.org', filter: [{ property: 'STATUS', op: '=', value: 'ACTIVE' }] }],
  },
};
const list = {
  resourceType: 'List',
  id: 'worklist',
  status: 'current',
  mode: 'working',
  entry: [
    { item: { reference: 'Observation/glucose' } },
    { item: { reference: 'Observation/note' } },
    { item: { reference: 'Observation/concept' }, deleted: true },
    { item: { reference: 'Patient/ida' } },
  ],
};
const ward = {
  resourceType: 'Location',
  id: 'ward',
  position: { latitude: 48.2206, longitude: 16.3469 },
};
const report = {
  resourceType: 'DiagnosticReport',
  id: 'report',
  status: 'final',
  code: { text: 'Panel' },
  subject: { reference: 'Patient/ida' },
  result: [{ reference: 'Observation/glucose' }],
};

beforeAll(async () => {
  fixture = await createTestDatabase(storeMigrations);
  reader = new ResourceReader(fixture.database);
  await store(...(JSON.parse(readFileSync('test/fixtures/search/resources.json', 'utf8')) as object[]));
  await store(practitioner, organization, trust, valueSet, codeSystem, below, both, filtered, list, ward);
  await store({
    resourceType: 'Patient',
    id: 'zoe',
    name: [{ family: 'Zöllner' }],
    birthDate: '1999',
    managingOrganization: { reference: 'Organization/clinic' },
  });
  await store(report);
});
afterAll(() => fixture.remove());

const search = (text: string, compartment?: { type: string; id: string }): Promise<SearchResult> => {
  const [type = '', query = ''] = text.split('?');
  return reader.search(type === '' ? undefined : type, [...new URLSearchParams(query)], {
    lenient: false,
    ownUrl: 'http://here/fhir',
    ...(compartment === undefined ? {} : { compartment }),
  });
};
const found = async (text: string): Promise<string[]> =>
  (await search(text)).matches.map((match) => match.id).sort();

describe('searching by every kind of parameter', () => {
  test.each([
    ['Patient?name=muller', ['ida']],
    ['Patient?name=Müller Österreich', ['ida']],
    ['Patient?_id:not=ida,tom', ['zoe']],
    ['Patient?_id=|ida,urn:other|zoe', ['ida']],
    ['Patient?name=MÜLLER-österreich', ['ida']],
    ['Patient?family=zol', ['zoe']],
    ['Patient?given=ann', ['ida']],
    ['Patient?name:exact=Smith', ['tom']],
    ['Patient?name:exact=smith', []],
    ['Patient?name:contains=reich', ['ida']],
    ['Patient?address-city=wien', ['ida']],
    ['Patient?gender=http://hl7.org/fhir/administrative-gender|female', ['ida']],
    ['Patient?gender:not=female', ['tom', 'zoe']],
    ['Patient?gender:missing=true', ['tom', 'zoe']],
    ['Patient?deceased=true', ['tom']],
    ['Patient?deceased=false', ['ida', 'zoe']],
    ['Patient?phone=555 1', ['ida']],
    ['Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|77', ['ida']],
    ['Patient?birthdate=1970-02', ['ida']],
    ['Patient?birthdate=gt1970-02-28', ['zoe']],
    ['Patient?birthdate=ge1970-02-28', ['ida', 'zoe']],
    ['Patient?birthdate=lt1970-03&birthdate=ne1999', ['ida']],
    ['Patient?death-date=2020-05-01', ['tom']],
    ['Patient?_tag=urn:tag|a', ['ida']],
    ['Patient?_profile=http://example.org/p', ['ida']],
    ['Patient?_source=urn:feed:1', ['ida']],
    ['Observation?code:text=blood s', ['glucose']],
    ['Observation?code=http://loinc.org|600-7', ['concept']],
    ['Observation?code:in=http://example.org/ValueSet/sugar', ['glucose']],
    ['Observation?code:not-in=http://example.org/ValueSet/sugar', ['concept', 'note']],
    ['Observation?code:in=http://example.org/ValueSet/below', ['glucose']],
    ['Observation?code:in=http://example.org/ValueSet/both', ['glucose']],
    ['Observation?code:not-in=http://example.org/ValueSet/both', ['concept', 'note']],
    ['Observation?code=15074-8,600-7&date=gt2026-01-05&status=final', ['glucose']],
    ['Observation?code-value-quantity=15074-8$gt6&date=lt2020', []],
    ['Observation?_list=worklist', ['glucose', 'note']],
    ['Observation?_list=none', []],
    ['Location?near=48.2|16.37|5|km', ['ward']],
    ['Location?near=48.2|16.37|300|m', []],
    ['Location?near=0|0,48.2|16.37', ['ward']],
    ['Observation?date=2026-01', ['concept', 'glucose']],
    ['Observation?date=2026-01-05', ['concept']],
    ['Observation?date=ge2026-01-06', ['note']],
    ['Observation?date=gt2026-01-05', ['glucose', 'note']],
    ['Observation?date=sa2026-01-31', ['note']],
    ['Observation?date=eb2026-02', ['concept', 'glucose']],
    ['Observation?date=2026-01-05T08:00:00.250Z', ['concept']],
    ['Observation?performer:identifier=urn:npi|9', ['glucose']],
    ['Observation?performer=dr', ['glucose']],
    ['Observation?subject=http://elsewhere.example/fhir/Patient/far/_history/2', ['note']],
    ['Observation?value-quantity=6.3', ['glucose']],
    ['Observation?value-quantity=0.0063|http://unitsofmeasure.org|mol/L', ['glucose']],
    ['Observation?value-quantity=gt6299|http://unitsofmeasure.org|umol/L', ['glucose']],
    ['Observation?value-quantity=6.3||mmol/l', ['glucose']],
    ['Observation?value-quantity=6.4', []],
    ['Observation?value-quantity=ap6||mmol/L', ['glucose']],
    ['Observation?component-value-quantity=16.0|http://unitsofmeasure.org|kPa', ['glucose']],
    ['Observation?code-value-quantity=15074-8$gt6', ['glucose']],
    ['Observation?component-code-value-quantity=8480-6$gt100', ['glucose']],
    ['Observation?component-code-value-quantity=8480-6$gt130', []],
    ['Observation?value-string=cafe', ['note']],
    ['Observation?_content=escherichia', ['concept']],
    ['RiskAssessment?probability=0.25', ['risk']],
    ['RiskAssessment?probability=gt0.3', []],
    ['Condition?onset-age=40|http://unitsofmeasure.org|a', ['pain']],
    ['Library?url:below=http://example.org/fhir', ['lib']],
    ['Library?url:below=http://example.org/fh', []],
    ['Library?url:above=http://example.org/fhir/Library/lib/more', ['lib']],
    ['Library?depends-on=http://example.org/fhir/Library/a', ['lib']],
    ['Library?depends-on=http://example.org/fhir/Library/a|2', []],
    ['MolecularSequence?chromosome-variant-coordinate=1$gt11$lt14', ['seq']],
    ['Appointment?location=Location/l', ['visit']],
  ])('%s', async (query, expected) => {
    expect(await found(query)).toEqual(expected);
  });
});

describe('searching across resources', () => {
  test('chains and reverse chains lead over references', async () => {
    expect(await found('Observation?subject:Patient.name=muller')).toEqual(['glucose']);
    expect(await found('Observation?patient.identifier=urn:mr|77')).toEqual(['glucose']);
    expect(await found('Patient?organization.partof.name=trust')).toEqual(['zoe']);
    expect(await found('Patient?_has:Observation:patient:code=15074-8')).toEqual(['ida']);
    expect(await found('Patient?_has:Observation:patient:_has:DiagnosticReport:result:status=final')).toEqual(
      ['ida'],
    );
    expect(await found('Patient?_has:Observation:patient:code=none')).toEqual([]);
  });

  test('included resources come once, along references, backwards, and on and on', async () => {
    const included = async (text: string): Promise<string[]> =>
      (await search(text)).included.map(({ type, id }) => `${type}/${id}`).sort();
    expect(
      await included('Observation?_id=glucose&_include=Observation:subject&_include=Observation:performer'),
    ).toEqual(['Patient/ida', 'Practitioner/dr']);
    expect(
      await included('Observation?_id=glucose&_include=Observation:*&_revinclude=DiagnosticReport:result'),
    ).toEqual(['DiagnosticReport/report', 'Patient/ida', 'Practitioner/dr']);
    expect(
      await included('Patient?_id=zoe&_include=Patient:organization&_include:iterate=Organization:partof'),
    ).toEqual(['Organization/clinic', 'Organization/trust']);
  });

  test('the Provenance of a message is found from what the message changed and from what it left as it was', async () => {
    await store(trust, { ...report, id: 'again' });
    const along = async (query: string): Promise<number> =>
      (await search(`${query}&_revinclude=Provenance:target`)).included.length;
    expect(await along('DiagnosticReport?_id=again')).toBe(1);
    expect(await along('Organization?_id=trust')).toBe(2);
    expect(await found('Provenance?target=Organization/trust&target=DiagnosticReport/again')).toHaveLength(1);
    expect(await found('Provenance?target=again&recorded=ge2020')).toHaveLength(1);
    expect(await found('Provenance?target=Patient/again')).toEqual([]);
  });

  test('a compartment holds what its definition says, and itself', async () => {
    const ida = { type: 'Patient', id: 'ida' };
    expect((await search('Observation?', ida)).matches.map(({ id }) => id)).toEqual(['glucose']);
    expect((await search('Patient?', ida)).matches.map(({ id }) => id)).toEqual(['ida']);
    const all = (await search('*?', ida)).matches.map(({ type, id }) => `${type}/${id}`);
    expect(all).toEqual(
      expect.arrayContaining(['DiagnosticReport/report', 'Observation/glucose', 'Appointment/visit']),
    );
    const error = await search('Library?', ida).catch((caught: unknown) => caught);
    expect(isEngineError(error, 'rejected') && error.code).toBe('SEARCH_TYPE_UNKNOWN');
  });

  test('several types are searched one after the other, page by page', async () => {
    const seen: string[] = [];
    let next: string | undefined;
    do {
      const page: SearchResult = await search(
        `?_type=Patient,Condition&_count=2${next === undefined ? '' : `&_page=${next}`}`,
      );
      seen.push(...page.matches.map(({ id }) => id));
      next = page.next;
    } while (next !== undefined);
    expect(seen).toEqual(['ida', 'tom', 'zoe', 'cold', 'pain']);
  });
});

describe('what is refused', () => {
  test.each([
    ['Observation?code:in=http://example.org/ValueSet/filtered', 'SEARCH_VALUE_INVALID'],
    ['Observation?code:in=http://example.org/ValueSet/nowhere', 'SEARCH_VALUE_INVALID'],
    ['Observation?_list=$current-problems', 'SEARCH_VALUE_INVALID'],
    ['Location?near=north', 'SEARCH_VALUE_INVALID'],
    ['Location?near=48.2|16.37|5|kg', 'SEARCH_VALUE_INVALID'],
    ['Patient?near=48.2|16.37', 'SEARCH_PARAMETER_UNKNOWN'],
    ['Observation?_query=mine', 'SEARCH_PARAMETER_UNKNOWN'],
    ['Observation?_filter=code eq x', 'SEARCH_PARAMETER_UNKNOWN'],
  ])('%s', async (query, code) => {
    const error = await search(query).catch((caught: unknown) => caught);
    expect(isEngineError(error, 'rejected') && error.code).toBe(code);
  });
});

describe('the form of a result', () => {
  test('it is sorted by any parameter, and its pages follow each other', async () => {
    const seen: string[] = [];
    let next: string | undefined;
    do {
      const page: SearchResult = await search(
        `Patient?_sort=-birthdate,family&_count=1${next === undefined ? '' : `&_page=${next}`}`,
      );
      seen.push(...page.matches.map(({ id }) => id));
      next = page.next;
    } while (next !== undefined);
    expect(seen).toEqual(['zoe', 'ida', 'tom']);
    expect((await search('Patient?_sort=family')).matches.map(({ id }) => id)).toEqual(['ida', 'tom', 'zoe']);
  });

  test('the total is known where it is asked for', async () => {
    expect((await search('Patient?_count=1')).total).toBeUndefined();
    expect((await search('Patient?_count=1&_total=accurate')).total).toBe(3);
    const counted = await search('Patient?_summary=count');
    expect([counted.total, counted.matches.length]).toEqual([3, 0]);
    expect((await search('Patient?_count=0&gender=female')).total).toBe(1);
  });
});
