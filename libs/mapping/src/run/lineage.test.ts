import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { Decimal, type FhirValue, writeJson } from '#fhir';
import { type Message, parseMessage } from '#hl7v2';
import { loadMappings } from '../load-mappings.js';
import type { ElementLineage, MappingContext, MappingResult } from '../mapping-result.js';
import type { CompiledMessageMap } from '../mapping-set.js';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const fixtures = join(root, 'test/fixtures/hl7v2');
const set = loadMappings(join(root, 'mappings'));
const files = readdirSync(fixtures, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.hl7'),
);

function mapOf(message: Message): CompiledMessageMap {
  const msh = message.first('MSH');
  const [code = '', trigger = ''] = [1, 2].map((part) => msh?.value(9, 1, part) ?? undefined);
  const map = set.forMessage(code, trigger);
  if (!map) throw new Error(`no map for ${code}^${trigger}`);
  return map;
}

function run(raw: Buffer, context: Partial<MappingContext>): MappingResult {
  const message = parseMessage(raw);
  return mapOf(message).run(message, { tenant: 't', ...context });
}

function lineageOf(raw: Buffer | string): ElementLineage[] {
  const message = parseMessage(Buffer.from(raw));
  return [...mapOf(message).lineage(message, { tenant: 't' })];
}

/** Every value of a resource but its type and id, as `name[0].family`. */
function valuesIn(value: FhirValue, path: string): string[] {
  if (typeof value !== 'object' || value === null || value instanceof Decimal) return [path];
  if (Array.isArray(value))
    return (value as FhirValue[]).flatMap((item, i) => valuesIn(item, `${path}[${i}]`));
  return Object.entries(value).flatMap(([name, inner]) =>
    path === '' && (name === 'resourceType' || name === 'id')
      ? []
      : valuesIn(inner, path === '' ? name : `${path}.${name}`),
  );
}

describe.each(files)('%s', (file) => {
  const raw = readFileSync(join(fixtures, file));
  const result = run(raw, { account: 'rules' });
  const elements = lineageOf(raw);

  test('every value of every resource has a rule, once, in the order of the bundle', () => {
    const all = result.resources.flatMap(({ key, resource }) =>
      valuesIn(resource, '').map((path) => `${key} ${path}`),
    );
    expect(elements.map(({ resource, element }) => `${resource} ${element}`)).toEqual(all);
    for (const { rule, file: where, line } of elements) {
      expect(rule).toMatch(/^v2\..+\/./);
      expect(where).toMatch(/\.yaml$/);
      expect(line).toBeGreaterThan(0);
    }
  });

  test('what a value comes from counts as mapped in the account', () => {
    const mapped = new Set(result.report.read?.map(({ path }) => path));
    expect(elements.flatMap(({ sources }) => sources).filter((path) => !mapped.has(path))).toEqual([]);
  });

  test('neither an account nor lineage changes anything of what is made', () => {
    const plain = run(raw, {});
    expect(result.resources.map(({ resource }) => writeJson(resource))).toEqual(
      plain.resources.map(({ resource }) => writeJson(resource)),
    );
  });
});

const admission = [
  'MSH|^~\\&|REG|SITE|EHR|SITE|20260102030405||ADT^A04^ADT_A01|S-1|P|2.5.1',
  'EVN||20260102030405',
  'PID|1||4711^^^SITE^MR~0815^^^SITE^MR||Ali^Ali~Tannhorn^Mira^^^^^M||19620417|F|||||||||||||||||||||20251231',
  'PV1|1|O||||||||||||||||||||||||||||||||||||||||||20260102',
].join('\r');

function sourcesOf(elements: readonly ElementLineage[], resource: string, element: string): unknown {
  return elements.find((one) => one.resource.startsWith(`${resource}/`) && one.element === element);
}

describe('a value comes from', () => {
  const elements = lineageOf(`${admission}\r`);

  test('the component whose text it is, of its own repetition', () => {
    expect(sourcesOf(elements, 'Patient', 'identifier[1].value')).toMatchObject({
      sources: ['PID[1]-3[2].1'],
      rule: 'v2.PID.Patient/identifier',
      file: 'hl7v2/patient.yaml',
    });
    expect(sourcesOf(elements, 'Patient', 'name[1].family')).toMatchObject({ sources: ['PID[1]-5[2].1'] });
  });

  test('the date that was written in another form', () => {
    expect(sourcesOf(elements, 'Patient', 'birthDate')).toMatchObject({ sources: ['PID[1]-7[1]'] });
  });

  test('the code that a table translated, and the row of the table', () => {
    expect(sourcesOf(elements, 'Patient', 'gender')).toMatchObject({
      sources: ['PID[1]-8[1]'],
      table: { file: 'tables/administrative-gender.csv' },
    });
    expect(sourcesOf(elements, 'Patient', 'name[1].use')).toMatchObject({ sources: ['PID[1]-5[2].7'] });
  });

  test('nothing, when the rule says it by itself', () => {
    expect(sourcesOf(elements, 'MessageHeader', 'eventCoding.system')).toMatchObject({ sources: [] });
  });

  test('the row of a table also where the value was made before', () => {
    const again = lineageOf(`${admission}\r`);
    expect(again).toEqual(elements);
  });
});

test('a moment that is none is the source of what is kept of it', () => {
  const elements = lineageOf(`${admission.replace('19620417', '19621340')}\r`);
  expect(sourcesOf(elements, 'Patient', 'birthDate')).toBeUndefined();
  expect(sourcesOf(elements, 'Patient', '_birthDate.extension[1].valueString')).toMatchObject({
    sources: ['PID[1]-7[1]'],
    rule: 'v2.PID.Patient/birthDate',
  });
});

test('a number that a rule could not use is no source', () => {
  const elements = lineageOf(
    `${admission.replace(/^PID.*$/m, 'PID|1||7^^^X^MR||A^B|||F|||||||||||||||||second')}\r`,
  );
  expect(elements.flatMap(({ sources }) => sources)).toContain('PID[1]-8[1]');
  expect(elements.flatMap(({ sources }) => sources)).not.toContain('PID[1]-25[1]');
});
