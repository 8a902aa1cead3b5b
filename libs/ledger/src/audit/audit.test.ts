import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { formatPosition } from '#kernel';
import { NoteSigner } from '#merkle';

import { deflateBlock } from '../../../store/testing/deflate-block.js';
import { createLedgerFixture, type LedgerFixture } from '../../testing/ledger-fixture.js';
import { plainOf } from '../../testing/ledgered-messages.js';
import { type AuditOptions, type AuditReport, audit } from '../index.js';

let ledger: LedgerFixture;

beforeEach(async () => {
  ledger = await createLedgerFixture();
  await ledger.messages.add(0, 1, 400);
  await ledger.drain();
  await ledger.messages.add(0, 1, 100);
  await ledger.messages.add(0, 2, 200);
  await ledger.drain({ batchEntries: 100 });
});

afterEach(() => ledger.remove());

function run(options: Partial<AuditOptions> = {}): Promise<AuditReport> {
  return audit({ database: ledger.database, directory: ledger.directory, ...options });
}

/** Findings as short texts: code, message or file. */
async function found(options: Partial<AuditOptions> = {}): Promise<string[]> {
  const { findings, sound } = await run(options);
  expect(sound).toBe(findings.length === 0);
  return findings.map(({ code, message, file }) =>
    `${code} ${message ? formatPosition(message) : (file ?? '')}`.trim(),
  );
}

const at = (seq: number, partition = 1) => `WHERE lane = 0 AND partition = ${partition} AND seq = ${seq}`;

function flipInFile(file: string, offset: number): void {
  const path = join(ledger.directory, file);
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
  writeFileSync(path, bytes);
}

describe('audit', () => {
  test('what nobody touched is sound, with every message and every head counted', async () => {
    const progress: [number, number][] = [];
    await ledger.messages.add(0, 3, 17);
    const report = await run({ onProgress: (...step) => progress.push(step) });
    expect(report).toEqual({
      sound: true,
      size: 700,
      messages: 717,
      waiting: 17,
      heads: 5,
      findings: [],
      found: 0,
    });
    expect(progress).toEqual([
      [256, 700],
      [512, 700],
      [700, 700],
    ]);
  });

  test('an empty installation is sound', async () => {
    const empty = await createLedgerFixture();
    await empty.drain();
    const report = await audit({ database: empty.database, directory: empty.directory });
    expect(report).toMatchObject({ sound: true, size: 0, messages: 0 });
    await empty.remove();
  });

  test('a replay is checked against the bytes of the message it refers to', async () => {
    await ledger.messages.add(0, 5, 2, { lane: 0, partition: 1, seq: 300 });
    await ledger.drain();
    expect(await found()).toEqual([]);
    await ledger.database.query(`UPDATE journal SET raw = '\\x00' ${at(300)}`);
    expect(await found()).toEqual(['RAW_CHANGED 0-1-300', 'RAW_CHANGED 0-5-1', 'RAW_CHANGED 0-5-2']);
  });

  test('a change of anything that is stored of a message is found and the message named', async () => {
    const flip = (column: string, byte: number) =>
      `${column} = set_byte(${column}, ${byte}, get_byte(${column}, ${byte}) # 1)`;
    const changes = [
      [`UPDATE journal SET ${flip('raw', 5)}`, 'RAW_CHANGED'],
      [`UPDATE pack SET ${flip('bytes', 10)}`, 'FHIR_CHANGED'],
      [`UPDATE pack SET ${flip('salt', 0)}`, 'RAW_CHANGED'],
      ['UPDATE pack SET state = 2', 'FACTS_CHANGED'],
      [`UPDATE pack SET ${flip('mapping', 0)}`, 'FACTS_CHANGED'],
      ["UPDATE journal SET received_at = received_at + interval '1 ms'", 'FACTS_CHANGED'],
      ['UPDATE journal SET kind = 3', 'FACTS_CHANGED'],
      [`UPDATE pack SET ${flip('entry', 60)}`, 'ENTRY_CHANGED'],
      ['DELETE FROM pack', 'MESSAGE_MISSING'],
      ['DELETE FROM journal', 'RAW_MISSING'],
    ] as const;
    const { database } = ledger;
    for (const table of ['journal', 'pack'])
      await database.query(`CREATE TABLE saved_${table} AS SELECT * FROM ${table}`);
    for (const [sql, code] of changes) {
      await database.query(`${sql} ${at(300)}`);
      await database.query(`${sql} ${at(7, 2)}`);
      const findings = await found();
      expect(new Set(findings.map((text) => text.split(' ')[1]))).toEqual(new Set(['0-1-300', '0-2-7']));
      expect(findings).toContain(`${code} 0-1-300`);
      const table = sql.includes('journal') ? 'journal' : 'pack';
      await database.query(`DELETE FROM ${table}`);
      await database.query(`INSERT INTO ${table} SELECT * FROM saved_${table}`);
    }
    expect(await found()).toEqual([]);
  });

  test('a change of a block that messages share names each of them, a change of a place in it the one message', async () => {
    const { database } = ledger;
    const plains = [5, 6, 7].map((seq) => plainOf({ lane: 0, partition: 1, seq }));
    for (const [index, plain] of plains.entries()) {
      const before = plains.slice(0, index).reduce((sum, { length }) => sum + length + 1, 0);
      await database.query(
        `UPDATE pack SET block = 5, plain_at = $1, plain_bytes = $2, bytes = $3 ${at(5 + index)}`,
        [before, plain.length, index === 0 ? deflateBlock(plains) : Buffer.alloc(0)],
      );
    }
    expect(await found()).toEqual([]);
    await database.query(`UPDATE pack SET plain_at = plain_at - 1 ${at(6)}`);
    expect(await found()).toEqual(['FHIR_CHANGED 0-1-6']);
    await database.query(`UPDATE pack SET plain_at = plain_at + 1 ${at(6)}`);
    await database.query(`UPDATE pack SET bytes = set_byte(bytes, 10, get_byte(bytes, 10) # 1) ${at(5)}`);
    expect((await found()).sort()).toEqual([5, 6, 7].map((seq) => `FHIR_CHANGED 0-1-${seq}`));
  });

  test('a journal row that appears twice is found', async () => {
    await ledger.database.query(
      `INSERT INTO journal SELECT lane, partition, seq, kind, flags, channel, received_at, control_hash, sender,
         idempotency_key, refers_lane, refers_partition, refers_seq, raw FROM journal ${at(3)}`,
    );
    expect(await found()).toEqual(['RAW_DOUBLED 0-1-3']);
  });

  test('changes to messages that wait for the tree are found as well', async () => {
    await ledger.messages.add(0, 3, 17);
    await ledger.database.query(`DELETE FROM pack ${at(4, 3)}`);
    await ledger.database.query(`UPDATE journal SET raw = '\\x00' ${at(9, 3)}`);
    await ledger.database.query(`UPDATE pack SET entry = set_byte(entry, 30, 1) ${at(12, 3)}`);
    expect(await found()).toEqual([
      'MESSAGE_MISSING 0-3-4',
      'CHAIN_BROKEN 0-3-12',
      'CHAIN_BROKEN 0-3-13',
      'RAW_CHANGED 0-3-9',
    ]);
  });

  test('a flipped byte of a tile or bundle names the file and the message', async () => {
    flipInFile('tile/0/001', 40 * 32 + 3);
    flipInFile('tile/entries/000', 9 * 154 + 60);
    const { findings } = await run();
    expect(findings).toEqual([
      expect.objectContaining({
        code: 'BUNDLE_CHANGED',
        file: 'tile/entries/000',
        leaves: [9, 9],
        messages: [
          { lane: 0, partition: 1, seq: 10 },
          { lane: 0, partition: 1, seq: 10 },
        ],
      }),
      expect.objectContaining({
        code: 'TILE_CHANGED',
        file: 'tile/0/001',
        leaves: [296, 296],
        messages: [
          { lane: 0, partition: 1, seq: 297 },
          { lane: 0, partition: 1, seq: 297 },
        ],
      }),
    ]);
  });

  test('a flipped byte of an upper tile names the messages below it', async () => {
    flipInFile('tile/1/000.p/2', 32);
    const { findings } = await run();
    expect(findings).toEqual([
      expect.objectContaining({
        code: 'TILE_CHANGED',
        file: 'tile/1/000.p/2',
        leaves: [256, 511],
        messages: [{ lane: 0, partition: 1, seq: 257 }, expect.anything()],
      }),
    ]);
  });

  test('missing and malformed files are named, and everything else is still checked', async () => {
    rmSync(join(ledger.directory, 'tile/0/000'));
    rmSync(join(ledger.directory, 'tile/1/000.p/2'));
    writeFileSync(join(ledger.directory, 'tile/entries/001'), 'no bundle');
    await ledger.database.query(`UPDATE journal SET raw = '\\x00' ${at(500)}`);
    expect(await found()).toEqual([
      'FILE_MISSING tile/0/000',
      'FILE_MISSING tile/1/000.p/2',
      'BUNDLE_CHANGED tile/entries/001',
      'RAW_CHANGED 0-1-500',
    ]);
  });

  test('an entry replaced everywhere is caught by the signed roots, which narrow it down', async () => {
    const forge = (bytes: Buffer, start: number) => bytes.writeUInt8(bytes.readUInt8(start) ^ 1, start);
    const path = join(ledger.directory, 'tile/entries/001');
    const bundle = readFileSync(path);
    forge(bundle, 254 * 154 + 2 + 60);
    writeFileSync(path, bundle);
    const entry = bundle.subarray(254 * 154 + 2, 255 * 154);
    const [row] = await ledger.database.query<{ partition: number; seq: number }>(
      `SELECT partition, first_seq + 510 - first_index AS seq FROM ledger_range WHERE first_index <= 510 ORDER BY first_index DESC LIMIT 1`,
    );
    await ledger.database.query(`UPDATE pack SET entry = $1 ${at(row?.seq ?? 0, row?.partition)}`, [entry]);
    const { findings } = await run();
    const root = findings.find(({ code }) => code === 'ROOT_DIFFERS');
    expect(root).toMatchObject({ leaves: [500, 599] });
    expect(findings.map(({ code }) => code)).toContain('RAW_CHANGED');
  });

  test('heads that the key did not sign, an older checkpoint file and another key are found', async () => {
    await ledger.database.query(
      "UPDATE ledger_checkpoint SET note = replace(note, '500', '501') WHERE size = 500",
    );
    expect(await found()).toEqual(['HEAD_INVALID']);
    const stranger = NoteSigner.generate('hospital.example/test').verifier.toString();
    const report = await run({ trustedKey: stranger });
    expect(report).toMatchObject({ sound: false, size: 700, messages: 700, found: 5 });
  });

  test('a checkpoint file that was put back to an older state is found', async () => {
    const [older] = await ledger.database.query<{ note: string }>(
      'SELECT note FROM ledger_checkpoint WHERE size = 400',
    );
    writeFileSync(join(ledger.directory, 'checkpoint'), older?.note ?? '');
    await ledger.database.query("UPDATE ledger_checkpoint SET at = at - interval '1 hour'");
    expect(await found()).toContain('HEAD_INVALID checkpoint');
  });

  test('messages that the tables keep out of the tree are found', async () => {
    await ledger.database.query('UPDATE ledger_cursor SET seq = seq + 5 WHERE partition = 2');
    expect(await found()).toEqual(['CURSOR_AHEAD 0-2-201']);
    await ledger.database.query('DELETE FROM ledger_range WHERE first_index = 0');
    const findings = await found();
    expect(findings).toContain('LEAVES_UNASSIGNED');
    expect(findings.some((text) => text.startsWith('CHAIN_BROKEN 0-1-'))).toBe(true);
  });

  test('a thousand findings are listed and all are counted', async () => {
    await ledger.messages.add(0, 4, 600);
    await ledger.database.query('UPDATE pack SET salt = set_byte(salt, 3, get_byte(salt, 3) # 1)');
    const { findings, found: all } = await run();
    expect(findings).toHaveLength(1000);
    expect(all).toBe(2600);
  });
});
