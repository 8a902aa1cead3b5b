import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HeardTerminal } from '../testing/heard-terminal.js';
import { labResult, SmallEngine, unmappable } from '../testing/small-engine.js';
import { runCommand } from './run-command.js';

let engine: SmallEngine;
beforeAll(async () => {
  engine = await SmallEngine.start();
});
afterAll(() => engine.stop());

describe('suture tap', () => {
  test('begins with the last messages when asked, and ends after a count', async () => {
    for (const name of ['T-1', 'T-2', 'T-3']) await engine.receive(labResult(name, name));
    await engine.transform();
    const { code, heard } = await engine.run('tap', '--last', '2', '--count', '2', '--json');
    expect(code).toBe(0);
    expect(heard.json).toMatchObject([{ type: 'ORU^R01', state: 'transformed' }, { channel: 'hospital' }]);
  });

  test('shows each new message once, with its fate and no content, until it is interrupted', async () => {
    const heard = new HeardTerminal();
    const seen = new Promise<void>((resolve) => {
      heard.onLine = () => {
        if (heard.answer.length === 2) resolve();
      };
    });
    const watching = runCommand(['tap'], heard, engine.settings);
    await new Promise<void>((resolve) => {
      const look = () => (heard.notes.length > 0 ? resolve() : setImmediate(look));
      look();
    });
    await engine.receive(labResult('T-4', 'SECRET'));
    await engine.receive(unmappable('T-5', 'SECRET'));
    await engine.transform();
    await seen;
    heard.interrupt();
    expect(await watching).toBe(0);
    expect(heard.answer.map((line) => line.trim().split(/ {2,}/).slice(2).join(' ')).sort()).toEqual([
      'hospital ORU^R01 transformed',
      'hospital ZZZ^Z01 dead',
    ]);
    expect(heard.text).not.toMatch(/SECRET|T-4|Okafor/);
  });
});
