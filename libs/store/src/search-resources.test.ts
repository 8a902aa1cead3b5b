import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isEngineError } from '#kernel';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { deleteResource, storeResources } from '../testing/store-resources.js';
import { ResourceReader, storeMigrations } from './index.js';
import type { SearchResult } from './search.js';

let fixture: TestDatabase;
let reader: ResourceReader;
let seq = 0;
const store = (...texts: string[]): Promise<void> => storeResources(fixture.database, ++seq, texts);

const patient = (id: string, ...identifiers: [system: string, value: string][]): string =>
  JSON.stringify({
    resourceType: 'Patient',
    id,
    identifier: identifiers.map(([system, value]) => (system === '' ? { value } : { system, value })),
  });
const observation = (id: string, subject: string): string =>
  JSON.stringify({ resourceType: 'Observation', id, status: 'final', subject: { reference: subject } });

beforeAll(async () => {
  fixture = await createTestDatabase(storeMigrations);
  reader = new ResourceReader(fixture.database);
  await store(patient('anna', ['urn:mr', '77'], ['urn:ssn', '1']), observation('o1', 'Patient/anna'));
  await store(patient('bert', ['urn:other', '77']), observation('o2', 'Patient/bert'));
  await store(patient('carl', ['', '77'], ['urn:mr', 'a,b|c']));
  await store(observation('o3', 'Device/anna'), observation('o4', 'Group/g'));
  await store(observation('o5', 'Patient/never-stored/_history/3'), observation('o6', 'urn:uuid:abc'));
});
afterAll(() => fixture.remove());

const options = { lenient: false, ownUrl: 'http://here/fhir' };
const search = (text: string, more: Partial<typeof options> = {}): Promise<SearchResult> => {
  const [type = '', query = ''] = text.split('?');
  return reader.search(type, [...new URLSearchParams(query)], { ...options, ...more });
};
const found = async (text: string): Promise<string[]> =>
  (await search(text)).matches.map((match) => match.id).sort();

describe('searching', () => {
  test('an identifier is found by value, by system and value, without system, and by system', async () => {
    expect(await found('Patient?identifier=77')).toEqual(['anna', 'bert', 'carl']);
    expect(await found('Patient?identifier=urn:mr|77')).toEqual(['anna']);
    expect(await found('Patient?identifier=|77')).toEqual(['carl']);
    expect(await found('Patient?identifier=urn:mr|')).toEqual(['anna', 'carl']);
    expect(await found('Patient?identifier=urn:mr|78')).toEqual([]);
    expect(await found('Observation?identifier=77')).toEqual([]);
  });

  test('a comma is "or", repetition is "and", and a backslash takes the meaning from both signs', async () => {
    expect(await found('Patient?identifier=urn:mr|77,urn:other|77')).toEqual(['anna', 'bert']);
    expect(await found('Patient?identifier=77&identifier=urn:ssn|1')).toEqual(['anna']);
    expect(await found('Patient?identifier=urn:mr|a\\,b\\|c')).toEqual(['carl']);
    expect(await found('Patient?identifier=urn:other|,77')).toEqual(['anna', 'bert', 'carl']);
  });

  test('ids are found, alone and together with other parameters', async () => {
    expect(await found('Patient?_id=anna,bert,nobody')).toEqual(['anna', 'bert']);
    expect(await found('Patient?_id=anna,bert&identifier=urn:other|77')).toEqual(['bert']);
    expect(await found('Patient?_id=anna&_id=bert')).toEqual([]);
    expect(await found('Observation?_id=o1,o2&patient=bert')).toEqual(['o2']);
  });

  test('a patient is found in every form of reference', async () => {
    for (const value of ['anna', 'Patient/anna', 'http://here/fhir/Patient/anna']) {
      expect(await found(`Observation?patient=${value}`)).toEqual(['o1']);
    }
    expect(await found('Observation?patient=anna,bert')).toEqual(['o1', 'o2']);
    expect(await found('Observation?patient=Group/g')).toEqual([]);
  });

  test('a subject may be no Patient, have no type in the query, or lie elsewhere', async () => {
    expect(await found('Observation?subject=anna')).toEqual(['o1', 'o3']);
    expect(await found('Observation?subject:Device=anna')).toEqual(['o3']);
    expect(await found('Observation?subject=Group/g')).toEqual(['o4']);
    expect(await found('Observation?subject:Patient=Group/g')).toEqual([]);
    expect(await found('Observation?subject=urn:uuid:abc')).toEqual(['o6']);
    expect(await found('Observation?subject=http://elsewhere/fhir/Patient/anna')).toEqual([]);
  });

  test('a reference to a Patient that was never stored, or to one of its versions, counts', async () => {
    expect(await found('Observation?patient=never-stored')).toEqual(['o5']);
  });

  test('both Patients of one message keep their own observations', async () => {
    await store(
      patient('dora'),
      observation('d1', 'Patient/dora'),
      patient('emil'),
      observation('e1', 'Patient/emil'),
    );
    expect(await found('Observation?patient=dora')).toEqual(['d1']);
    expect(await found('Observation?patient=emil')).toEqual(['e1']);
  });

  test('a former value and a deleted resource are not found', async () => {
    await store(patient('fay', ['urn:mr', 'former']));
    await store(patient('fay', ['urn:mr', 'present']));
    expect(await found('Patient?identifier=former')).toEqual([]);
    expect(await found('Patient?identifier=present')).toEqual(['fay']);
    await deleteResource(fixture.database, 'Patient', 'fay');
    expect(await found('Patient?identifier=present')).toEqual([]);
  });

  test('pages follow each other without gap or repeat while resources are written', async () => {
    for (let n = 0; n < 7; n++) {
      await store(patient('gina'), observation(`g${n}`, 'Patient/gina'));
    }
    const seen: string[] = [];
    let page = await search('Observation?patient=gina&_count=3');
    for (;;) {
      seen.push(...page.matches.map((match) => match.id));
      if (page.next === undefined) break;
      await store(patient('gina'), observation('g1', 'Patient/gina'), observation('o7', 'Patient/anna'));
      page = await search(`Observation?patient=gina&_count=3&_page=${page.next}`);
    }
    expect(seen.sort()).toEqual(['g0', 'g1', 'g2', 'g3', 'g4', 'g5', 'g6']);
    const all = await search('Observation?patient=gina&_count=7');
    expect([all.matches.length, all.total, all.next]).toEqual([7, 7, undefined]);
    expect((await search('Observation?patient=gina&_count=6')).total).toBeUndefined();
  });

  test('a search of a whole type goes through all of it, page by page', async () => {
    const seen: string[] = [];
    let next: string | undefined;
    do {
      const page: SearchResult = await search(
        `Patient?_count=2${next === undefined ? '' : `&_page=${next}`}`,
      );
      expect(page.matches.length).toBeLessThanOrEqual(2);
      seen.push(...page.matches.map((match) => match.id));
      next = page.next;
    } while (next !== undefined);
    expect(seen).toEqual(['anna', 'bert', 'carl', 'dora', 'emil', 'gina']);
  });

  test('a page that is full before all candidates are looked at ends where its last match stands', async () => {
    const many = Array.from({ length: 60 }, (_, n) =>
      patient(`many-${n}`, ['urn:many', n === 0 ? 'x' : 'y']),
    );
    await store(...many);
    const page = await search('Patient?identifier=urn:many|&identifier=x,77&_count=1');
    expect(page.matches.map((match) => match.id)).toEqual(['many-0']);
    expect(page.next).toBeUndefined();
  });

  test('the time of the last change can be asked for, from years to milliseconds', async () => {
    const version = await reader.read('Patient', 'anna');
    const atMs = version?.lastUpdatedMs ?? 0;
    const instant = (ms: number): string => new Date(ms).toISOString();
    const anna = (condition: string): Promise<string[]> =>
      found(`Patient?_id=anna&_lastUpdated=${condition}`);
    expect(await anna(instant(atMs))).toEqual(['anna']);
    expect(await anna(instant(atMs).slice(0, 10))).toEqual(['anna']);
    expect(await anna(`ge${instant(atMs)}`)).toEqual(['anna']);
    expect(await anna(`gt${instant(atMs)}`)).toEqual([]);
    expect(await anna(`lt${instant(atMs)}`)).toEqual([]);
    expect(await anna(`gt2020&_lastUpdated=lt2020-01`)).toEqual([]);
    expect(await anna('lt2020,gt2021')).toEqual(['anna']);
    expect(await anna(`ge${encodeURIComponent('2020-01-01T00:00:00+01:00')}`)).toEqual(['anna']);
  });

  test('what changed last comes first, or last, page by page, and since a time only that', async () => {
    await store(patient('anna', ['urn:mr', '77'], ['urn:ssn', '1'], ['urn:new', '1']));
    await store(patient('hugo', ['urn:mr', '99']), observation('h1', 'Patient/hugo'));
    const pages = async (query: string): Promise<string[]> => {
      const seen: string[] = [];
      let next: string | undefined;
      do {
        const page = await search(`${query}${next === undefined ? '' : `&_page=${next}`}`);
        seen.push(...page.matches.map(({ id }) => id));
        next = page.next;
      } while (next !== undefined);
      return seen;
    };
    const newest = await pages('Patient?_sort=-_lastUpdated&_count=3');
    expect(newest.slice(0, 2)).toEqual(['hugo', 'anna']);
    expect([...newest].sort()).toEqual((await pages('Patient?_count=1000')).sort());
    expect((await pages('Patient?_sort=-_lastUpdated&_count=10')).join()).toBe(newest.join());
    expect(await pages('Patient?_sort=_lastUpdated&_count=3')).toEqual([...newest].reverse());
    expect(await pages('Patient?_sort=_lastUpdated&_id=hugo,anna')).toEqual(['anna', 'hugo']);
    const anna = await reader.read('Patient', 'anna');
    const since = new Date(anna?.lastUpdatedMs ?? 0).toISOString();
    expect(await pages(`Patient?_lastUpdated=ge${since}&_count=1`)).toEqual(['anna', 'hugo']);
    expect((await pages(`Patient?_lastUpdated=lt${since}&_count=7`)).sort()).toEqual(newest.slice(2).sort());
    expect(await pages('Patient?_sort=-_lastUpdated&_count=2&identifier:missing=true')).toEqual([
      'gina',
      'emil',
      'dora',
    ]);
  });

  test('who reads what changed since a time, page by page, misses nothing that changes meanwhile', async () => {
    const device = (id: string, status: string) => JSON.stringify({ resourceType: 'Device', id, status });
    for (const id of ['d1', 'd2', 'd3', 'd4']) await store(device(id, 'active'));
    const first = await search('Device?_lastUpdated=gt2020&_count=2');
    expect(first.matches.map(({ id }) => id)).toEqual(['d1', 'd2']);
    await store(device('d3', 'inactive'));
    await store(device('d1', 'inactive'));
    const rest = await search(`Device?_lastUpdated=gt2020&_count=10&_page=${first.next}`);
    expect(rest.matches.map(({ id }) => id)).toEqual(['d4', 'd3', 'd1']);
  });

  test('more matches than a search may sort come in the order of their last change all the same', async () => {
    const SIZE = 2_050;
    for (let step = 0; step < 5; step++)
      await store(
        ...Array.from({ length: SIZE }, (_, n) =>
          JSON.stringify({
            resourceType: 'Basic',
            id: `b${step * SIZE + n}`,
            code: { coding: [{ code: 'often' }] },
          }),
        ),
      );
    await store(JSON.stringify({ resourceType: 'Basic', id: 'other', code: { coding: [{ code: 'once' }] } }));
    const newest = await search('Basic?code=often&_sort=-_lastUpdated&_count=2');
    const oldest = await search('Basic?code=often&_sort=_lastUpdated&_count=2');
    const [last, first] = [newest, oldest].map(({ matches }) => matches.map(({ id }) => Number(id.slice(1))));
    expect(last?.every((n) => n >= 4 * SIZE)).toBe(true);
    expect(first?.every((n) => n < SIZE)).toBe(true);
    const after = await search(`Basic?code=often&_sort=-_lastUpdated&_count=2&_page=${newest.next}`);
    expect(new Set([...newest.matches, ...after.matches].map(({ id }) => id)).size).toBe(4);
    expect(await found('Basic?code=once&_sort=-_lastUpdated')).toEqual(['other']);
    const refused = await search('Basic?code=often&_sort=code').catch((error: unknown) => error);
    expect(isEngineError(refused, 'rejected') && refused.code).toBe('SEARCH_TOO_COSTLY');
    await deleteResource(fixture.database, 'Basic', 'b0');
    expect((await search('Basic?_summary=count')).total).toBe(5 * SIZE);
    expect((await search('Basic?_count=1&_total=accurate')).total).toBe(5 * SIZE);
  });

  test('what is unknown is refused with the list of what exists, or skipped when the client is lenient', async () => {
    const refusal = async (text: string): Promise<unknown> => search(text).catch((error: unknown) => error);
    for (const text of ['Patient?nam=x', 'Patient?identifier:exact=x', 'Observation?subject.nam=x']) {
      const error = await refusal(text);
      expect(isEngineError(error, 'rejected') && error.code).toBe('SEARCH_PARAMETER_UNKNOWN');
    }
    expect(String(await refusal('Patient?nam=x'))).toContain('_id, _text, _content, ');
    for (const text of [
      'Patient?identifier=|',
      'Patient?_lastUpdated=2026-02-30',
      'Patient?_count=-1',
      'Patient?birthdate=soon',
      'Patient?_sort=nam',
      'Patient?_include=Patient:nam',
      'Patient?_page=x',
      'Patient?_id=,',
    ]) {
      const error = await refusal(text);
      expect(isEngineError(error, 'rejected') && error.code).toBe('SEARCH_VALUE_INVALID');
    }
    const error = await refusal('Nonsense?_id=1');
    expect(isEngineError(error, 'rejected') && error.code).toBe('SEARCH_TYPE_UNKNOWN');
    const lenient = await search('Patient?nam=x&_id=anna', { lenient: true });
    expect(lenient.matches.map((match) => match.id)).toEqual(['anna']);
    expect(lenient.ignored).toEqual(['nam']);
    expect(lenient.followed).toEqual([['_id', 'anna']]);
  });
});
