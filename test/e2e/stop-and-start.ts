import { expect, test } from '@jest/globals';
import { PersistentSender } from '../faults/persistent-sender.js';
import { eventually } from './deployment.js';
import { findings, trace } from './operator-tools.js';
import { clinicalStudy, result, resultTemplates } from './samples.js';
import type { Scene } from './scene.js';

/** A stop drains for up to 25 s, a start on a busy machine takes longer, and what was taken meanwhile is worked off. */
const STOP_AND_START_MS = 240_000;

/** Messages that cannot be mapped, stops of every kind, and what comes after. */
export function engineStopsAndStarts(scene: () => Scene): void {
  test('a message that the mapping cannot handle is dead with a reason, and the rest flows', async () => {
    const reply = await scene().send('ward', clinicalStudy('STUDY-1'));
    expect(reply?.acknowledgment.code).toBe('AA');
    await scene().sendResult('STUDY', 'AFTER-STUDY', result('AFTER-STUDY', 'STUDY'));
    await scene().settled();
    const dead = await trace(scene(), 'STUDY-1');
    expect(dead).toMatchObject({ state: 'dead', outcome: { code: 'MAPPING_MISSING' }, deliveries: [] });
    expect(dead.outcome?.reason).toContain('replay');
    expect(await scene().breaches()).toEqual([]);
  });

  test(
    'SIGTERM drains under load and leaves nothing running',
    async () => {
      await underLoad(scene(), 'TERM', async () => {
        expect(new Set(await scene().engine.stop())).toEqual(new Set([0]));
        await eventually('nothing of it is left', () => {
          const left = scene().engine.survivors();
          return left.length === 0 || left.join();
        });
        scene().engine.workspace.correctTheMapping();
        await scene().engine.start();
      });
    },
    STOP_AND_START_MS,
  );

  test('after the fix the mapping is used, and replay runs the dead letter as a new message', async () => {
    expect(scene().engine.printed).not.toContain('crm-c01.yaml');
    const { code, lines, notes } = await scene().suture('replay', '--dead', '--channel', 'ward');
    expect([code, notes]).toEqual([0, '']);
    expect(lines).toHaveLength(1);
    await scene().settled();
    const [again] = (await trace(scene(), 'STUDY-1')).replays;
    expect(await trace(scene(), again ?? '')).toMatchObject({
      state: 'transformed',
      deliveries: [{ to: 'ward.ehr', state: 'sent' }],
    });
  });

  test(
    'an acknowledged message survives kill -9, and the next start works',
    async () => {
      await underLoad(scene(), 'KILL', async () => {
        await scene().engine.kill();
        await scene().engine.start();
      });
      expect(await findings(scene())).toEqual([]);
    },
    STOP_AND_START_MS,
  );
}

/** Two senders send while `happening` happens, and some time after; nothing may be lost, doubled or out of order. */
async function underLoad(scene: Scene, name: string, happening: () => Promise<void>): Promise<void> {
  await scene.hangUp();
  const { ward } = scene.engine.workspace.ports;
  const senders = [0, 1].map((n) => new PersistentSender(`${name}${n}`, ward, resultTemplates));
  const goOn = async () => {
    const before = senders.map((sender) => sender.log.acknowledged.size);
    await eventually('every sender gets on', () =>
      senders.every((sender, n) => sender.log.acknowledged.size > (before[n] ?? 0) + 5),
    );
  };
  try {
    for (const sender of senders) sender.start();
    await goOn();
    await happening();
    await goOn();
    await Promise.all(senders.map((sender) => sender.stop()));
  } finally {
    for (const sender of senders) sender.close();
  }
  await scene.settled();
  expect(await scene.breaches(senders.map((sender) => sender.log))).toEqual([]);
  expect(senders.map((sender) => sender.refused)).toEqual([0, 0]);
}
