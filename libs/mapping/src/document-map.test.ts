import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CdaDocument, parseDocument } from '#cda';
import { checkResource, type FhirObject, readJson } from '#fhir';
import { mappingFolder } from '../testing/mapping-folder.js';
import { convertFile, loadMappings, MappingLibrary } from './index.js';
import type { MappingReport, MappingResult } from './mapping-result.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const fixtures = join(root, 'test/fixtures/ccda');
const set = loadMappings(join(root, 'mappings'), { layers: ['us'] });
const files = readdirSync(fixtures).filter((file) => file.endsWith('.xml'));

function run(document: CdaDocument): MappingResult {
  const map = set.forSource(document);
  if (!map) throw new Error(`no map for ${document.root.name}`);
  return map.run(document, { tenant: 't', account: 'full' });
}

/** What is wrong with a converted file: issues of R4, ids that stand twice, references that lead nowhere. */
function faultsOf(bundle: string): string[] {
  const value = readJson(bundle) as {
    entry?: { resource: FhirObject & { id: string; resourceType: string } }[];
  };
  const ids = (value.entry ?? []).map(({ resource }) => `${resource.resourceType}/${resource.id}`);
  const known = new Set(ids);
  const dangling = [...bundle.matchAll(/"reference":"([^"]+)"/g)]
    .map((match) => match[1] ?? '')
    .filter((one) => !known.has(one));
  const issues = checkResource(value as unknown as FhirObject).map(
    ({ path, message }) => `${path}: ${message}`,
  );
  return [...issues, ...dangling, ...(known.size < ids.length ? ['an id stands twice'] : [])];
}

/** Every leaf is mapped, dropped or unmapped, and in one of them only. */
function checkAccount(document: CdaDocument, report: MappingReport): void {
  const leaves: string[] = [];
  document.eachLeaf((element, leaf) => leaves.push(document.path(element, leaf)));
  expect(report.mapped + report.droppedCount + report.unmappedCount).toBe(leaves.length);
  expect(report.dropped).toHaveLength(report.droppedCount);
  expect(report.unmapped).toHaveLength(report.unmappedCount);
}

describe.each(files)('%s', (file) => {
  const bytes = readFileSync(join(fixtures, file));
  const document = parseDocument(bytes);

  test('becomes a document of R4 that is whole in itself', () => {
    const { bundle = '', messages } = convertFile(bytes, set, { tenant: 't' });
    expect(messages[0]?.refusal).toBeUndefined();
    expect(faultsOf(bundle)).toEqual([]);
    const value = readJson(bundle) as { type: string; entry: { resource: FhirObject }[] };
    expect(value.type).toBe('document');
    expect(value.entry[0]?.resource['resourceType']).toBe('Composition');
  });

  test('has the same bytes on each run, whether or not somebody asks for the account', () => {
    const once = convertFile(bytes, set, { tenant: 't' }).bundle;
    expect(convertFile(bytes, set, { tenant: 't', lineage: true }).bundle).toBe(once);
    const map = set.forSource(document);
    const plain = map?.run(document, { tenant: 't' }).resources.map(({ resource }) => resource);
    expect(plain).toEqual(run(document).resources.map(({ resource }) => resource));
  });

  test('accounts for every leaf, and every value of it comes from one that is there', () => {
    checkAccount(document, run(document).report);
    const paths = new Set<string>();
    document.eachLeaf((element, leaf) => paths.add(document.path(element, leaf)));
    for (const { sources } of set.forSource(document)?.lineage(document, { tenant: 't' }) ?? [])
      for (const source of sources) expect(paths).toContain(source);
  });

  test('damaged anywhere it is refused, or converted to what is whole in itself', () => {
    const text = bytes.toString('utf8');
    const places = [
      ...text.matchAll(/<[^!?/][^>]*\/>|\s[\w:]+="[^"]*"|(?<=")[^"<>]+(?=")|<(\w+)>[^<]*<\/\1>/g),
    ];
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.nat({ max: places.length - 1 }),
            fc.constantFrom('', ' ', 'x', ' nullFlavor="UNK"', '-1'),
          ),
          { minLength: 1, maxLength: 12 },
        ),
        (damages) => {
          let damaged = text;
          const ordered = [...new Map(damages)].sort(([a], [b]) => b - a);
          for (const [n, by] of ordered) {
            const index = places[n]?.index ?? 0;
            const was = places[n]?.[0] ?? '';
            damaged = damaged.slice(0, index) + by + damaged.slice(index + was.length);
          }
          const { bundle, messages } = convertFile(Buffer.from(damaged), set, { tenant: 't' });
          if (bundle === undefined) expect(messages[0]?.refusal?.code).toMatch(/^CDA_/);
          else expect(faultsOf(bundle)).toEqual([]);
        },
      ),
      { seed: 20_266, numRuns: 60 },
    );
  });
});

describe('a map of documents', () => {
  const patient = `map: d.Patient
source: cda/person
create: Patient
key: [id]
set: { name: name, active: ./@live == 'true' }
`;
  const files2 = (document: string, others = ''): string =>
    mappingFolder({
      'ccda/d.yaml': `map: d.Document\nfor: [cda/ClinicalDocument]\nbundle: collection\n${document}`,
      'ccda/o.yaml': others,
    });
  const named = `map: d.Patient
source: cda/person
create: Patient
key: [id]
set: { name: name }
drop: { note: a note }
---
map: d.Observation
source: cda/*
create: Observation
uses: [who]
key: [who.id, id]
set: { status: { value: final }, code: code, subject: who, value: value }
`;
  const document = (inside: string): CdaDocument =>
    parseDocument(Buffer.from(`<ClinicalDocument>${inside}</ClinicalDocument>`));
  const mapped = (folder: string, inside: string, layers: readonly string[] = []): MappingResult => {
    const library = new MappingLibrary(folder);
    expect(library.set(layers).errors).toEqual([]);
    const source = document(inside);
    const map = library.set(layers).forSource(source);
    if (!map) throw new Error('no map');
    return map.run(source, { tenant: 't', account: 'full' });
  };

  test('reports an expression that is none', () => {
    const { errors } = new MappingLibrary(
      files2('steps: [{ create: d.Patient, from: //person }]', patient),
    ).set();
    expect(errors.map(({ code }) => code)).toContain('MAPPING_EXPRESSION');
  });

  test('names what its steps made within the element around them, and starts anew in the next', () => {
    const folder = files2(
      `steps:
  - each: //group
    steps:
      - { create: d.Patient, from: person, as: who }
      - { create: d.Observation, from: thing }
`,
      named,
    );
    const inside =
      '<group><person><id root="1"/><name>A</name></person><thing><id root="x"/><code code="1"/></thing></group>' +
      '<group><thing><id root="x"/><code code="1"/></thing></group>';
    const { resources } = mapped(folder, inside);
    expect(resources.map(({ type, resource }) => [type, resource['subject'] !== undefined])).toEqual([
      ['Patient', false],
      ['Observation', true],
      ['Observation', false],
    ]);
  });

  test('gives parts to the maps that are for them, those of a template first, and tells what nobody is for', () => {
    const parts = `${named}---
map: d.Any
for: ['cda/observation[code]']
steps: [{ create: d.Observation, from: . }]
---
map: d.Special
for: ['cda/observation[template=9.9]']
steps: [{ create: d.Observation, from: part }]
drop: { templateId: says which map }
`;
    const folder = files2('steps:\n  - maps: entry/*\n', parts);
    const inside =
      '<entry><observation><id root="1"/><code code="1"/></observation></entry>' +
      '<entry><observation><templateId root="9.9"/><part><id root="2"/><code code="2"/></part></observation></entry>' +
      '<entry><act><templateId root="5.5"/><id root="3"/></act></entry>';
    // The root is the element of the document: paths of a document map begin above it.
    const above = files2('steps:\n  - each: ClinicalDocument\n    steps: [{ maps: entry/* }]\n', parts);
    const { resources, report } = mapped(above, inside);
    expect(
      resources.map(({ resource }) => (resource['code'] as { coding: { code: string }[] }).coding[0]?.code),
    ).toEqual(['1', '2']);
    expect(report.errors).toEqual([
      {
        code: 'CDA_TEMPLATE_UNKNOWN',
        path: 'ClinicalDocument/entry[3]/act',
        rule: 'd.Document',
        message: 'no map is for act with the template 5.5',
      },
    ]);
    expect(report.dropped.map(({ path }) => path)).toEqual([
      'ClinicalDocument/entry[2]/observation/templateId/@root',
    ]);
    expect(mapped(folder, inside).resources).toEqual([]);
  });

  test('drops what a map says from its element on, and a document map anywhere; what is read is mapped', () => {
    const folder = files2(
      "steps: [{ create: d.Patient, from: //person }]\ndrop: { '//@kind': a kind, '//name': never counts where it is read }\n",
      named,
    );
    const inside =
      '<person kind="k"><id root="1"/><name>A</name><note a="1">n<b>m</b></note></person><name>B</name><note>x</note>';
    const { report } = mapped(folder, inside);
    expect(report.dropped.map(({ path, reason }) => [path, reason])).toEqual([
      ['ClinicalDocument/person/@kind', 'a kind'],
      ['ClinicalDocument/person/note/@a', 'a note'],
      ['ClinicalDocument/person/note', 'a note'],
      ['ClinicalDocument/person/note/b', 'a note'],
      ['ClinicalDocument/name', 'never counts where it is read'],
    ]);
    expect(report.unmapped).toEqual(['ClinicalDocument/person/id/@root', 'ClinicalDocument/note']);
  });

  test('is patched by a layer, rule by rule', () => {
    const folder = mappingFolder({
      'ccda/d.yaml': `map: d.Document\nfor: [cda/ClinicalDocument]\nsteps: [{ create: d.Patient, from: //person, as: who }]\n---\n${named}`,
      'layers/site/p.yaml':
        'patch: d.Patient\nset: { birthDate: birth }\nremove: [name]\n---\npatch: d.Document\nsteps: [{ create: d.Observation, from: //thing }]\n',
    });
    const inside =
      '<person><id root="1"/><name>A</name><birth value="1980"/></person><thing><code code="1"/></thing>';
    const { resources } = mapped(folder, inside, ['site']);
    expect(resources.map(({ resource }) => resource)).toMatchObject([
      { resourceType: 'Patient', birthDate: '1980' },
      { resourceType: 'Observation', subject: { reference: resources[0]?.key } },
    ]);
    expect(resources[0]?.resource).not.toHaveProperty('name');
  });

  test.each([
    ['steps: [{ create: d.Nobody, from: //person }]', /MAPPING_UNKNOWN_MAP/],
    [
      'steps: [{ create: d.Patient, from: //people }]',
      /MAPPING_SOURCE.*reads person, and the path leads to people/,
    ],
    ['steps: [{ create: d.Patient, from: "//person/@id" }]', /MAPPING_GROUP/],
    ['steps: [{ create: d.Patient, from: "a[" }]', /MAPPING_GROUP/],
  ])('%s is told with its place', (steps, wanted) => {
    const problems = new MappingLibrary(files2(steps, named)).set().errors;
    expect(problems.map(({ code, message }) => `${code} ${message}`).join('\n')).toMatch(wanted);
  });

  test('a long text that every entry names is brought so often as there is room for, in time that grows with the document', () => {
    const folder = files2('steps: [{ create: d.Observation, from: //thing }]\n', named);
    const thing = '<thing><code><originalText><reference value="#t"/></originalText></code></thing>';
    const source = document(`<text ID="t">${'word '.repeat(100_000)}</text>${thing.repeat(2_000)}`);
    const map = new MappingLibrary(folder).set().forSource(source);
    const startMs = performance.now();
    const { resources = [] } = map?.run(source, { tenant: 't' }) ?? {};
    expect(JSON.stringify(resources.map(({ resource }) => resource)).length).toBeLessThan(20_000_000);
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});

test('what a document says twice with one identifier is one resource, and what points to the second points to the first', () => {
  const concern = (number: number, name: string) =>
    `<entry><act classCode="ACT" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.3"/><id root="1.2.3" extension="c${number}"/><code code="CONC"/><statusCode code="active"/><entryRelationship typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.4"/><id root="1.2.3" extension="o${number}"/><author><time value="2026"/><assignedAuthor><id root="2.16.840.1.113883.4.6" extension="77"/><assignedPerson><name>${name}</name></assignedPerson></assignedAuthor></author><value code="38341003" codeSystem="2.16.840.1.113883.6.96"/></observation></entryRelationship></act></entry>`;
  const text = `<section xmlns="urn:hl7-org:v3"><title>Problems</title>${concern(1, '<family>Admin</family><given>Ann</given>')}${concern(2, '<given>Ann</given><family>Admin</family>')}</section>`;
  const { resources } = run(parseDocument(Buffer.from(text)));
  const persons = resources.filter(({ type }) => type === 'Practitioner');
  expect(persons.map(({ resource }) => resource['name'])).toEqual([[{ family: 'Admin', given: ['Ann'] }]]);
  const json = JSON.stringify(resources.map(({ resource }) => resource));
  const known = new Set(resources.map(({ key }) => key));
  const targets = [...json.matchAll(/"reference":"([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(targets.filter((target) => !known.has(target))).toEqual([]);
  expect(targets.filter((target) => target === persons[0]?.key).length).toBeGreaterThan(1);
});
