import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { formatPosition, type Position } from '#kernel';
import { labResult, SmallEngine } from '../testing/small-engine.js';

let engine: SmallEngine;
let position: Position;
let file: string;
let key: string;

beforeAll(async () => {
  engine = await SmallEngine.start();
  position = await engine.receive(labResult('PROOF-1', 'P1'));
  await engine.receive(labResult('PROOF-2', 'P2'));
  await engine.transform();
  await engine.anchor();
  file = join(engine.settings.dataDirectory, 'one.proof.json');
  key = readFileSync(join(engine.settings.ledgerDirectory, 'key.pub'), 'utf8').trim();
});
afterAll(() => engine.stop());

describe('suture proof, verify and audit', () => {
  test('a proof is written once, for its owner only, and verifies with the key of the log', async () => {
    const made = await engine.run('proof', 'PROOF-1', '--out', file);
    expect(made.code).toBe(0);
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(await engine.run('proof', 'PROOF-1', '--out', file)).toMatchObject({ code: 1 });
    const { code, heard } = await engine.run('verify', file, '--key', key);
    expect([code, heard.answer[0]]).toEqual([0, expect.stringMatching(/^PROVEN/)]);
    expect(heard.text).toContain(`${formatPosition(position)} (transformed)`);
    expect(heard.text).not.toMatch(/key came from the file/);
    const keyFile = join(engine.settings.ledgerDirectory, 'key.pub');
    expect((await engine.run('verify', file, '--key', keyFile)).code).toBe(0);
  });

  test('without a key it says that the proof only agrees with itself', async () => {
    const { code, heard } = await engine.run('verify', file);
    expect([code, heard.answer.at(-1)]).toEqual([0, expect.stringContaining('key came from the file')]);
  });

  test('a proof with one changed byte, or what is no proof, is exit code 1', async () => {
    const forged = join(engine.settings.dataDirectory, 'forged.proof.json');
    const proof = JSON.parse(readFileSync(file, 'utf8')) as { opening: { raw: string } };
    const raw = Buffer.from(proof.opening.raw, 'base64');
    raw[raw.length - 5] = (raw[raw.length - 5] ?? 0) ^ 1;
    proof.opening.raw = raw.toString('base64');
    writeFileSync(forged, JSON.stringify(proof));
    const changed = await engine.run('verify', forged, '--key', key);
    expect([changed.code, changed.heard.answer[0]]).toEqual([1, expect.stringMatching(/^NOT PROVEN/)]);
    expect(changed.heard.text).toMatch(/raw bytes are not those/);
    writeFileSync(forged, 'hello');
    const unreadable = await engine.run('verify', forged);
    expect([unreadable.code, unreadable.heard.answer[0]]).toEqual([1, expect.stringMatching(/^UNREADABLE/)]);
  });

  test('a message that is not known, or meant by several, is exit code 1', async () => {
    expect((await engine.run('proof', 'NOTHING')).code).toBe(1);
    await engine.receive(labResult('PROOF-3', 'P2', '4.4'));
    await engine.transform();
    const { code, heard } = await engine.run('proof', 'P2');
    expect([code, heard.notes.at(-1)]).toEqual([1, expect.stringContaining('MESSAGE_AMBIGUOUS')]);
    expect(heard.notes.length).toBe(3);
  });

  test('an untouched store is sound, and a flipped byte is named with its message', async () => {
    expect(await engine.run('audit')).toMatchObject({ code: 0 });
    const { lane, partition, seq } = position;
    await engine.database.query(
      'UPDATE journal SET raw = set_byte(raw, 200, get_byte(raw, 200) # 1) WHERE lane = $1 AND partition = $2 AND seq = $3',
      [lane, partition, seq],
    );
    const { code, heard } = await engine.run('audit');
    expect(code).toBe(1);
    expect(heard.answer[0]).toMatch(new RegExp(`^RAW_CHANGED {2}message ${formatPosition(position)}`));
    expect(heard.answer.at(-1)).toBe('NOT SOUND: 1 finding');
    const asJson = await engine.run('audit', '--json');
    expect(asJson.heard.json[0]).toMatchObject({ sound: false, found: 1 });
  });
});
