import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Database } from '#database';
import type { EngineError } from '#kernel';
import { hashLeaf, NoteSigner, NoteVerifier, openCheckpoint, Tree } from '#merkle';
import { createLedgerFixture, type LedgerFixture, ORIGIN } from '../testing/ledger-fixture.js';
import type { LedgeredMessages } from '../testing/ledgered-messages.js';
import { LedgerDirectory } from './ledger-directory.js';
import type { Sequencer, SequencerOptions } from './sequencer.js';

let ledger: LedgerFixture;
let directory: string;
let messages: LedgeredMessages;
let database: Database;

beforeEach(async () => {
  ledger = await createLedgerFixture();
  ({ directory, messages, database } = ledger);
});

afterEach(() => ledger.remove());

const start = (options?: Partial<SequencerOptions>) => ledger.start(options);
const stop = (sequencer: Sequencer) => ledger.stop(sequencer);

function head() {
  const key = NoteVerifier.parse(readFileSync(join(directory, 'key.pub'), 'utf8').trim());
  const note = readFileSync(join(directory, 'checkpoint'), 'utf8');
  const opened = key && openCheckpoint(note, key);
  if (opened?.opened !== true) throw new Error('the checkpoint does not open with key.pub');
  return opened.checkpoint;
}

/** The root over the entries as the database orders them, computed without the ledger's files. */
async function rootInDatabase(size: number): Promise<Buffer> {
  const rows = await database.query<{ entry: Buffer }>(
    `SELECT p.entry FROM ledger_range r JOIN pack p ON p.lane = r.lane AND p.partition = r.partition
       AND p.seq >= r.first_seq AND p.seq < r.first_seq + r.count
     ORDER BY r.first_index, p.seq LIMIT $1`,
    [size],
  );
  const tree = new Tree();
  for (const { entry } of rows) tree.append(hashLeaf(entry));
  return tree.root();
}

async function refusal(promise: Promise<unknown>): Promise<Pick<EngineError, 'kind' | 'code'>> {
  return promise.then(
    () => ({ kind: 'bug', code: 'NOT_REFUSED' }) as const,
    ({ kind, code }: EngineError) => ({ kind, code }),
  );
}

describe('sequencer', () => {
  test('all entries of all streams go into one signed tree, in batches of at most the limit', async () => {
    for (const [lane, partition, count] of [
      [0, 1, 700],
      [0, 2, 30],
      [5, 2, 1],
      [5, 63, 300],
    ] as const)
      await messages.add(lane, partition, count);
    const batches: number[] = [];
    const sequencer = await start({ batchEntries: 250, onHead: (_, entries) => batches.push(entries) });
    expect(await sequencer.drainOnce()).toBe(1031);
    expect(batches).toEqual([250, 250, 250, 250, 31]);
    expect(head()).toEqual({ origin: ORIGIN, size: 1031, root: await rootInDatabase(1031) });
    expect(await sequencer.drainOnce()).toBe(0);
    const cursors = await database.query('SELECT * FROM ledger_cursor ORDER BY lane, partition');
    expect(cursors).toEqual([
      { lane: 0, partition: 1, seq: 700 },
      { lane: 0, partition: 2, seq: 30 },
      { lane: 5, partition: 2, seq: 1 },
      { lane: 5, partition: 63, seq: 300 },
    ]);
  });

  test('a small stream does not wait for a large one to run dry', async () => {
    await messages.add(0, 1, 500);
    await messages.add(0, 2, 3);
    const sizes: number[] = [];
    const sequencer = await start({ batchEntries: 100, onHead: ({ size }) => sizes.push(size) });
    await sequencer.drainOnce();
    const [range] = await database.query<{ last: number }>(
      'SELECT max(first_index + count) AS last FROM ledger_range WHERE partition = 2',
    );
    expect(range?.last).toBeLessThanOrEqual(400);
    expect(sizes.at(-1)).toBe(503);
  });

  test('the signing key is made once and readable by its owner alone', async () => {
    await stop(await start());
    const key = readFileSync(join(directory, 'key'), 'utf8');
    expect(statSync(join(directory, 'key')).mode & 0o777).toBe(0o600);
    await stop(await start());
    expect(readFileSync(join(directory, 'key'), 'utf8')).toBe(key);
    expect(await refusal(start({ origin: 'other.example' }))).toMatchObject({ code: 'LEDGER_KEY_UNFIT' });
  });

  test('there is one sequencer per database, and its successor need not wait for anything stale', async () => {
    const first = await start();
    expect(await refusal(start())).toEqual({ kind: 'unavailable', code: 'LEDGER_LOCKED' });
    await stop(first);
    await start();
  });

  /** Resolves with the first head that the sequencer reports. */
  function firstHead(options: Partial<SequencerOptions>): {
    size: Promise<number>;
    sequencer: Promise<Sequencer>;
  } {
    let report: (size: number) => void = () => {};
    const size = new Promise<number>((resolve) => {
      report = resolve;
    });
    return { size, sequencer: start({ ...options, onHead: (next) => report(next.size) }) };
  }

  test('it drains by itself, and once more when it closes', async () => {
    await messages.add(0, 0, 5);
    const { size, sequencer } = firstHead({ sweepMs: 5, batchAfterMs: 5 });
    expect(await size).toBe(5);
    await messages.add(0, 0, 7);
    await stop(await sequencer);
    expect(head().size).toBe(12);
  });

  test('a wake-up appends long before the next sweep', async () => {
    const { size, sequencer } = firstHead({ batchAfterMs: 1 });
    await sequencer;
    await messages.add(1, 1, 3);
    (await sequencer).wake();
    expect(await size).toBe(3);
  });

  test('a full batch does not wait for its time', async () => {
    const { size, sequencer } = firstHead({ batchAfterMs: 3_600_000, batchEntries: 10 });
    await messages.add(1, 1, 9);
    (await sequencer).wake();
    await messages.add(1, 2, 1);
    (await sequencer).wake();
    expect(await size).toBe(10);
  });

  test('a missing entry stops its stream alone and is named once', async () => {
    const troubles: string[] = [];
    const sequencer = await start({ onTrouble: (error) => troubles.push((error as EngineError).message) });
    await messages.add(0, 0, 10);
    await messages.add(0, 1, 10);
    await database.query('DELETE FROM pack WHERE lane = 0 AND partition = 0 AND seq = 5');
    expect(await sequencer.drainOnce()).toBe(14);
    expect(await sequencer.drainOnce()).toBe(0);
    expect(troubles).toEqual([expect.stringContaining('message 0-0-5 ')]);
  });

  test('a lost connection costs a moment: it takes the ledger again and goes on', async () => {
    const sequencer = await start();
    await messages.add(0, 0, 10);
    await sequencer.drainOnce();
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7310003`,
    );
    await messages.add(0, 0, 10);
    // The server needs a moment to end the connection; until then the same call may succeed or say that it is lost.
    for (let attempt = 0; attempt < 50 && head().size < 20; attempt++)
      await sequencer
        .drainOnce()
        .catch((error: unknown) => expect(error).toMatchObject({ kind: 'unavailable' }));
    expect(head()).toMatchObject({ size: 20, root: await rootInDatabase(20) });
  });
});

describe('recovery', () => {
  /** Drains, then puts the files back as they were before: a crash after the commit in the database. */
  async function crashBeforeCheckpoint(count: number): Promise<void> {
    const before = `${directory}-before`;
    cpSync(directory, before, { recursive: true });
    await messages.add(0, 3, count);
    await stop(await start());
    const { size } = head();
    cpSync(before, directory, { recursive: true });
    await database.query('DELETE FROM ledger_checkpoint WHERE size = $1', [size]);
  }

  async function grow(count: number): Promise<void> {
    await messages.add(0, 0, count);
    await stop(await start());
  }

  test.each([1, 56, 57, 300])(
    'what was assigned before a crash, %i entries, is appended again at the same leaves',
    async (count) => {
      await grow(200);
      await crashBeforeCheckpoint(count);
      const ranges = await database.query('SELECT * FROM ledger_range ORDER BY first_index');
      await stop(await start());
      expect(head()).toMatchObject({ size: 200 + count, root: await rootInDatabase(200 + count) });
      expect(await database.query('SELECT * FROM ledger_range ORDER BY first_index')).toEqual(ranges);
      await grow(1);
      expect(head()).toMatchObject({ size: 201 + count, root: await rootInDatabase(201 + count) });
    },
  );

  test('torn and foreign files beyond the checkpoint are overwritten', async () => {
    await grow(200);
    await crashBeforeCheckpoint(100);
    writeFileSync(join(directory, 'tile/0/000'), 'torn');
    writeFileSync(join(directory, 'tile/entries/001.p/44'), 'torn');
    await stop(await start());
    const files = new LedgerDirectory(directory);
    expect(head()).toMatchObject({ size: 300, root: await rootInDatabase(300) });
    expect(await files.readTile(0, 0, 256)).toHaveLength(8192);
    expect(await files.readBundle(1, 44)).toHaveLength(44);
  });

  test('a head that was signed but not recorded is recorded at the next start', async () => {
    await grow(10);
    await database.query('DELETE FROM ledger_checkpoint');
    await stop(await start());
    expect(await database.query('SELECT size, root FROM ledger_checkpoint')).toEqual([
      { size: 10, root: head().root },
    ]);
  });

  test('files restored from an older backup grow again through every root that was signed', async () => {
    await grow(200);
    const before = readFileSync(join(directory, 'checkpoint'));
    await grow(100);
    await grow(100);
    writeFileSync(join(directory, 'checkpoint'), before);
    await stop(await start());
    expect(head()).toMatchObject({ size: 400, root: await rootInDatabase(400) });
  });

  test('it refuses to grow through another tree than was signed', async () => {
    await grow(200);
    const before = readFileSync(join(directory, 'checkpoint'));
    await grow(100);
    writeFileSync(join(directory, 'checkpoint'), before);
    await database.query(
      'UPDATE pack SET entry = set_byte(entry, 60, get_byte(entry, 60) # 1) WHERE seq = 250',
    );
    expect(await refusal(start())).toEqual({ kind: 'misconfigured', code: 'LEDGER_TREE_DISAGREES' });
    expect(readFileSync(join(directory, 'checkpoint'))).toEqual(before);
  });

  test('it refuses a database that was restored from an older backup', async () => {
    await grow(200);
    await database.query('DELETE FROM ledger_range');
    await database.query('DELETE FROM ledger_checkpoint');
    expect(await refusal(start())).toEqual({ kind: 'misconfigured', code: 'LEDGER_AHEAD_OF_DATABASE' });
  });

  test('it refuses damaged tiles, bundles and checkpoints, and a lost key', async () => {
    await grow(300);
    const refusedWith = async (file: string, change: (bytes: Buffer) => Buffer | undefined) => {
      const path = join(directory, file);
      const bytes = readFileSync(path);
      const changed = change(Buffer.from(bytes));
      if (changed === undefined) rmSync(path);
      else writeFileSync(path, changed);
      const { code } = await refusal(start());
      writeFileSync(path, bytes);
      return code;
    };
    const flip = (bytes: Buffer) => {
      bytes.writeUInt8(bytes.readUInt8(9) ^ 1, 9);
      return bytes;
    };
    expect(await refusedWith('tile/1/000.p/1', flip)).toBe('LEDGER_TREE_DISAGREES');
    expect(await refusedWith('tile/0/001.p/44', flip)).toBe('LEDGER_TREE_DISAGREES');
    expect(await refusedWith('tile/0/001.p/44', (bytes) => bytes.subarray(1))).toBe('LEDGER_FILE_DAMAGED');
    expect(await refusedWith('tile/0/001.p/44', () => undefined)).toBe('LEDGER_FILE_MISSING');
    expect(await refusedWith('tile/entries/001.p/44', flip)).toBe('LEDGER_TREE_DISAGREES');
    expect(await refusedWith('tile/entries/001.p/44', () => Buffer.from([1]))).toBe('LEDGER_FILE_DAMAGED');
    expect(await refusedWith('checkpoint', flip)).toBe('LEDGER_CHECKPOINT_INVALID');
    expect(await refusedWith('key', () => undefined)).toBe('LEDGER_KEY_MISSING');
    expect(await refusedWith('key', flip)).toBe('LEDGER_KEY_UNFIT');
    await stop(await start());
  });

  test('it never makes a new key, nor takes another, for a log that has signed', async () => {
    await grow(10);
    rmSync(directory, { recursive: true });
    expect(await refusal(start())).toMatchObject({ code: 'LEDGER_KEY_MISSING' });
    writeFileSync(join(directory, 'key'), NoteSigner.generate(ORIGIN).secret());
    expect(await refusal(start())).toMatchObject({ code: 'LEDGER_CHECKPOINT_INVALID' });
  });

  test('who finds the directory taken over signs nothing more', async () => {
    const sequencer = await start();
    await messages.add(0, 0, 10);
    await sequencer.drainOnce();
    writeFileSync(join(directory, 'owner'), 'another process');
    await messages.add(0, 0, 10);
    expect(await refusal(sequencer.drainOnce())).toEqual({ kind: 'unavailable', code: 'LEDGER_TAKEN_OVER' });
    expect(head().size).toBe(10);
  });
});
