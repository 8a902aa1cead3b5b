import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { formatPosition } from '#kernel';
import { labResult, SmallEngine, unmappable } from '../testing/small-engine.js';

let engine: SmallEngine;
beforeAll(async () => {
  engine = await SmallEngine.start();
});
afterAll(() => engine.stop());

interface Answer {
  messages: { from: string; to: string; state: string }[];
  missing: number;
  dead: number;
  waiting: number;
}

describe('suture replay', () => {
  test('runs a message again at a new position, and trace shows both ends', async () => {
    const position = await engine.receive(labResult('R-1', 'P1'));
    await engine.transform();
    const { code, heard } = await engine.run('replay', formatPosition(position), '--wait', '0s', '--json');
    expect(code).toBe(0);
    const [answer] = heard.json as [Answer];
    expect(answer).toMatchObject({
      messages: [{ from: formatPosition(position), state: 'waiting' }],
      missing: 0,
    });
    await engine.transform();
    const again = await engine.run('trace', answer.messages[0]?.to ?? '');
    expect(again.heard.text).toContain(`runs ${formatPosition(position)} again`);
    expect(again.heard.text).toMatch(/Observation\/\w+ {2}unchanged/);
    const before = await engine.run('trace', formatPosition(position));
    expect(before.heard.answer.at(-1)).toBe(`It was run again as ${answer.messages[0]?.to ?? ''}.`);
  });

  test('takes all dead letters once, waits for their fate, and is exit code 1 when one is dead again', async () => {
    const positions = [];
    for (const name of ['D-1', 'D-2', 'D-3']) positions.push(await engine.receive(unmappable(name, name)));
    await engine.receive(labResult('D-4', 'P1'));
    await engine.transform();
    const dry = await engine.run('replay', '--dead', '--dry-run', '--json');
    expect((dry.heard.json[0] as { would: string[] }).would.sort()).toEqual(
      positions.map(formatPosition).sort(),
    );
    const running = engine.run('replay', '--dead', '--json', '--wait', '20s');
    await until(async () => (await waiting()) === 3);
    await engine.transform();
    const { code, heard } = await running;
    expect(code).toBe(1);
    expect(heard.json[0]).toMatchObject({ dead: 3, waiting: 0, missing: 0 });
  });

  test('of another channel there is nothing to take', async () => {
    await engine.receive(unmappable('C-1', 'P1'));
    await engine.transform();
    const { code, heard } = await engine.run('replay', '--dead', '--channel', 'elsewhere');
    expect([code, heard.answer]).toEqual([0, ['nothing to run again']]);
  });

  test('a position without a message is exit code 1 and the others run nevertheless', async () => {
    const position = formatPosition(await engine.receive(labResult('M-1', 'P1')));
    const { code, heard } = await engine.run('replay', '0-0-999', position, '--wait', '0s');
    expect(code).toBe(1);
    expect(heard.notes[0]).toContain('there is no message at journal position 0-0-999');
    expect(heard.text).toContain(`${position} -> `);
  });

  test('what is no position, or positions with --dead, is exit code 2', async () => {
    for (const argv of [['R-1'], [], ['0-0-1', '--dead'], ['0-0-1', '--channel', 'x']])
      expect((await engine.run('replay', ...argv)).code).toBe(2);
  });
});

async function waiting(): Promise<number> {
  const rows = await engine.database.query<{ waiting: number }>(
    'SELECT sum(h.seq - c.seq)::int AS waiting FROM journal_head h JOIN cursor c USING (lane, partition)',
  );
  return rows[0]?.waiting ?? 0;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 5)); // waits for the condition above
  }
}
