import { describe, expect, test } from '@jest/globals';
import { HeardTerminal } from '../testing/heard-terminal.js';
import { runCommand } from './run-command.js';
import { readSettings } from './settings.js';
import { verbs } from './verbs.js';

const settings = readSettings({}, '/nowhere');

async function run(...argv: string[]): Promise<{ code: number; heard: HeardTerminal }> {
  const heard = new HeardTerminal();
  return { code: await runCommand(argv, heard, settings), heard };
}

describe('command line', () => {
  test('without a verb it shows all verbs on one screen', async () => {
    const { code, heard } = await run();
    expect(code).toBe(0);
    expect(heard.answer.length).toBeLessThanOrEqual(30);
    for (const verb of Object.keys(verbs)) expect(heard.text).toMatch(new RegExp(`^ {2}${verb} `, 'm'));
  });

  test.each(Object.keys(verbs))('%s --help tells usage, options, exit codes and examples', async (verb) => {
    const { code, heard } = await run(verb, '--help');
    expect(code).toBe(0);
    expect(heard.answer[0]).toMatch(new RegExp(`^usage: suture ${verb}`));
    expect(heard.text).toMatch(/--json/);
    expect(heard.text).toMatch(/exit codes\n {2}0 {2}/);
    expect(heard.text).toMatch(new RegExp(`examples\n {2}suture ${verb}`));
    for (const line of heard.answer) expect(line.length).toBeLessThanOrEqual(130);
  });

  test('an unknown verb is exit code 2 and names the one that was meant', async () => {
    expect(await run('sned')).toMatchObject({
      code: 2,
      heard: { notes: [expect.stringContaining("mean 'send'")] },
    });
    expect(await run('constructor')).toMatchObject({ code: 2 });
  });

  test('an unknown option is exit code 2, never ignored', async () => {
    const { code, heard } = await run('trace', 'X', '--chanel', 'lab');
    expect(code).toBe(2);
    expect(heard.notes[0]).toMatch(/'--chanel'.*suture trace --help/);
  });

  test('a wrong number or duration is exit code 2 and says what is right', async () => {
    expect((await run('send', 'x', '--port', '99999')).code).toBe(3); // the file is looked at first
    const { code, heard } = await run('trace', 'X', '--limit', 'many');
    expect([code, heard.notes[0]]).toEqual([2, expect.stringContaining('whole number from 1 to 1000')]);
  });

  test('where no engine ever ran, what needs its database is exit code 3 with the remedy', async () => {
    for (const argv of [['trace', 'X'], ['replay', '0-1-1'], ['tap'], ['proof', 'X'], ['audit']]) {
      const { code, heard } = await run(...argv);
      expect(code).toBe(3);
      expect(heard.notes.join('\n')).toMatch(/npm start/);
    }
  });
});
