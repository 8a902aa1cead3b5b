import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HeardTerminal } from '../testing/heard-terminal.js';
import { labResult, SmallEngine, unmappable } from '../testing/small-engine.js';
import type { Finding } from './doctor/finding.js';
import { checkNode } from './doctor/machine-checks.js';
import { runCommand } from './run-command.js';

let engine: SmallEngine;
beforeAll(async () => {
  engine = await SmallEngine.start();
});
afterAll(() => engine.stop());

async function examine(
  settings = engine.settings,
): Promise<{ code: number; level: (check: string) => string }> {
  const heard = new HeardTerminal();
  const code = await runCommand(['doctor', '--json'], heard, settings);
  const { findings } = heard.json[0] as { findings: Finding[] };
  for (const { level, remedy } of findings) if (level !== 'ok') expect(remedy).toBeTruthy();
  return { code, level: (check) => findings.find((finding) => finding.check === check)?.level ?? 'missing' };
}

describe('suture doctor', () => {
  test('finds nothing wrong with the state of an engine that keeps up', async () => {
    await engine.receive(labResult('DOC-1', 'P1'));
    await engine.transform();
    await engine.anchor();
    const { level } = await examine();
    for (const check of [
      'node',
      'data directory',
      'channel files',
      'database',
      'intake',
      'backlog',
      'dead letters',
      'ledger',
    ])
      expect(`${check} ${level(check)}`).toBe(`${check} ok`);
  });

  test('an engine whose HTTP port nobody answers on is exit code 1', async () => {
    const { code, level } = await examine({ ...engine.settings, httpPort: 1 });
    expect([code, level('http')]).toEqual([1, 'fail']);
  });

  test('dead letters and refusals are worth a look', async () => {
    await engine.receive(unmappable('DOC-2', 'P2'));
    await engine.transform();
    const refused = Buffer.from(labResult('DOC-3', 'P3').toString().replace('ORU^R01^ORU_R01', 'BAR^P01'));
    await engine.intake.receive({ channel: 'hospital', raw: refused, receivedAtMs: Date.now() });
    const { level } = await examine();
    expect([level('dead letters'), level('refusals')]).toEqual(['warn', 'warn']);
  });

  test('without its database it still checks the rest', async () => {
    const databaseUrl = 'postgres://nobody@127.0.0.1:1/none';
    const { code, level } = await examine({ ...engine.settings, databaseUrl });
    expect([code, level('database'), level('channel files')]).toEqual([1, 'fail', 'ok']);
  });

  test('an old Node is refused and a newer one is not', () => {
    expect(
      ['v18.20.0', 'v20.18.9', 'v20.19.0', 'v24.0.0'].map((version) => checkNode(version).level),
    ).toEqual(['fail', 'fail', 'ok', 'ok']);
  });
});
