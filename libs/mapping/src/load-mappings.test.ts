import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { mappingFolder } from '../testing/mapping-folder.js';
import { formatProblem, loadMappings, type MappingSet } from './index.js';

const shipped = fileURLToPath(new URL('../../../mappings', import.meta.url));

/** The shipped tables with these mapping files alone. */
function load(files: Readonly<Record<string, string>>): MappingSet {
  return loadMappings(mappingFolder(files));
}

const message = `map: m
for: [ADT^A01]
structure: MSH PID ORDER(ORC OBX*)*
steps:
  - { create: p, as: patient }
`;

function patient(set: string): Readonly<Record<string, string>> {
  return {
    'hl7v2/m.yaml': `${message}---\nmap: p\nsource: hl7v2/PID\ncreate: Patient\nkey: [PID-3.1]\nset:\n${set}`,
  };
}

/** `line:column CODE` of every problem. */
function places(set: MappingSet): string[] {
  return set.errors.map(({ line, column, code }) => `${line}:${column} ${code}`);
}

describe('mistakes in mapping files', () => {
  test.each([
    ['a target that R4 does not have', '  nmae: PID-5\n', '12:3 MAPPING_TARGET_PATH'],
    ['a nested target that R4 does not have', '  name.famly: PID-5.1\n', '12:3 MAPPING_TARGET_PATH'],
    ['a segment nobody knows', '  name: PIX-5\n', '12:9 MAPPING_PATH'],
    ['a field the segment does not have', '  birthDate: PID-77\n', '12:14 MAPPING_PATH'],
    ['a component the type does not have', '  birthDate: PID-7.9\n', '12:14 MAPPING_PATH'],
    ['a source that cannot become the target', '  name: PID-11\n', '12:9 MAPPING_NO_CONVERSION'],
    ['a source code in a required binding', '  gender: PID-8\n', '12:11 MAPPING_BINDING'],
    ['a literal outside a required binding', '  gender: "\'man\'"\n', '12:12 MAPPING_BINDING'],
    ['a constant outside a required binding', '  gender: { value: man }\n', '12:20 MAPPING_BINDING'],
    [
      'a table outside a required binding',
      '  gender: PID-8 | table(marital-status)\n',
      '12:19 MAPPING_BINDING',
    ],
    [
      'an alternative behind one that always gives',
      '  gender: { choose: [{ value: male }, PID-8 | table(administrative-gender)] }\n',
      '12:39 MAPPING_UNREACHABLE',
    ],
    [
      'an alternative behind a literal',
      "  birthDate: PID-7\n  gender: \"'male' ?? 'female'\"\n",
      '13:22 MAPPING_UNREACHABLE',
    ],
    ['a table nobody wrote', '  gender: PID-8 | table(genders)\n', '12:19 MAPPING_UNKNOWN_TABLE'],
    ['a function nobody wrote', '  gender: PID-8 | tabel(sex)\n', '12:19 MAPPING_UNKNOWN_FUNCTION'],
    ['a name nobody gave', '  generalPractitioner: [doctor]\n', '12:25 MAPPING_UNKNOWN_NAME'],
    ['a map nobody wrote', '  generalPractitioner: PD1-4 as v2.X.Y\n', '12:30 MAPPING_UNKNOWN_MAP'],
    ['a reference to the wrong type', '  generalPractitioner: [patient]\n', '12:25 MAPPING_REFERENCE_TARGET'],
    ['a list for one value', '  birthDate: [PID-7, PID-29]\n', '12:14 MAPPING_CARDINALITY'],
    [
      'a required part that no rule sets',
      '  link: [{ set: { other: { value: { display: x } } } }]\n',
      'MAPPING_REQUIRED_MISSING',
    ],
    ['an undecided choice', '  deceased: { value: true }\n', 'MAPPING_CHOICE'],
    ['the same element twice', '  name: PID-5\n  name: PID-9\n', 'MAPPING_DUPLICATE_KEY'],
    ['a key of a rule that is none', '  name: { uses: PID-5 }\n', 'MAPPING_UNKNOWN_KEY'],
    ['an unfinished expression', '  name: PID-5 |\n', 'MAPPING_EXPRESSION'],
    ['a broken file', '  name: [PID-5\n', 'MAPPING_YAML'],
  ])('%s', (_name, set, problem) => {
    const loaded = load(patient(set));
    expect(places(loaded).join('\n')).toContain(problem);
    expect(loaded.forMessage('ADT', 'A01')).toBeUndefined();
    for (const error of loaded.errors)
      expect(formatProblem(error)).toMatch(/^hl7v2\/m\.yaml:\d+:\d+ [A-Z_]+ .+ - .+/);
  });

  test('a required element that no rule sets', () => {
    const set = load({
      'hl7v2/m.yaml': `${message}---\nmap: p\nsource: hl7v2/PID\ncreate: Observation\nkey: [PID-3.1]\nset:\n  status: { value: final }\n`,
    });
    expect(set.errors[0]).toMatchObject({
      code: 'MAPPING_REQUIRED_MISSING',
      line: 9,
      message: 'Observation.code is required and no rule sets it',
    });
  });

  test('the nearest name is suggested', () => {
    const [error] = load(patient('  birthDat: PID-7\n')).errors;
    expect(error?.remedy).toBe("did you mean 'birthDate'?");
  });

  test('steps name maps and groups that exist', () => {
    const set = load({
      'hl7v2/m.yaml':
        'map: m\nfor: [ADT^A01]\nstructure: MSH PID\nsteps:\n  - create: nobody\n  - each: NOWHERE\n    steps: []\n',
    });
    expect(places(set)).toEqual(['5:13 MAPPING_UNKNOWN_MAP', '6:11 MAPPING_GROUP']);
  });

  test('two maps of one name, two maps for one message', () => {
    const good = patient('  name: PID-5\n')['hl7v2/m.yaml'] ?? '';
    const set = load({
      'hl7v2/a.yaml': good,
      'hl7v2/b.yaml': 'map: p\nsource: hl7v2/PID\ncreate: Patient\nkey: [PID-3]\nset: { name: PID-5 }\n',
      'hl7v2/c.yaml': 'map: c\nfor: [ADT^A01]\nstructure: MSH\nsteps: []\n',
    });
    expect(set.errors.map(({ file, code }) => `${file} ${code}`)).toEqual([
      'hl7v2/b.yaml MAPPING_DUPLICATE_NAME',
      'hl7v2/c.yaml MAPPING_DUPLICATE_CLAIM',
    ]);
    expect(set.forMessage('ADT', 'A01')?.name).toBe('m');
  });

  test('a map that comes back to itself would run for ever', () => {
    const set = load({
      'hl7v2/m.yaml': `${message}---\nmap: p\nsource: hl7v2/PID\ncreate: Patient\nkey: [PID-3.1]\nset:\n  managingOrganization: PD1-3\n---\nmap: o\nsource: hl7v2/XON\ncreate: Organization\nkey: [XON.1]\nset:\n  name: XON.1\n  partOf: XON\n`,
    });
    expect(set.errors.map(({ code }) => code)).toContain('MAPPING_UNUSABLE');
  });
});

describe('mistakes in code tables', () => {
  test.each([
    ['from,system,to,toSystem,display,note\nA,,b,,,\n', '1:1 TABLE_WITHOUT_ELSE'],
    ['from,to\nA,b\n', '1:1 TABLE_HEADER'],
    ['from,system,to,toSystem,display,note\nA,,b\n*,,(none),,,\n', '2:1 TABLE_COLUMNS'],
    ['from,system,to,toSystem,display,note\nA,,b,,,\nA,,c,,,\n*,,(none),,,\n', '3:1 TABLE_DUPLICATE'],
  ])('%p', (text, problem) => {
    expect(places(load({ ...patient('  name: PID-5\n'), 'tables/odd.csv': text }))).toEqual([problem]);
  });

  test('a missing table of the data types is named', () => {
    const folder = mappingFolder(patient('  name: PID-5\n'));
    const set = loadMappings(folder);
    rmSync(join(folder, 'tables', 'ucum.csv'));
    expect(set.errors).toEqual([]);
    expect(loadMappings(folder).errors).toMatchObject([{ file: 'tables/ucum.csv', code: 'TABLE_MISSING' }]);
  });
});

describe('a set of mappings', () => {
  test('one file with a mistake takes nothing else down', () => {
    const oru = readFileSync(join(shipped, 'hl7v2/oru-r01.yaml'), 'utf8');
    expect(oru).toContain('v2.ORU_R01');
    const set = load({
      ...patient('  name: PID-5\n'),
      'hl7v2/broken.yaml': 'map: [\n',
      'hl7v2/odd.yaml': 'map: x\nfor: [ADT^A02]\nstructure: NOT_HERE\nsteps: []\n',
    });
    expect(set.errors.map(({ file }) => file)).toEqual(['hl7v2/broken.yaml', 'hl7v2/odd.yaml']);
    expect(set.forMessage('ADT', 'A01')?.name).toBe('m');
  });

  test('of a file that is no YAML one mistake is told, and nothing of what it no longer says', () => {
    const { 'hl7v2/m.yaml': text = '' } = patient('  name: PID-5\n');
    expect(places(load({ 'hl7v2/m.yaml': text.replace('map: p', 'map: [p') }))).toHaveLength(1);
    expect(places(load({ 'hl7v2/m.yaml': text.replace('map: m', 'map: "m') }))).toHaveLength(1);
  });

  test('the map for a message is found by trigger, by structure, by name and by file', () => {
    const set = loadMappings(shipped);
    expect(set.forMessage('ADT', 'A08')?.name).toBe('v2.ADT_A01');
    expect(set.forMessage('ADT', 'A99', 'ADT_A01')?.name).toBe('v2.ADT_A01');
    expect(set.forMessage('ZZZ', 'Z01')).toBeUndefined();
    expect(set.named('hl7v2/oru-r01')?.name).toBe('v2.ORU_R01');
    expect(set.named('v2.VXU_V04')?.name).toBe('v2.VXU_V04');
  });

  test('the digest is that of the files that took part', () => {
    const files = patient('  name: PID-5\n');
    const digest = (more: Readonly<Record<string, string>>): string | undefined =>
      load({ ...files, ...more }).forMessage('ADT', 'A01')?.digest;
    const first = digest({});
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(digest({})).toBe(first);
    expect(digest({ 'hl7v2/other.yaml': 'map: o\nfor: [ADT^A02]\nstructure: MSH\nsteps: []\n' })).toBe(first);
    expect(load(patient('  name: [PID-5, PID-9]\n')).forMessage('ADT', 'A01')?.digest).not.toBe(first);
  });
});
