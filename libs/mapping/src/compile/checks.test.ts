import { describe, expect, test } from '@jest/globals';
import { mappingFolder } from '../../testing/mapping-folder.js';
import { formatProblem, MappingLibrary } from '../index.js';

/** The shipped tables with these files alone. */
function library(files: Readonly<Record<string, string>>): MappingLibrary {
  return new MappingLibrary(mappingFolder(files));
}

/** A patient under a name, and what a document says of a NK1 (from line 8 on). */
function files(document: string): Record<string, string> {
  const patient = 'map: p\nsource: hl7v2/PID\ncreate: Patient\nkey: [PID-3.1]\nset:\n  name: PID-5\n';
  return {
    'hl7v2/m.yaml':
      'map: m\nfor: [ADT^A01]\nstructure: MSH PID NK1*\nsteps:\n  - { create: p, as: patient }\n  - create: n\n',
    'hl7v2/p.yaml': patient,
    'hl7v2/n.yaml': `map: n\nsource: hl7v2/NK1\ncreate: RelatedPerson\n${document}`,
  };
}

const head = 'uses: [patient]\nkey: [NK1-2.1]\nset:\n  patient: patient\n';

function problems(document: string): string[] {
  const { errors } = library(files(document)).set();
  for (const error of errors) expect(formatProblem(error)).toMatch(/^\S+:\d+:\d+ [A-Z_]+ .+ - .+/);
  return errors
    .filter(({ file }) => file === 'hl7v2/n.yaml')
    .map(({ line, column, code }) => `${line}:${column} ${code}`);
}

describe('one document', () => {
  test.each([
    ['a drop of a field that no version has', 'drop:\n  NK1-77: none\n', '9:3 MAPPING_DROP_PATH'],
    ['a drop of a component that the type lacks', 'drop:\n  NK1-2.44: none\n', '9:3 MAPPING_DROP_PATH'],
    ['a drop of a subcomponent that the type lacks', 'drop:\n  NK1-2.1.9: x\n', '9:3 MAPPING_DROP_PATH'],
    ['a drop of a segment nobody knows', 'drop:\n  NKX-1: none\n', '9:3 MAPPING_DROP_PATH'],
    ['a drop of one repetition', 'drop:\n  NK1-2[1]: none\n', '9:3 MAPPING_DROP_PATH'],
    ['a drop of a data type', 'drop:\n  XPN.1: none\n', '9:3 MAPPING_DROP_PATH'],
    [
      'a drop of a text that a rule always reads',
      '  identifier.value: NK1-10\ndrop:\n  NK1-10: no use\n',
      '10:3 MAPPING_DROP_READ',
    ],
    ['the same rule twice', '  telecom:\n    - NK1-5\n    - NK1-5\n', '10:7 MAPPING_DUPLICATE_RULE'],
    ['the same alternative twice', '  birthDate: NK1-16 ?? NK1-16\n', '8:24 MAPPING_UNREACHABLE'],
    [
      'the same choice twice',
      '  gender: { choose: [NK1-15 | table(administrative-gender), NK1-15 | table(administrative-gender)] }\n',
      '8:61 MAPPING_UNREACHABLE',
    ],
    [
      'a parameter that is misspelt',
      '  identifier: { set: { system: channel.asigner, value: NK1-12 } }\n',
      '8:32 MAPPING_UNKNOWN_PARAMETER',
    ],
  ])('%s', (_name, set, problem) => {
    expect(problems(`${head}${set}`)).toEqual([problem]);
  });

  test.each(['NK1-30', 'NK1-2.14', 'NK1', 'ZPI-3', 'OBX-5.7', 'NK1-5.1'])('%s may be dropped', (path) => {
    expect(problems(`${head}drop:\n  ${path}: nobody needs it\n`)).toEqual([]);
  });

  test('a drop beside a rule with a condition counts where the condition fails', () => {
    const rule = "identifier.value: { when: NK1-15 == 'F', use: NK1-10 }";
    expect(problems(`${head}  ${rule}\ndrop:\n  NK1-10: no use\n`)).toEqual([]);
    const map = `when: NK1-2 valued\n${head}  identifier.value: NK1-10\ndrop:\n  NK1-10: no use\n`;
    expect(problems(map)).toEqual([]);
  });

  test('a name that no rule refers to', () => {
    expect(problems(head.replace('[patient]', '[patient, doctor]'))).toEqual(['4:17 MAPPING_UNUSED_NAME']);
    expect(problems(head.replace('[NK1-2.1]', '[doctor.id]').replace('t]', 't, doctor]'))).toEqual([]);
  });

  test('the same step twice', () => {
    const all = files(head);
    const twice = { ...all, 'hl7v2/m.yaml': `${all['hl7v2/m.yaml'] ?? ''}  - create: n\n` };
    const [error] = library(twice).set().errors;
    expect(error).toMatchObject({ line: 7, code: 'MAPPING_DUPLICATE_RULE' });
  });

  test('a parameter of the site is nobody else’s business', () => {
    const set = '  identifier: { set: { system: channel.ward_system, value: NK1-12 } }\n';
    expect(problems(`${head}${set}`)).toEqual([]);
  });
});

describe('required bindings of concepts', () => {
  const allergy = (status: string) =>
    library({
      'hl7v2/m.yaml': 'map: m\nfor: [ADT^A01]\nstructure: MSH PID\nsteps:\n  - create: a\n',
      'hl7v2/n.yaml': `map: a\nsource: hl7v2/PID\ncreate: AllergyIntolerance\nkey: [PID-3.1]\nset:\n  patient: { set: { display: PID-5.1 } }\n  clinicalStatus: ${status}\n`,
      'tables/odd.csv': 'from,system,to,toSystem,display,note\nA,,active,http://x.example,,\n*,,(none),,,\n',
    })
      .set()
      .errors.filter(({ file }) => file === 'hl7v2/n.yaml')
      .map(({ line, column, code }) => `${line}:${column} ${code}`);

  test('a constant has a coding of the binding', () => {
    const system = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical';
    expect(allergy(`{ value: { coding: [{ system: '${system}', code: active }] } }`)).toEqual([]);
    expect(allergy(`{ value: { coding: [{ system: '${system}', code: live }] } }`)).toEqual([
      '7:28 MAPPING_BINDING',
    ]);
    expect(allergy('{ value: { text: active } }')).toEqual(['7:28 MAPPING_BINDING']);
  });

  test('a row of a table with the code of another system', () => {
    expect(allergy('PID-8 | table(allergy-clinical-status)')).toEqual([]);
    expect(allergy('PID-8 | table(odd)')).toEqual(['7:27 MAPPING_BINDING']);
  });
});

describe('layers', () => {
  const patched = (patch: string, layer = 'site') =>
    library({ ...files(head), [`layers/${layer}/x.yaml`]: patch })
      .set([layer])
      .errors.map(({ file, line, column, code }) => `${file}:${line}:${column} ${code}`);

  test.each([
    ['a map that does not exist', 'patch: q\nset:\n  name: NK1-2\n', '1:8 MAPPING_PATCH_MAP'],
    ['a rule that does not exist', 'patch: n\nremove: [name]\n', '2:10 MAPPING_PATCH_RULE'],
    ['a drop that does not exist', 'patch: n\nremove: [drop NK1-2]\n', '2:10 MAPPING_PATCH_RULE'],
    ['a step that does not exist', 'patch: m\nremove: [q]\n', '2:10 MAPPING_PATCH_RULE'],
    ['a group that does not exist', 'patch: m\nsteps:\n  - { each: Q, steps: [] }\n', '3:13 MAPPING_GROUP'],
    ['a rule twice', 'patch: n\nset:\n  name: NK1-2\nremove: [name]\n', '4:10 MAPPING_DUPLICATE_RULE'],
    ['a drop of no field', 'patch: n\ndrop:\n  NK1-99: x\n', '3:3 MAPPING_DROP_PATH'],
    ['a name for nothing', 'patch: n\nuses: [doctor]\n', '2:8 MAPPING_UNUSED_NAME'],
    ['a wrong target', 'patch: n\nset:\n  nmae: NK1-2\n', '3:3 MAPPING_TARGET_PATH'],
  ])('%s', (_name, patch, problem) => {
    expect(patched(patch)).toContain(`layers/site/x.yaml:${problem}`);
  });

  test('a layer may take away the only rule that referred to a name, and read what was dropped', () => {
    const base = files(`${head}  identifier.value: NK1-12\ndrop:\n  NK1-10: no use\n`);
    const site =
      'patch: n\nset:\n  identifier.value: NK1-10\n  patient: { set: { display: { value: unknown } } }\n';
    expect(library({ ...base, 'layers/site/x.yaml': site }).set(['site']).errors).toEqual([]);
  });
});

test('maps and tables that nobody needs under any choice of layers', () => {
  const extra = {
    'hl7v2/q.yaml': 'map: q\nsource: hl7v2/PID\ncreate: Patient\nkey: [PID-3]\nset: { name: PID-5 }\n',
    'tables/spare.csv': 'from,system,to,toSystem,display,note\n*,,(none),,,\n',
    'layers/site/x.yaml': 'patch: p\nset:\n  gender: PID-8 | table(administrative-gender)\n',
  };
  const one = library({ ...files(head), ...extra });
  const names = (choices: string[][]) =>
    one
      .unused(choices)
      .map(({ file, code }) => `${file} ${code}`)
      .filter((text) => /q\.yaml|spare|administrative-gender|ucum/.test(text));
  expect(names([[]])).toEqual([
    'hl7v2/q.yaml MAPPING_UNUSED_MAP',
    'tables/administrative-gender.csv TABLE_UNUSED',
    'tables/spare.csv TABLE_UNUSED',
  ]);
  expect(names([[], ['site']])).toEqual(['hl7v2/q.yaml MAPPING_UNUSED_MAP', 'tables/spare.csv TABLE_UNUSED']);
});
