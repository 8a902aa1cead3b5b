import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkedMappings } from './mapping-check.js';

const shipped = fileURLToPath(new URL('../../../mappings', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'mapping-check-'));
const [mappings, data] = [join(folder, 'mappings'), join(folder, 'data')];
const mistake = 'map: x\nfor: [ZZZ^Z01]\nstructure: MSH\nsteps:\n  - create: nobody\n';

beforeAll(() => {
  cpSync(shipped, mappings, { recursive: true });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function codes(): string[] {
  return checkedMappings(mappings, data).problems.map(({ code }) => code);
}

test('a mistake is told at every start, until it is gone, and a new one is told again', () => {
  const file = join(mappings, 'hl7v2/x.yaml');
  writeFileSync(file, mistake);
  expect([codes(), codes()]).toEqual([['MAPPING_UNKNOWN_MAP'], ['MAPPING_UNKNOWN_MAP']]);
  expect(existsSync(join(data, 'mappings-checked'))).toBe(false);
  rmSync(file);
  expect([codes(), codes()]).toEqual([[], []]);
  expect(existsSync(join(data, 'mappings-checked'))).toBe(true);
  writeFileSync(file, mistake);
  expect(codes()).toEqual(['MAPPING_UNKNOWN_MAP']);
});

test('mappings that were good before map all the same', () => {
  rmSync(join(mappings, 'hl7v2/x.yaml'), { force: true });
  checkedMappings(mappings, data);
  const set = checkedMappings(mappings, data).mappings.set();
  expect(set.forMessage('ORU', 'R01')?.name).toBe('v2.ORU_R01');
  expect(set.forMessage('ZZZ', 'Z01')).toBeUndefined();
});

test('each choice of layers is looked at', () => {
  checkedMappings(mappings, data);
  mkdirSync(join(mappings, 'layers/mine'), { recursive: true });
  writeFileSync(join(mappings, 'layers/mine/x.yaml'), 'patch: v2.PID.Nobody\nset: { name: PID-5 }\n');
  expect(codes()).toEqual([]);
  const { problems } = checkedMappings(mappings, data, [[], ['us', 'mine']]);
  expect(problems).toMatchObject([{ file: 'layers/mine/x.yaml', line: 1, code: 'MAPPING_PATCH_MAP' }]);
});
