import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HeardTerminal } from '../testing/heard-terminal.js';
import { labResult, repositoryRoot } from '../testing/small-engine.js';
import { runCommand } from './run-command.js';
import { readSettings } from './settings.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'suture-validate-'));
  cpSync(join(repositoryRoot, 'mappings'), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(...argv: string[]) {
  const heard = new HeardTerminal();
  return { code: await runCommand(argv, heard, readSettings({}, folder)), heard };
}

describe('suture validate', () => {
  test('what ships has no problem', async () => {
    const { code, heard } = await run('validate', folder);
    expect([code, heard.answer[0]]).toEqual([
      0,
      expect.stringMatching(/^2 channels and \d+ message maps? (is|are) good$/),
    ]);
  });

  test('a mistake in a channel file is told with file, line, column, code and remedy', async () => {
    const path = join(folder, 'channels', 'hospital.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace('frame_max:', 'frame_maximum:'));
    const { code, heard } = await run('validate', folder);
    expect(code).toBe(1);
    expect(heard.answer[0]).toMatch(/^channels\/hospital\.yaml:\d+:\d+ [A-Z_]+ .* - .+/);
    expect(heard.answer.at(-1)).toMatch(/^1 problem in 1 file; 1 channel and/);
  });

  test('a folder without a mapping is told once, with what to do', async () => {
    for (const part of ['ccda', 'hl7v2', 'csv', 'tables']) rmSync(join(folder, part), { recursive: true });
    const { code, heard } = await run('validate', folder);
    expect(code).toBe(1);
    expect(heard.answer[0]).toMatch(/MAPPING_NONE there is no mapping file in .* - start where the folder/);
    expect(heard.answer.at(-1)).toMatch(/^1 problem in 1 file; 2 channels and 0 message maps/);
  });

  test('a patch of a rule that does not exist is told once, and not at every map that needs it', async () => {
    mkdirSync(join(folder, 'layers', 'mine'), { recursive: true });
    writeFileSync(join(folder, 'layers', 'mine', 'p.yaml'), 'patch: v2.PID.Patient\nremove: [hair]\n');
    const { code, heard } = await run('validate', folder);
    expect(code).toBe(1);
    expect(heard.answer).toEqual([
      expect.stringMatching(/^layers\/mine\/p\.yaml:2:10 MAPPING_PATCH_RULE there is no rule hair .* - .+/),
      expect.stringMatching(/^1 problem in 1 file/),
    ]);
  });

  test('a map of rows that a channel accepts and nobody wrote is told where it stands', async () => {
    const channel = (format: string) =>
      `channel: files\nsource:\n  directory:\n    path: inbox\n${format}    accept: [csv.labs, csv.lab]\ntransform:\n  mapping: csv\n`;
    writeFileSync(join(folder, 'channels', 'files.yaml'), channel('    format: csv\n'));
    const { heard } = await run('validate', folder);
    expect(heard.answer[0]).toMatch(
      /^channels\/files\.yaml:6:\d+ CHANNEL_ACCEPT_UNKNOWN no map .* csv\.lab - there are: csv\.census/,
    );
    writeFileSync(join(folder, 'channels', 'files.yaml'), channel(''));
    expect((await run('validate', folder)).heard.answer[0]).toMatch(
      /^channels\/files\.yaml:5:\d+ CHANNEL_ACCEPT_UNKNOWN no map .* csv\.lab - there are/,
    );
    writeFileSync(join(folder, 'channels', 'files.yaml'), channel('    format: cda\n'));
    expect((await run('validate', folder)).heard.answer[0]).toMatch(
      /csv\.labs is no message type - rows come as files/,
    );
  });

  test('a condition that is not understood is told where it stands', async () => {
    const path = join(folder, 'channels', 'laboratory.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace("MSH-11.1 == 'T'", "MSH-11.1 === 'T'"));
    const { code, heard } = await run('validate', folder);
    expect(code).toBe(1);
    expect(heard.answer[0]).toMatch(/^channels\/laboratory\.yaml:\d+:\d+ CHANNEL_CONDITION_WRONG .* - .+/);
    expect(heard.answer.at(-1)).toMatch(/^1 problem in 1 file; 1 channel and/);
  });

  test('a condition that does not fit what the channel takes is told where it stands', async () => {
    writeFileSync(
      join(folder, 'channels', 'documents.yaml'),
      `channel: documents
source: { directory: { path: in, accept: [CDA] } }
filter:
  - { drop_when: "code == '34133-9'", reason: fits }
  - { drop_when: "PID-3 == 'X'", reason: does not }
transform: { mapping: ccda }
`,
    );
    const { heard } = await run('validate', folder);
    expect(heard.answer[0]).toMatch(
      /^channels\/documents\.yaml:5:18 CHANNEL_CONDITION_WRONG .*PID-3 is of messages .* takes documents.* - write /,
    );
    expect(heard.answer.at(-1)).toMatch(/^1 problem in 1 file/);
  });

  test('a mistake in a mapping is told likewise, also as JSON', async () => {
    const path = join(folder, 'hl7v2', 'oru-r01.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace('for:', 'fur:'));
    const { code, heard } = await run('validate', folder, '--json');
    expect(code).toBe(1);
    const [answer] = heard.json as [
      { valid: boolean; problems: { file: string; line: number; code: string; remedy: string }[] },
    ];
    expect(answer.valid).toBe(false);
    expect(answer.problems[0]).toMatchObject({ file: 'hl7v2/oru-r01.yaml', code: expect.any(String) });
    expect(answer.problems[0]?.line).toBeGreaterThan(0);
  });

  test('a folder that does not exist is exit code 3', async () => {
    expect((await run('validate', join(folder, 'nowhere'))).code).toBe(3);
  });
});

describe('suture test', () => {
  test('runs the tests beside the mappings that ship', async () => {
    const { code, heard } = await run('test', join(repositoryRoot, 'mappings'), '--json');
    expect(code).toBe(0);
    expect(heard.json[0]).toMatchObject({ failed: 0, errors: [] });
    expect((heard.json[0] as { passed: number }).passed).toBeGreaterThan(0);
  });

  test('a test whose expectation does not hold is named with file, line and what was found', async () => {
    for (const part of ['ccda', 'layers', 'csv']) rmSync(join(folder, part), { recursive: true });
    for (const name of readdirSync(join(folder, 'hl7v2')))
      if (name.endsWith('.test.yaml') || ['golden', 'rules'].includes(name))
        rmSync(join(folder, 'hl7v2', name), { recursive: true });
    const message = labResult('T-1', 'P1')
      .toString()
      .replaceAll('\r', '\n')
      .replace(/^(?=.)/gm, '      ');
    const entry = (name: string, value: string) =>
      `  - name: ${name}\n    message: |\n${message}    expect: { values: { Patient.identifier.value: ${value} } }\n`;
    const text = `tests:\n${entry('the identifier arrives', 'P1')}${entry('another arrives', 'P2')}`;
    writeFileSync(join(folder, 'hl7v2', 'mine.test.yaml'), text);
    const { code, heard } = await run('test', folder, '--verbose');
    expect(code).toBe(1);
    expect(heard.answer).toEqual([
      'ok    hl7v2/mine.test.yaml:2  the identifier arrives',
      expect.stringMatching(/^fail {2}hl7v2\/mine\.test\.yaml:\d+ {2}another arrives$/),
      expect.stringMatching(/P2.* expected, .*P1.* found/),
      expect.stringMatching(/^1 passed, 1 failed/),
    ]);
  });
});

describe('suture explain', () => {
  test('accounts for every value by place, without any value', async () => {
    const sample = join(repositoryRoot, 'test/fixtures/hl7v2/oru-r01/critical-potassium.hl7');
    const { heard } = await run('explain', sample, '--mappings', folder);
    expect(heard.answer[0]).toMatch(/ORU\^R01 {2}map v2\.ORU_R01/);
    expect(heard.text).toMatch(/^ {2}mapped +\d{3}$/m);
    expect(heard.text).toMatch(/drop PID-1 +set id +PID\[1\]-1/);
    const content = readFileSync(sample, 'latin1');
    for (const value of ['6.80', 'MRN-004711']) {
      expect(content).toContain(value);
      expect(heard.text).not.toContain(value);
    }
  });

  test('tells of an element, and of a field, what made the values', async () => {
    const sample = join(repositoryRoot, 'test/fixtures/hl7v2/oru-r01/critical-potassium.hl7');
    const { code, heard } = await run('explain', sample, 'Patient.name', '--mappings', folder);
    expect(code).toBe(0);
    expect(heard.text).toMatch(
      /^ {2}Patient\/[0-9a-f]{6}\.name\[0\]\.family +from PID\[1\]-5\[1\]\.1 +v2\.PID\.Patient\/name +hl7v2\/patient\.yaml:\d+$/m,
    );
    const field = await run('explain', sample, 'PID-8', '--mappings', folder);
    expect(field.heard.text).toMatch(
      /\.gender +from PID\[1\]-8\[1\] .*, tables\/administrative-gender\.csv:\d+$/m,
    );
  });

  test('with --lineage every value of the resources is told, and nothing of the message', async () => {
    const sample = join(repositoryRoot, 'test/fixtures/hl7v2/oru-r01/critical-potassium.hl7');
    const { heard } = await run('explain', sample, '--lineage', '--json', '--mappings', folder);
    const [{ elements, leaves }] = heard.answer.map((line) => JSON.parse(line));
    expect(elements.length).toBeGreaterThan(50);
    expect(leaves).toBeUndefined();
    expect(heard.text).not.toContain('MRN-004711');
  });

  test('a message that no map claims is exit code 1 and says so', async () => {
    const path = join(folder, 'odd.hl7');
    writeFileSync(path, 'MSH|^~\\&|A|B|C|D|20260101||ZZZ^Z01|1|P|2.5.1\r');
    const { code, heard } = await run('explain', path, '--mappings', folder);
    expect([code, heard.text]).toEqual([1, expect.stringContaining('no map claims ZZZ^Z01')]);
  });
});
