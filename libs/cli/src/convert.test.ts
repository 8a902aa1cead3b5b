import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HeardTerminal } from '../testing/heard-terminal.js';
import { labResult, repositoryRoot, unmappable } from '../testing/small-engine.js';
import type { ConversionReport } from './conversion-report.js';
import { runCommand } from './run-command.js';
import { readSettings } from './settings.js';

const settings = readSettings({}, repositoryRoot);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'suture-convert-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Converts the files, by name, and answers what came out. */
async function convert(name: string, files: Record<string, Buffer | string>, ...more: string[]) {
  const [from, to] = [join(folder, name, 'in'), join(folder, name, 'out')];
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(from, path)), { recursive: true });
    writeFileSync(join(from, path), content);
  }
  const heard = new HeardTerminal();
  const code = await runCommand(['convert', '--in', from, '--out', to, ...more], heard, settings);
  const json = <T>(path: string) => JSON.parse(readFileSync(join(to, path), 'utf8')) as T;
  return { code, heard, json, has: (path: string) => existsSync(join(to, path)) };
}

interface Bundle {
  resourceType: string;
  type: string;
  entry: { fullUrl: string; resource: { resourceType: string } }[];
}

describe('suture convert', () => {
  test('a message becomes a bundle and a report at the same path', async () => {
    const { code, json, heard } = await convert('one', { 'ward/a.hl7': labResult('C-1', 'P1') });
    expect(code).toBe(0);
    expect(heard.text).toMatch(/^1 file with 1 message in .*: 1 converted$/);
    const bundle = json<Bundle>('ward/a.json');
    expect([bundle.resourceType, bundle.type]).toEqual(['Bundle', 'message']);
    expect(bundle.entry[0]?.resource.resourceType).toBe('MessageHeader');
    const report = json<ConversionReport>('ward/a.report.json');
    expect(report).toMatchObject({
      source: 'ward/a.hl7',
      format: 'hl7v2',
      outcome: 'converted',
      messages: 1,
    });
    expect(report.mapped).toBeGreaterThan(10);
    expect(report.dropped[0]).toEqual({
      path: expect.any(String),
      rule: expect.any(String),
      reason: expect.any(String),
    });
  });

  test('with --lineage every value of the bundle is told where it comes from', async () => {
    const files = {
      'a.hl7': labResult('C-1', 'P1'),
      'b.hl7': Buffer.concat([labResult('C-2', 'P1'), labResult('C-3', 'P2')]),
    };
    const { json, has } = await convert('lineage', files, '--lineage');
    const lines = json<Record<string, unknown>[]>('a.lineage.json');
    expect(lines).toContainEqual({
      resource: expect.stringMatching(/^Patient\//),
      element: 'name[0].family',
      sources: ['PID[1]-5[1].1'],
      rule: 'v2.PID.Patient/name',
      file: 'hl7v2/patient.yaml',
      line: expect.any(Number),
    });
    expect(new Set(json<{ message: number }[]>('b.lineage.json').map(({ message }) => message))).toEqual(
      new Set([1, 2]),
    );
    await convert('lineage', { 'a.hl7': labResult('C-1', 'P1') });
    expect(has('a.lineage.json')).toBe(false);
  });

  test('several messages in a file become one collection in which nothing is twice', async () => {
    const batch = Buffer.concat([labResult('C-2', 'P1'), labResult('C-3', 'P1', '6.8')]);
    const { code, json } = await convert('two', { 'b.txt': batch });
    expect(code).toBe(0);
    const bundle = json<Bundle>('b.json');
    const urls = bundle.entry.map((entry) => entry.fullUrl);
    expect(bundle.type).toBe('collection');
    expect(new Set(urls).size).toBe(urls.length);
    expect(bundle.entry.filter((entry) => entry.resource.resourceType === 'Observation')).toHaveLength(2);
    const report = json<ConversionReport>('b.report.json');
    expect(report.dropped.some((leaf) => leaf.path.startsWith('#2 MSH['))).toBe(true);
  });

  test('what is refused has only its report, and says why; nothing stops the others', async () => {
    const files = {
      'a.hl7': labResult('C-4', 'P1'),
      'b.hl7': unmappable('C-5', 'P1'),
      'c.xml': '<?xml version="1.0"?><ClinicalDocument>',
      'd.csv': 'patient,value\n1,2\n',
      'e.txt': 'nothing',
      'f.hl7': '',
      'ignored.pdf': '%PDF',
    };
    const { code, json, has, heard } = await convert('refused', files, '--json');
    expect(code).toBe(1);
    expect(heard.json).toMatchObject([{ files: 6, converted: 1, refused: 5, partly: 0 }]);
    const why = ['b', 'c', 'd', 'e', 'f'].map((name) => {
      expect(has(`${name}.json`)).toBe(false);
      const { format, errors } = json<ConversionReport>(`${name}.report.json`);
      return `${format} ${errors[0]?.code}`;
    });
    expect(why).toEqual([
      'hl7v2 MAPPING_NONE',
      'xml CDA_MALFORMED',
      'csv MAPPING_NONE',
      'unknown FORMAT_UNKNOWN',
      'unknown FORMAT_UNKNOWN',
    ]);
    expect(has('ignored.report.json')).toBe(false);
  });

  test('a file of which one message is refused is converted in part', async () => {
    const mixed = Buffer.concat([labResult('C-6', 'P1'), unmappable('C-7', 'P1')]);
    const { code, json, has } = await convert('partly', { 'm.hl7': mixed });
    expect([code, has('m.json')]).toEqual([1, true]);
    expect(json<ConversionReport>('m.report.json')).toMatchObject({
      outcome: 'partly',
      errors: [{ code: 'MAPPING_NONE', path: '#2' }],
    });
  });

  test('the same files give the same bytes', async () => {
    const once = await convert('same-1', { 'a.hl7': labResult('C-8', 'P1') });
    const again = await convert('same-2', { 'a.hl7': labResult('C-8', 'P1') });
    expect(again.json('a.json')).toEqual(once.json('a.json'));
  });

  test('two files that would become one are not mixed: the second is left out and named', async () => {
    const files = { 'a.hl7': labResult('C-9', 'P1'), 'a.txt': labResult('C-10', 'P1') };
    const { code, heard } = await convert('clash', files);
    expect(code).toBe(1);
    expect(heard.notes[0]).toMatch(/^a\.txt: left out, a\.hl7 has the same name/);
  });

  test('rows become a bundle by the map whose columns they have; the report tells what was found and counts cells by column', async () => {
    const rows = [
      'mrn;test;result;unit;flag;tube',
      'P1;Glucose;5,1;mmol/L;N;red',
      'P1;Hb',
      'P2;Glucose;7,2;mmol/L;H;',
      '',
    ];
    const { code, json, heard } = await convert('rows', {
      'a.csv': rows.join('\n'),
      'b.txt': 'just a letter',
    });
    expect(code).toBe(1);
    expect(heard.text).toContain('partly  a.csv  CSV_CELLS: the row has 2 cells, not 6');
    expect(heard.text).toContain('refused  b.txt  FORMAT_UNKNOWN');
    const types = json<Bundle>('a.json').entry.map(({ resource }) => resource.resourceType);
    expect(types).toEqual(['Patient', 'Observation', 'Patient', 'Observation']);
    const report = json<ConversionReport>('a.report.json');
    expect(report).toMatchObject({
      format: 'csv',
      outcome: 'partly',
      messages: 2,
      maps: ['csv.labs'],
      unmapped: ['line 2 row[1].tube'],
      errors: [{ code: 'CSV_CELLS', path: 'line 3' }],
    });
    expect(report.rows).toMatchObject({
      rows: 3,
      badRows: 1,
      units: 2,
      findings: { delimiter: ';', decimal: ',', unknown: ['tube'] },
    });
    expect(report.rows?.columns['result']).toEqual({ mapped: 2, dropped: 0, unmapped: 0 });
    expect(report.rows?.columns['tube']).toEqual({ mapped: 0, dropped: 0, unmapped: 1 });
  });

  test('a file that is named is converted to where it was named from, or to --out', async () => {
    const file = join(folder, 'named.csv');
    writeFileSync(file, 'mrn,test,result\nP1,Hb,12\n');
    const heard = new HeardTerminal();
    const out = join(folder, 'named-out');
    expect(await runCommand(['convert', file, '--out', out], heard, settings)).toBe(0);
    expect(existsSync(join(out, 'named.json')) && existsSync(join(out, 'named.report.json'))).toBe(true);
    expect(await runCommand(['convert', file, '--in', folder], heard, settings)).toBe(2);
  });
});
