import { describe, expect, it } from '@jest/globals';
import { parseMessage } from '#hl7v2';
import { mappingFolder } from '../testing/mapping-folder.js';
import { loadMappings } from './index.js';

const maps = `map: x.Result
source: hl7v2/OBX
create: Observation
key: [OBX-3.1, OBX-4, OBX-1]
label:
  - [OBX-3.1, OBX-4 ?? '']
parent:
  hasMember:
    - [OBR-26.1, OBR-26.2 ?? '']
set:
  status: { value: final }
  code: OBX-3
---
map: x.Group
source: hl7v2/NTE
create: Observation
merge: gather
key: [NTE-2]
set:
  status: { value: final }
  code: { value: { text: lines } }
  component:
    - set: { code: NTE-3 | text(NTE-1), value: NTE-3 as string }
---
map: x.Message
for: [ORU^R01]
structure: MSH ORDER(OBR RESULT(OBX)* NTE*)*
bundle: message
steps:
  - each: ORDER
    steps:
      - each: RESULT
        steps:
          - { create: x.Result }
      - create: x.Group
`;

function load(text: string) {
  return loadMappings(mappingFolder({ 'hl7v2/x.yaml': text }));
}

function run(lines: readonly string[]) {
  const map = load(maps).forMessage('ORU', 'R01');
  if (!map) throw new Error('the maps have a mistake');
  const text = ['MSH|^~\\&|A|B|C|D|20240101||ORU^R01|1|P|2.5.1', ...lines].join('\r');
  return map.run(parseMessage(Buffer.from(text)), { tenant: 't', account: 'full' });
}

const referencesOf = (result: ReturnType<typeof run>) =>
  result.resources.map(({ resource }) => (resource['hasMember'] as unknown[] | undefined)?.length ?? 0);

describe('labels and parents', () => {
  it('finds the parent before its children and after them', () => {
    const child = ['OBR||||||||||||||||||||||||||A^1', 'OBX|1|ST|C'];
    const parent = ['OBR|1', 'OBX|1|ST|A|1'];
    expect(referencesOf(run([...parent, ...child]))).toEqual([1, 0]);
    const later = run([...child, ...parent]);
    expect(referencesOf(later)).toEqual([0, 1]);
    expect(later.report.unmapped.filter((path) => path.includes('-26'))).toEqual([]);
  });

  it('leaves open what two could be, and does not list a resource in itself', () => {
    const two = run([
      'OBR|1',
      'OBX|1|ST|A|1',
      'OBX|2|ST|A|1',
      'OBR||||||||||||||||||||||||||A^1',
      'OBX|1|ST|C',
    ]);
    expect(referencesOf(two)).toEqual([0, 0, 0]);
    expect(two.report.unmapped).toContain('OBR[2]-26[1].1');
    expect(referencesOf(run(['OBR||||||||||||||||||||||||||A^1', 'OBX|1|ST|A|1']))).toEqual([0]);
  });

  it('forgets a message at its end', () => {
    run(['OBR|1', 'OBX|1|ST|A|1']);
    expect(referencesOf(run(['OBR||||||||||||||||||||||||||A^1', 'OBX|1|ST|C']))).toEqual([0]);
  });

  it('takes time in proportion for many children and many gathered segments', () => {
    const many = 30_000;
    const children = Array.from({ length: many }, (_, i) => `OBX|${i}|ST|C${i}`);
    const notes = Array.from({ length: many }, (_, i) => `NTE|${i}|G|line ${i}`);
    const lines = ['OBR|1', 'OBX|1|ST|A|1', 'OBR||||||||||||||||||||||||||A^1', ...children, ...notes];
    const startMs = performance.now();
    const { resources } = run(lines);
    expect((resources[0]?.resource['hasMember'] as unknown[]).length).toBe(many);
    expect((resources.at(-1)?.resource['component'] as unknown[]).length).toBe(many);
    expect(performance.now() - startMs).toBeLessThan(8_000);
  });
});

describe('what is refused', () => {
  const codes = (text: string) => load(text).errors.map(({ code }) => code);
  it('names a wrong element, a resource in a label, and lists that are none', () => {
    expect(codes(maps.replace('  hasMember:', '  subject:'))).toContain('MAPPING_TARGET_PATH');
    expect(codes(maps.replace("[OBX-3.1, OBX-4 ?? '']", '[x, OBX-4]'))).toContain('MAPPING_LABEL');
    expect(codes(maps.replace("  - [OBX-3.1, OBX-4 ?? '']", '  OBX-3.1'))).toContain('MAPPING_SHAPE');
    expect(codes(maps.replace(/parent:\n {2}hasMember:\n.*\n/, 'parent: OBR-26\n'))).toContain(
      'MAPPING_SHAPE',
    );
  });

  it('names functions that do not fit, and filters of segments that select none', () => {
    const code = (rule: string) => codes(maps.replace('code: OBX-3\n', `code: OBX-3\n  ${rule}\n`));
    expect(code('language: OBX-5 | base64')).toContain('MAPPING_FUNCTION');
    expect(code('value: NTE[x]-3 as string')).toContain('MAPPING_EXPRESSION');
    expect(code('value: NTE[1=A,B]-3 as string')).toEqual([]);
  });
});
