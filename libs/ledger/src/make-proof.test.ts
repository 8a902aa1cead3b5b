import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { EngineError } from '#kernel';
import { NoteSigner } from '#merkle';
import { readProofFile, verifyProof, writeProofFile } from '#verify';
import { createLedgerFixture, type LedgerFixture } from '../testing/ledger-fixture.js';
import { plainOf, rawOf } from '../testing/ledgered-messages.js';
import { makeProof } from './make-proof.js';

let ledger: LedgerFixture;
let key: string;
const position = { lane: 0, partition: 7, seq: 123 };

beforeAll(async () => {
  ledger = await createLedgerFixture();
  await ledger.messages.add(0, 7, 300);
  await ledger.messages.add(1, 7, 20);
  await ledger.drain();
  key = readFileSync(join(ledger.directory, 'key.pub'), 'utf8');
});

afterAll(() => ledger.remove());

function prove(request: Partial<Parameters<typeof makeProof>[0]> = {}): Promise<string> {
  const { database, directory } = ledger;
  return makeProof({ database, directory, position, waitMs: 0, ...request });
}

const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    ({ kind, code }: EngineError) => `${kind} ${code}`,
  );

describe('proof', () => {
  test('a proof of a message is verified offline with the log key known from elsewhere', async () => {
    const verification = verifyProof(await prove(), key);
    expect(verification).toMatchObject({
      outcome: 'verified',
      exitCode: 0,
      level: 'in a signed tree',
      keyFrom: 'argument',
    });
    expect(verification.facts).toMatchObject({
      message: '0-7-123',
      state: 'transformed',
      receivedAt: '2024-05-17T09:30:00.123Z',
      log: 'hospital.example/test',
      treeSize: 320,
    });
  });

  test('without a key the result says that the key came from the file', async () => {
    expect(verifyProof(await prove())).toMatchObject({ outcome: 'verified', keyFrom: 'file' });
  });

  test('the file holds the exact bytes that were received and stored', async () => {
    const proof = readProofFile(await prove());
    expect(proof?.raw).toEqual(rawOf(position));
    expect(proof?.fhir).toEqual(plainOf(position));
  });

  test('a proof under the key of another log is refuted', async () => {
    const other = NoteSigner.generate('hospital.example/test').verifier.toString();
    expect(verifyProof(await prove(), other)).toMatchObject({
      outcome: 'refuted',
      exitCode: 1,
      level: 'content matches entry',
    });
    expect(verifyProof(await prove(), 'no key')).toMatchObject({ outcome: 'unreadable', exitCode: 2 });
  });

  test('a proof with any part altered is not verified', async () => {
    const proof = readProofFile(await prove());
    if (proof === undefined) throw new Error('the proof does not parse');
    const flipped = (bytes: Buffer) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(0) ^ 1, 0);
      return copy;
    };
    const outcome = (change: object) => verifyProof(writeProofFile({ ...proof, ...change }), key).outcome;
    expect(outcome({})).toBe('verified');
    for (const part of ['entry', 'salt', 'raw', 'fhir'] as const)
      expect(outcome({ [part]: flipped(proof[part]) })).toBe('refuted');
    expect(outcome({ message: '0-7-124' })).toBe('refuted');
    expect(outcome({ salt: Buffer.alloc(17) })).toBe('refuted');
    expect(outcome({ inclusion: proof.inclusion.replace(/index \d+/, 'index 0') })).toBe('refuted');
    expect(outcome({ inclusion: '' })).toBe('refuted');
  });

  test('no altered character of a proof file is accepted, and none makes the verifier fail', async () => {
    const text = await prove();
    const proof = readProofFile(text);
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom('A', '0', '"', '}', '\n', '\u2014'),
        (at, character) => {
          const altered = text.slice(0, at) + character + text.slice(at + 1);
          const { outcome } = verifyProof(altered, key);
          if (outcome !== 'verified') return;
          // Only what carries no meaning may change: layout, and the key that was given from elsewhere.
          const { key: _ours, ...rest } = readProofFile(altered) ?? {};
          const { key: _theirs, ...expected } = proof ?? {};
          expect(rest).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('what is no proof file is unreadable', () => {
    for (const text of [
      '',
      '{}',
      'null',
      '[1]',
      '{"format":"suture-proof-2"}',
      '{"format":"suture-proof-1","__proto__":{}}',
    ])
      expect(verifyProof(text)).toMatchObject({ outcome: 'unreadable', exitCode: 2, level: 'nothing' });
  });

  test('a message that does not exist and one that is not in the tree yet are told apart', async () => {
    expect(await failure(prove({ position: { lane: 0, partition: 7, seq: 999 } }))).toBe(
      'rejected LEDGER_MESSAGE_UNKNOWN',
    );
    await ledger.messages.add(2, 2, 1);
    const waiting = { lane: 2, partition: 2, seq: 1 };
    expect(await failure(prove({ position: waiting }))).toBe('unavailable LEDGER_NOT_YET');
    const soon = prove({ position: waiting, waitMs: 30_000 });
    await ledger.drain();
    expect(verifyProof(await soon, key).outcome).toBe('verified');
  });

  test('no proof is handed out for what was changed', async () => {
    const change = (sql: string) =>
      ledger.database.query(`${sql} WHERE lane = 1 AND partition = 7 AND seq = 5`);
    const target = { position: { lane: 1, partition: 7, seq: 5 } };
    await change('UPDATE journal SET raw = set_byte(raw, 0, 0)');
    expect(await failure(prove(target))).toBe('misconfigured LEDGER_PROOF_BROKEN');
    await change(`UPDATE pack SET bytes = '\\x01ffff'`);
    expect(await failure(prove(target))).toBe('misconfigured LEDGER_PROOF_BROKEN');
    const checkpoint = join(ledger.directory, 'checkpoint');
    const note = readFileSync(checkpoint, 'utf8');
    writeFileSync(checkpoint, note.replace('hospital', 'hostile'));
    expect(await failure(prove())).toBe('unavailable LEDGER_NOT_YET');
    writeFileSync(checkpoint, note);
  });
});
