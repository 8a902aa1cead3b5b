import { describe, expect, test } from '@jest/globals';
import { parseDocument } from '#cda';
import type { FhirObject } from '#fhir';
import { mappingFolder } from '../testing/mapping-folder.js';
import { MappingLibrary } from './index.js';
import type { MappingResult } from './mapping-result.js';

const patient = `map: d.Patient
source: cda/person
create: Patient
key: [id]
set: { name: name }
`;
const observation = `map: d.Observation
source: cda/*
create: Observation
uses: [who]
key: [who.id, id]
set: { status: { value: final }, code: code, subject: who }
`;
const person = '<person><id extension="1"/><name>A</name></person>';

/** Maps a document of these elements with a document map of these steps, and with these maps of parts. */
function mapped(steps: string, parts: readonly string[], inside: string): MappingResult {
  const document = `map: d.Document\nfor: [cda/ClinicalDocument]\nbundle: collection\nsteps: ${steps}\n`;
  const library = new MappingLibrary(
    mappingFolder({ 'ccda/d.yaml': [document, ...parts, patient, observation].join('---\n') }),
  );
  const set = library.set([]);
  expect(set.errors).toEqual([]);
  const source = parseDocument(Buffer.from(`<ClinicalDocument>${inside}</ClinicalDocument>`));
  const map = set.forSource(source);
  if (!map) throw new Error('no map');
  return map.run(source, { tenant: 't', account: 'full' });
}

describe('a map for parts of documents', () => {
  const part = `map: d.Part
for: ['cda/obs[template=1.3]']
steps: [{ create: d.Patient, from: person, as: who }, { create: d.Observation, from: . }]
`;
  const obs = `<obs><templateId root="1.3"/>${person}<code code="a"/></obs>`;
  const hasSubject = ({ resources }: MappingResult): boolean[] =>
    resources.map(({ resource }) => (resource as FhirObject)['subject'] !== undefined);

  test.each(['a', 'b'])('knows its names wherever it may stand: in %s', (place) => {
    const result = mapped('[{ maps: //a/* }, { maps: //b/* }]', [part], `<${place}>${obs}</${place}>`);
    expect(hasSubject(result)).toEqual([false, true]);
  });

  test('may hold parts for other maps, of its own kind too, each with names of its own', () => {
    const group = `map: d.Group
for: ['cda/group[template=1.2]']
steps:
  - { create: d.Patient, from: person, as: who }
  - { maps: part/* }
  - { create: d.Observation, from: . }
`;
    const inGroup = (who: string, inside: string): string =>
      `<group><templateId root="1.2"/>${who}<part>${inside}</part><code code="c"/></group>`;
    const other = '<person><id extension="2"/><name>B</name></person>';
    const result = mapped(
      '[{ maps: //entry/* }]',
      [part, group],
      `<entry>${inGroup(person, inGroup(other, obs))}</entry>`,
    );
    const [first, second] = result.resources.filter(({ type }) => type === 'Patient');
    const subjects = result.resources.flatMap(({ type, resource }) =>
      type === 'Observation' ? [(resource['subject'] as { reference?: string } | undefined)?.reference] : [],
    );
    // That of the part in the inner group, that of the inner group, that of the outer one.
    expect(subjects).toEqual([first?.key, second?.key, first?.key]);
  });
});

test('What has no id is told apart by its content, whoever it is about', () => {
  const steps = '[{ create: d.Patient, from: //person, as: who }, { create: d.Observation, from: //obs }]';
  const idsOf = (inside: string): unknown[] =>
    mapped(steps, [], person + inside)
      .resources.slice(1)
      .map(({ resource }) => resource['id']);
  const ids = idsOf('<obs><code code="a"/></obs><obs><code code="b"/></obs><obs><code code="a"/></obs>');
  expect(ids).toHaveLength(2);
  expect(idsOf('<obs><code code="b"/></obs>')).toEqual([ids[1]]);
});

describe('elsewhere', () => {
  const referring = `map: d.Goal
source: cda/goal
create: Goal
key: [id]
set:
  identifier: id
  lifecycleStatus: { value: active }
  description: { value: { text: better } }
  subject: { value: { display: somebody } }
  addresses: about/id | elsewhere
  statusReason: { when: about/id | elsewhere not valued, use: about/name }
---
map: d.Condition
source: cda/problem
create: Condition
key: [id]
set: { identifier: id, code: code, subject: { value: { display: somebody } } }
---
map: d.Location
source: cda/place
create: Location
key: [id]
set: { identifier: id, name: name }
`;
  const steps =
    '[{ create: d.Goal, from: //goal }, { create: d.Condition, from: //problem }, { create: d.Location, from: //place }]';
  const goalOf = (id: string): FhirObject => {
    const about = `<goal><id extension="g"/><about><id extension="${id}"/><name>words</name></about></goal>`;
    const others =
      '<problem><id extension="p"/><code code="1"/></problem><place><id extension="l"/><name>L</name></place>';
    return mapped(steps, [referring], about + others).resources[0]?.resource ?? {};
  };

  test('refers to what is made of another statement, before or behind', () => {
    const goal = goalOf('p');
    expect(goal['addresses']).toEqual([
      { reference: expect.stringMatching(/^Condition\/[0-9a-f]{32}$/), identifier: { value: 'p' } },
    ]);
    expect(goal['statusReason']).toBeUndefined();
  });

  test('keeps the identifier of what may not stand there', () => {
    expect(goalOf('l')['addresses']).toEqual([{ identifier: { value: 'l' } }]);
  });

  test('is nothing where nothing else has the id', () => {
    const goal = goalOf('x');
    expect(goal['addresses']).toBeUndefined();
    expect(goal['statusReason']).toBe('words');
  });
});
