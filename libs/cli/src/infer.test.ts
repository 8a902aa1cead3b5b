import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HeardTerminal } from '../testing/heard-terminal.js';
import { labResult, repositoryRoot } from '../testing/small-engine.js';
import type { ConversionReport } from './conversion-report.js';
import { doubt } from './doubt.js';
import { runCommand } from './run-command.js';
import { readSettings } from './settings.js';

const settings = readSettings({}, repositoryRoot);
let folder: string;
let site: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'suture-infer-'));
  site = join(folder, 'mappings');
  cpSync(join(repositoryRoot, 'mappings'), site, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function suture(...words: string[]) {
  const heard = new HeardTerminal();
  const code = await runCommand(words, heard, settings);
  return { code, text: heard.text };
}

const rows = [
  'MRN;Family;DOB;Ward code;LDL;Drawn;Remark on tube',
  '7;Adler;13.01.1970;W1;3,10;02.01.2026 08:15;hemolysed a bit',
  '8;Weiss;04.02.1980;W1;2,70;02.01.2026 08:20;',
  '9;Curtis;05.02.1980;W2;2,90;02.01.2026 08:25;fine by me',
  '',
].join('\n');

describe('suture infer', () => {
  test('a draft for rows loads, says of every line how sure it is, and maps what is known', async () => {
    const file = join(folder, 'lipids.csv');
    writeFileSync(file, rows);
    const made = await suture('infer', file, '--out', site);
    expect([made.code, made.text]).toEqual([0, expect.stringContaining(`${doubt} to look at`)]);
    const map = readFileSync(join(site, 'csv/lipids.yaml'), 'utf8');
    expect(map).toMatch(
      /patient_id: \{ type: string, headers: \['MRN'\], required: cell \} +# 95 % a known name/,
    );
    expect(map).toMatch(/LDL: \{ type: decimal \} +# 90 % 100 % are numbers/);
    expect(map).toMatch(
      /Ward_code: \{ type: code, headers: \['Ward code'\] \} +# 70 % 2 different short words/,
    );
    expect(map).toMatch(new RegExp(`Remark_on_tube: \\{ type: string.* # 50 % ${doubt} text`));
    expect(map).toContain(`LDL: '${doubt}: map it, or say why not'`);
    expect(map).not.toMatch(/Adler|hemolysed/);
    expect((await suture('validate', site)).text).toMatch(/are good$/);
    const out = join(folder, 'out');
    const converted = await suture('convert', file, '--mappings', site, '--out', out);
    expect(converted.code).toBe(0);
    const report = JSON.parse(readFileSync(join(out, 'lipids.report.json'), 'utf8')) as ConversionReport;
    expect(report).toMatchObject({ maps: ['site.lipids'], unmapped: [] });
    expect(report.rows?.columns).toMatchObject({ patient_id: { mapped: 3 }, LDL: { dropped: 3 } });
  });

  test('a file that a map is for needs only a channel', async () => {
    const file = join(folder, 'known.csv');
    writeFileSync(file, 'mrn,test,result\n1,Hb,12\n');
    const { code, text } = await suture('infer', file);
    expect(code).toBe(0);
    expect(text).toContain('accept: [csv.labs]');
    expect(text).not.toContain('# file: csv/');
  });

  test('rows that are like nothing get a place of their own, and the draft loads', async () => {
    const file = join(folder, 'strange.csv');
    writeFileSync(file, 'key number,colour\na1,red\na2,blue\n');
    await suture('infer', file, '--out', site);
    expect(readFileSync(join(site, 'csv/strange.yaml'), 'utf8')).toContain('create: Basic');
    expect((await suture('validate', site)).text).toMatch(/are good$/);
    expect((await suture('infer', file, '--out', site)).code).toBe(1);
  });

  test('a draft for messages accepts what was seen, and names what no rule reads', async () => {
    const from = join(folder, 'north');
    mkdirSync(from);
    const message = labResult('C-1', 'P1').toString().trimEnd();
    writeFileSync(join(from, 'a.hl7'), `${message}\rZPD|1|x\r`);
    writeFileSync(join(from, 'b.hl7'), labResult('C-2', 'P2'));
    const made = await suture('infer', from, '--out', site);
    expect(made.code).toBe(0);
    expect(readFileSync(join(site, 'channels/north.yaml'), 'utf8')).toMatch(/- ORU\^R01 +# 95 % 2 of 2/);
    expect(readFileSync(join(site, 'layers/north/north.yaml'), 'utf8')).toMatch(
      new RegExp(`ZPD-2: '${doubt}.* # in 1 messages, 50 %`),
    );
    expect((await suture('validate', site)).text).toMatch(/are good$/);
  });

  test('what holds neither rows nor messages gives no draft', async () => {
    const file = join(folder, 'a.xml');
    writeFileSync(file, '<a/>');
    expect((await suture('infer', file)).code).toBe(1);
  });
});
