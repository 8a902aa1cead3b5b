import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mappingFolder } from '../../testing/mapping-folder.js';
import { loadMappings, type MappingProblem } from '../index.js';
import { Problems } from '../language/problems.js';
import { readMappingFile } from '../language/read-mapping-file.js';
import { mappingFiles } from '../mapping-files.js';
import { readTable } from '../tables/read-table.js';
import { readTests } from '../tests/read-tests.js';

const shipped = fileURLToPath(new URL('../../../../mappings', import.meta.url));
const texts = ['ccda', 'hl7v2', 'layers']
  .flatMap((folder) => mappingFiles(shipped, folder, '.yaml'))
  .map((file) => readFileSync(join(shipped, file), 'utf8'));
/** Whatever a person may have typed, it takes no longer than this on a slow and busy computer. */
const longestMs = 5_000;
/** ANY_RUNS=5000 looks longer. */
const runs = Number(process.env['ANY_RUNS'] ?? 80);
const timeoutMs = 30_000 + runs * 100;

const folder = mappingFolder({ 'hl7v2/.keep': '', 'layers/site/.keep': '' });

/** Text that is nearly a mapping file: shipped ones with parts cut out, put in, doubled and exchanged. */
const scraps = [
  ...[
    '',
    ' ',
    '\n',
    '  ',
    '- ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    '|',
    '??',
    '|',
    "'",
    '"',
    '#',
    '&a ',
    '*a',
    '!!',
    '---\n',
    '\t',
  ],
  ...[
    'PID-3',
    'PID-5[1].',
    'OBX-5',
    'XCN.1',
    'channel.',
    'patient',
    'when: ',
    'each: ',
    'choose: ',
    'by: ',
    'as ',
    'table(',
  ],
  ...[
    'set:\n',
    'map: ',
    'patch: ',
    'v2.PID.Patient',
    'create: ',
    'steps: []\n',
    'drop:\n',
    '__proto__',
    'constructor',
    '((((((((',
    '999999999',
    '\u0000',
  ],
];
const edit = fc.record({
  at: fc.nat(),
  length: fc.nat({ max: 60 }),
  text: fc.oneof(fc.constantFrom(...scraps), fc.string({ maxLength: 8 })),
  from: fc.option(fc.nat(), { nil: undefined }),
});
const mutated = fc
  .tuple(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 5 }))
  .map(([text, edits]) => {
    let out = text;
    for (const { at, length, text: put, from } of edits) {
      const place = at % (out.length + 1);
      const source = from === undefined ? put : out.slice(from % (out.length + 1)).slice(0, length);
      out = `${out.slice(0, place)}${source}${out.slice(place + length)}`;
    }
    return out;
  });

/** Every problem has its place in the file and something to do. */
function expectGood(problems: readonly MappingProblem[]): void {
  for (const { line, column, code, message, remedy } of problems) {
    expect(line).toBeGreaterThan(0);
    expect(column).toBeGreaterThan(0);
    expect(code).toMatch(/^[A-Z][A-Z_]+$/);
    expect([message, remedy]).not.toContain('');
  }
}

function inTime(work: () => void): void {
  const startedMs = performance.now();
  work();
  expect(performance.now() - startedMs).toBeLessThan(longestMs);
}

describe('whatever stands in a file, the answer is a list of problems', () => {
  test(
    'a mapping file that is nearly one',
    () => {
      fc.assert(
        fc.property(mutated, (text) => {
          inTime(() => {
            const problems = new Problems('x.yaml');
            readMappingFile('x.yaml', text, problems);
            expectGood(problems.list);
          });
        }),
        { numRuns: runs },
      );
    },
    timeoutMs,
  );

  test(
    'any text at all, as a mapping, a table and a test file',
    () => {
      fc.assert(
        fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), mutated), (text) => {
          inTime(() => {
            for (const read of [readMappingFile.bind(undefined, 'x'), readTable.bind(undefined, 'x')]) {
              const problems = new Problems('x');
              read(text, problems);
              expectGood(problems.list);
            }
            const problems = new Problems('x');
            readTests(text, problems);
            expectGood(problems.list);
          });
        }),
        { numRuns: runs },
      );
    },
    timeoutMs,
  );

  const small = `map: m
for: [ADT^A01]
structure: MSH PID NK1* ORDER(OBR OBX*)*
steps:
  - { create: p, as: patient }
  - create: n
  - each: ORDER
    as: order
    steps:
      - { create: o, as: results, when: OBX-11 != 'D' }
---
map: p
source: hl7v2/PID
create: Patient
merge: update
key:
  - PID-3[type=MR].1 ?? PID-3.1
  - channel.assigner
set:
  active: { value: true }
  name: PID-5
  gender: PID-8 | table(administrative-gender)
  telecom:
    - PID-13 | use(home)
    - name: work
      use: PID-14 | use(work)
  deceased: PID-29 as dateTime ?? PID-30 as boolean
  extension(patient-religion).valueCodeableConcept: PID-17
drop:
  PID-1: set id
---
map: n
source: hl7v2/NK1
create: RelatedPerson
uses: [patient]
when: NK1-2 valued or count(NK1-3) > 1
key: [NK1-2.1]
set:
  patient: patient
  name: { each: NK1-2, set: { family: NK1-2.1, text: "NK1-2 | join(', ')" } }
---
map: o
source: hl7v2/OBX
create: Observation
uses: [patient]
key: [order.OBR-3, OBX-3]
set:
  status: { choose: [OBX-11 | table(observation-status), { value: unknown }] }
  code: OBX-3 | text(OBX-4)
  subject: patient
  value:
    by: OBX-2
    cases: { NM: OBX-5 | quantity(OBX-6) as Quantity, 'ST, TX': OBX-5 as string }
    else: OBX-5 | raw
  note: { each: NTE, set: { text: NTE-3 } }
`;
  const site = `patch: p
set:
  telecom[work]: PID-14 | use(work)
  birthDate: PID-7
remove: [gender, drop PID-1]
---
patch: m
steps:
  - each: ORDER
    steps:
      - create: o
`;
  const anyOf = (text: string) =>
    fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => {
      let out = text;
      for (const { at, length, text: put, from } of edits) {
        const place = at % (out.length + 1);
        const source = from === undefined ? put : out.slice(from % (out.length + 1)).slice(0, length);
        out = `${out.slice(0, place)}${source}${out.slice(place + (length % 12))}`;
      }
      return out;
    });

  test(
    'maps and a layer over them, compiled',
    () => {
      let good = 0;
      fc.assert(
        fc.property(anyOf(small), fc.oneof(fc.constant(site), anyOf(site)), (text, patch) => {
          writeFileSync(join(folder, 'hl7v2/m.yaml'), text);
          writeFileSync(join(folder, 'layers/site/m.yaml'), patch);
          inTime(() => {
            const { errors } = loadMappings(folder, { layers: ['site'] });
            expectGood(errors);
            if (errors.length === 0) good++;
          });
        }),
        { numRuns: runs },
      );
      writeFileSync(join(folder, 'hl7v2/m.yaml'), small);
      writeFileSync(join(folder, 'layers/site/m.yaml'), site);
      expect(loadMappings(folder, { layers: ['site'] }).errors).toEqual([]);
      expect(good).toBeLessThan(runs);
    },
    timeoutMs,
  );

  test.each([
    ['brackets', `${'('.repeat(20_000)}PID-3`],
    ['functions', `PID-3${' | upper'.repeat(20_000)}`],
    ['alternatives', `PID-3${' ?? PID-3'.repeat(20_000)}`],
    ['a long word', 'a'.repeat(500_000)],
    ['spaces', `PID-3${' '.repeat(200_000)}`],
    ['quotes', "'".repeat(100_001)],
  ])('an endless expression: %s', (_name, expression) => {
    writeFileSync(
      join(folder, 'hl7v2/m.yaml'),
      small.replace('name: PID-5', `name: ${JSON.stringify(expression)}`),
    );
    rmSync(join(folder, 'layers/site/m.yaml'), { force: true });
    inTime(() => {
      expectGood(loadMappings(folder).errors);
    });
  });

  test.each([
    ['lists', `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
    ['maps', `${'{set: '.repeat(2_000)}${'}'.repeat(2_000)}`],
    ['aliases', '&a [*a, *a, *a, *a, *a, *a, *a, *a, *a]'],
  ])('an endless YAML: %s', (_name, value) => {
    writeFileSync(join(folder, 'hl7v2/m.yaml'), small.replace('name: PID-5', `name: ${value}`));
    inTime(() => {
      const { errors } = loadMappings(folder);
      expect(errors.length).toBeGreaterThan(0);
      expectGood(errors);
    });
  });

  test.each([
    ['groups', `MSH ${'A('.repeat(3_000)}PID${')'.repeat(3_000)}`],
    ['segments', `MSH ${'PID '.repeat(20_000)}`],
    ['nothing', '((((('],
  ])('an endless grammar: %s', (_name, grammar) => {
    writeFileSync(
      join(folder, 'hl7v2/m.yaml'),
      small.replace('MSH PID NK1* ORDER(OBR OBX*)*', JSON.stringify(grammar)),
    );
    inTime(() => {
      expectGood(loadMappings(folder).errors);
    });
  });
});
