import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HeardTerminal } from '../testing/heard-terminal.js';
import { repositoryRoot } from '../testing/small-engine.js';
import { runCommand } from './run-command.js';
import { readSettings } from './settings.js';

const map = `map: m
for: [ADT^A01]
structure: MSH PID
steps:
  - create: p
---
map: p
source: hl7v2/PID
create: Patient
key: [PID-3.1]
set:
  name: PID-5
  gender: PID-8 | table(administrative-gender)
drop:
  PID-1: set id
`;
const message = ['MSH|^~\\&|A|B|C|D|20240101||ADT^A01|1|P|2.5.1', 'PID|1||17||Eder^Eva'];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'suture-test-'));
  cpSync(join(repositoryRoot, 'mappings/tables'), join(folder, 'tables'), { recursive: true });
  mkdirSync(join(folder, 'hl7v2'));
  mkdirSync(join(folder, 'inbox'));
  writeFileSync(join(folder, 'hl7v2/m.yaml'), map);
  writeFileSync(join(folder, 'inbox/one.hl7'), message.join('\r'));
  writeFileSync(
    join(folder, 'hl7v2/m.test.yaml'),
    `tests:\n  - name: one\n    message: |\n${message.map((line) => `      ${line}\n`).join('')}    expect: { values: { Patient.name.family: Eder } }\n`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(...argv: string[]) {
  const heard = new HeardTerminal();
  const code = await runCommand(['test', folder, ...argv], heard, readSettings({}, folder));
  return { code, heard };
}

describe('suture test --coverage', () => {
  test('names what no message of the folder needed', async () => {
    const { code, heard } = await run('--coverage', 'inbox');
    expect(code).toBe(0);
    expect(heard.answer[0]).toBe('hl7v2/m.yaml:13  p/gender');
    expect(heard.text).toMatch(/^tables\/administrative-gender\.csv +\d+ rows: .* and \d+ more$/m);
    expect(heard.text).not.toContain('drop PID-1');
    expect(heard.answer.at(-1)).toMatch(
      /^1 message mapped; never used: 1 of 3 rules, 0 of 1 drop, \d+ of \d+ table rows \(/,
    );
  });

  test('as JSON; a folder without a message that a map is for is exit code 1', async () => {
    writeFileSync(join(folder, 'inbox/one.hl7'), 'MSH|^~\\&|A|B|C|D|20240101||ZZZ^Z01|1|P|2.5.1\r');
    const { code, heard } = await run('--coverage', 'inbox', '--json');
    expect(code).toBe(1);
    expect(heard.json[0]).toMatchObject({ files: 1, messages: 0, unclaimed: { 'ZZZ^Z01': 1 } });
  });

  test('a layer that is not there is a mistake of the command line', async () => {
    expect((await run('--coverage', 'inbox', '--layers', 'nowhere')).code).toBe(2);
  });
});

describe('suture test --watch', () => {
  test('runs again when a mapping changes, even while it runs, until it is stopped', async () => {
    const heard = new HeardTerminal();
    const path = join(folder, 'hl7v2/m.yaml');
    heard.onLine = (line) => {
      if (/^1 passed/.test(line)) {
        writeFileSync(path, readFileSync(path, 'utf8').replace('PID-5', 'PID-9'));
      }
      if (/^0 passed, 1 failed/.test(line)) heard.interrupt();
    };
    const code = await runCommand(['test', folder, '--watch'], heard, readSettings({}, folder));
    expect(code).toBe(0);
    expect(heard.answer.filter((line) => /passed/.test(line))).toHaveLength(2);
  });
});
