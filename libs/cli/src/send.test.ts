import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { labResult, SmallEngine } from '../testing/small-engine.js';

let engine: SmallEngine;
let folder: string;

beforeAll(async () => {
  engine = await SmallEngine.start();
  folder = mkdtempSync(join(tmpdir(), 'suture-send-'));
});
afterAll(async () => {
  await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, ...messages: (Buffer | string)[]): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(messages.map((message) => Buffer.from(message))));
  return path;
}

describe('suture send', () => {
  test('a message that is taken shows its code, type, control id and time, and the exit code is 0', async () => {
    const { code, heard } = await engine.run('send', file('one.hl7', labResult('SEND-1', 'P1')));
    expect(code).toBe(0);
    expect(heard.answer[0]).toMatch(/^AA {2}\S*one\.hl7 +ORU\^R01 +SEND-1 +[\d.]+ ms$/);
    expect(heard.answer[1]).toMatch(/^1 message in .+: 1 accepted/);
  });

  test('a refusal shows condition, place and text of every error, and the exit code is 1', async () => {
    const refused = labResult('SEND-2', 'P1').toString().replace('ORU^R01^ORU_R01', 'BAR^P01^BAR_P01');
    const { code, heard } = await engine.run('send', file('refused.hl7', refused));
    expect(code).toBe(1);
    expect(heard.answer[0]).toMatch(/^AR {2}.*BAR\^P01 +SEND-2/);
    expect(heard.answer[1]).toMatch(/200 Unsupported message type at MSH\^1\^9/i);
  });

  test('a file with several messages is split and every message is sent, in order', async () => {
    const batch = [
      'FHS|^~\\&|\rBHS|^~\\&|\r',
      labResult('B-1', 'P2'),
      labResult('B-2', 'P2'),
      'BTS|2\rFTS|1\r',
    ];
    const { code, heard } = await engine.run('send', '--json', file('batch.hl7', ...batch));
    expect(code).toBe(0);
    expect(heard.json).toMatchObject([
      { number: 1, type: 'ORU^R01', controlId: 'B-1', code: 'AA', accepted: true, errors: [] },
      { number: 2, controlId: 'B-2' },
      { summary: { sent: 2, accepted: 2, refused: 0, unanswered: 0 } },
    ]);
  });

  test('a folder is sent file by file; what is no message is named and left out', async () => {
    file('zz-notes.txt', 'no message at all');
    const { heard } = await engine.run('send', '--quiet', folder);
    expect(heard.notes).toEqual(['zz-notes.txt: no HL7 v2 message in it']);
    expect(heard.answer.at(-1)).toMatch(/4 messages in .*: 3 accepted, 1 refused/);
  });

  test('nobody listening is exit code 3 with what to do', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    const path = file('one.hl7', labResult('SEND-1', 'P1'));
    const { code, heard } = await engine.run('send', path, '--port', String(port));
    expect(code).toBe(3);
    expect(heard.notes.join('\n')).toMatch(/ECONNREFUSED[\s\S]*npm start/);
  });

  test('a receiver that never answers is told apart from a refusal, and the exit code is 1', async () => {
    // What nobody reads shows no end either, so a connection is read, and not answered.
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const path = file('five.hl7', ...[1, 2, 3, 4, 5].map((number) => labResult(`SEND-${number}`, 'P1')));
    const argv = ['send', path, '--port', String(port), '--timeout', '30ms'];
    const { code, heard } = await engine.run(...argv);
    expect(code).toBe(1);
    expect(heard.text).toMatch(/no acknowledgment came within 30 ms; the message may have arrived/);
    expect(heard.text).toMatch(/3 messages in .*, 3 not answered/);
    expect(heard.notes[0]).toMatch(/^Stopped: 3 messages in a row/);
    const stubborn = await engine.run(...argv, '--keep-going');
    expect([stubborn.code, stubborn.heard.answer.at(-1)]).toEqual([
      1,
      expect.stringMatching(/5 not answered/),
    ]);
    silent.close();
    await once(silent, 'close');
  });

  test('a message that is itself an acknowledgment is not waited for, and that is told', async () => {
    const acknowledgment = `MSH|^~\\&|LAB|BFL|EHR|OGH|20260102||ACK^A01^ACK|SEND-ACK|P|2.5.1\rMSA|AA|OTHER-1\r`;
    const { code, heard } = await engine.run('send', file('ack.hl7', acknowledgment));
    expect(code).toBe(0);
    expect(heard.answer[0]).toMatch(/^-- {2}.*ACK\^A01 +SEND-ACK +is itself an acknowledgment/);
  });

  test('the address of a channel is taken from its file', async () => {
    const path = file('one.hl7', labResult('SEND-1', 'P1'));
    const unknown = await engine.run('send', path, '--channel', 'nowhere');
    expect([unknown.code, unknown.heard.notes[0]]).toEqual([
      3,
      expect.stringContaining('there are: hospital'),
    ]);
    const picked = await engine.run('send', path, '--channel', 'hospital');
    expect([picked.code, picked.heard.notes[0]]).toEqual([2, expect.stringContaining('--port')]);
  });
});
