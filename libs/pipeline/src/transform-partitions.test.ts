import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Database } from '#database';
import { RecentPacks } from '#delivery';
import { type Message, parseMessage, readMessageHeader } from '#hl7v2';
import {
  channelId,
  idempotencyKey,
  Journal,
  type JournalEntry,
  journalMigrations,
  partitionsBehind,
} from '#journal';
import { assert, EngineError, type Position, stableId, systemRandom } from '#kernel';
import type { CompiledMessageMap, MappedResource, MappingSet } from '#mapping';
import { MessageWriter, PackUnfolder, packLines, storeMigrations } from '#store';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { Router, replayMessage, type TransformChannel, TransformPartitions } from './index.js';

let fixture: TestDatabase;
let database: Database;
let channel: number;
beforeAll(async () => {
  fixture = await createTestDatabase([...journalMigrations, ...storeMigrations]);
  database = fixture.database;
  channel = await channelId(database, 'lab');
});
afterAll(() => fixture.remove());

/** A mapping in a few lines: PID-3 names a Patient, NTE-3 becomes its text; 'boom' in NTE-3 is what it cannot handle. */
function smallMappings(fixed = false): MappingSet {
  const map: CompiledMessageMap = {
    name: 'test.ADT',
    digest: 'ab'.repeat(32),
    lineage: () => [],
    timestamp: () => undefined,
    bundleType: 'message',
    run(message: Message) {
      const text = message.text;
      const key = /PID\|1\|\|(\w+)/.exec(text)?.[1] ?? '';
      const note = /NTE\|\|\|([^\r]*)/.exec(text)?.[1] ?? '';
      if (note === 'boom' && !fixed)
        throw new EngineError('rejected', 'MAPPING_CANNOT', 'the mapping cannot handle it');
      const id = stableId('test', 'Patient', [key]);
      const resource = { resourceType: 'Patient', id, name: [{ text: note }] };
      const facts = { type: 'Patient', id, key: `Patient/${id}`, merge: 'snapshot' } as const;
      const mapped: MappedResource = { ...facts, resource, removals: [] };
      const bad: MappedResource = { ...mapped, type: 'NoSuchType', key: `NoSuchType/${id}` };
      const account = {
        mapped: -1,
        droppedCount: -1,
        unmappedCount: -1,
        dropped: [],
        unmapped: [],
        digest: '',
        errors: [],
      };
      return { resources: [note === 'unstorable' ? bad : mapped], report: account };
    },
  };
  const forMessage = (code: string) => (code === 'ADT' ? map : undefined);
  const forSource = (source: { readonly text: string }) => (source.text.includes('|ADT^') ? map : undefined);
  return {
    digest: '',
    errors: [],
    maps: [map],
    forMessage,
    forSource,
    read: (raw) => {
      const { messageCode, controlId } = readMessageHeader(raw);
      return { source: parseMessage(raw), type: messageCode, map: forMessage(messageCode), controlId };
    },
    named: () => undefined,
    layouts: [],
    forRows: () => undefined,
  };
}

interface Options {
  readonly fixed?: boolean;
  readonly routes?: TransformChannel['routes'];
  readonly recent?: RecentPacks;
  readonly on?: Database;
}

function transformer(options: Options = {}): TransformPartitions {
  const own: TransformChannel = {
    id: channel,
    name: 'lab',
    filters: [{ drops: (message) => message.text.includes('|T|2.5.1'), reason: 'a training message' }],
    mappings: smallMappings(options.fixed),
    parameters: {},
    routes: options.routes ?? [],
  };
  const channels = new Map([[channel, own]]);
  const context = { tenant: 'test', engineVersion: 'test', channels };
  return new TransformPartitions(
    options.on ?? database,
    new MessageWriter('test', systemRandom),
    context,
    new Router(channels),
    options.recent,
  );
}

let controlId = 0;
function entry(
  partition: number,
  note: string,
  more: Partial<JournalEntry> & { type?: string; patient?: string } = {},
): JournalEntry {
  const { type = 'ADT^A08', patient = `P${partition}`, ...rest } = more;
  const header = `MSH|^~\\&|A|B|C|D|20250101||${type}|${++controlId}|${note === 'training' ? 'T' : 'P'}|2.5.1`;
  const raw = Buffer.from(`${header}\rPID|1||${patient}\rNTE|||${note}\r`);
  return {
    kind: 0,
    channel,
    receivedAtMs: Date.now(),
    partition,
    key: idempotencyKey('lab', raw),
    raw,
    ...rest,
  };
}

async function outcomes(
  partition: number,
): Promise<{ seq: number; state: number; code: string | null; text: string }[]> {
  const rows = await database.query<{ seq: number; state: number; code: string | null; folded: Buffer }>(
    `SELECT p.seq, p.state, p.code, f.folded FROM pack p JOIN folded_pack f USING (lane, partition, seq)
     WHERE p.partition = $1 ORDER BY p.lane, p.seq`,
    [partition],
  );
  return rows.map(({ folded, ...row }) => {
    const [first] = packLines(new PackUnfolder().unfold(folded)).map(String);
    const name = first === undefined ? undefined : (JSON.parse(first) as { name?: { text: string }[] }).name;
    return { ...row, text: name?.[0]?.text ?? '' };
  });
}

/** Runs until nothing is left; bounded. */
async function runAll(worker: TransformPartitions, partitions: readonly number[]): Promise<void> {
  for (let round = 0; round < 50; round++) {
    if ((await worker.run(partitions)).messages === 0) return;
  }
  throw new Error('the transformer does not come to an end');
}

describe('transforming partitions', () => {
  test('every message gets one outcome, in order: transformed, filtered or dead with a reason', async () => {
    const journal = await Journal.open(database);
    const notes = ['one', 'training', 'boom', 'two'];
    for (const note of notes) await journal.append(entry(1, note));
    await journal.append(entry(1, 'unmapped', { type: 'SIU^S12' }));
    await runAll(transformer(), [1]);
    expect(await outcomes(1)).toEqual([
      { seq: 1, state: 1, code: null, text: 'one' },
      { seq: 2, state: 2, code: 'CHANNEL_FILTER', text: '' },
      { seq: 3, state: 3, code: 'MAPPING_CANNOT', text: '' },
      { seq: 4, state: 1, code: null, text: 'two' },
      { seq: 5, state: 3, code: 'MAPPING_MISSING', text: '' },
    ]);
    await journal.close();
  });

  test('a message whose resources cannot be stored is dead alone: those around it get through', async () => {
    const journal = await Journal.open(database);
    const notes = ['a', 'b', 'unstorable', 'c', 'd', 'e', 'f'];
    for (const note of notes) await journal.append(entry(2, note));
    await journal.append(entry(3, 'neighbour'));
    await runAll(transformer(), [2, 3]);
    expect((await outcomes(2)).map((row) => row.text || row.state)).toEqual([
      'a',
      'b',
      3,
      'c',
      'd',
      'e',
      'f',
    ]);
    expect((await outcomes(3)).map((row) => row.text)).toEqual(['neighbour']);
    await journal.close();
  });

  test('workers at the same partitions do each message once', async () => {
    const journals = await Promise.all([Journal.open(database), Journal.open(database)]);
    const partitions = [4, 5, 6, 7];
    await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        (journals[n % 2] ?? journals[0]).append(
          entry(partitions[n % 4] ?? 4, `n${n}`, { patient: 'SHARED' }),
        ),
      ),
    );
    const workers = Array.from({ length: 4 }, () => transformer());
    for (let round = 0; round < 30; round++)
      await Promise.all(workers.map((worker) => worker.run(partitions)));
    const rows = await database.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM pack WHERE partition = ANY($1)',
      [partitions],
    );
    expect(rows).toEqual([{ n: 200 }]);
    const versions = await database.query<{ version: number }>(
      `SELECT version FROM resource WHERE id = $1 UNION ALL SELECT version FROM resource_history WHERE id = $1`,
      [stableId('test', 'Patient', ['SHARED'])],
    );
    expect(versions.map((row) => row.version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, index) => index + 1),
    );
    await Promise.all(journals.map((journal) => journal.close()));
  });

  test('a message of two patients waits for both partitions and holds both, whoever comes first', async () => {
    const journal = await Journal.open(database);
    await journal.append(entry(8, 'before in 8'));
    await journal.append(entry(9, 'before in 9'));
    await journal.append(entry(8, 'merge', { twinPartition: 9 }));
    await journal.append(entry(9, 'after in 9'));
    const worker = transformer();
    await runAll(worker, [9]); // partition 8 is not there yet: 9 stands still at the marker
    expect((await outcomes(9)).map((row) => row.text)).toEqual(['before in 9']);
    await runAll(worker, [8]);
    expect((await outcomes(8)).map((row) => row.text)).toEqual(['before in 8', 'merge']);
    await runAll(worker, [9]);
    expect((await outcomes(9)).map((row) => row.text || row.code)).toEqual([
      'before in 9',
      'TWIN_MARKER',
      'after in 9',
    ]);
    await journal.close();
  });

  test('a message of two patients that cannot be stored is dead, and both partitions go on', async () => {
    const journal = await Journal.open(database);
    await journal.append(entry(15, 'unstorable', { twinPartition: 16 }));
    await journal.append(entry(15, 'next in 15'));
    await journal.append(entry(16, 'next in 16'));
    await runAll(transformer(), [15, 16]);
    expect((await outcomes(15)).map((row) => row.text || row.state)).toEqual([3, 'next in 15']);
    expect((await outcomes(16)).map((row) => row.text)).toContain('next in 16');
    await journal.close();
  });

  test('a dead message is replayed after the fix as a new entry, and the old one is marked', async () => {
    const journal = await Journal.open(database);
    const { position } = await journal.append(entry(10, 'boom'));
    await runAll(transformer(), [10]);
    const replayed = await replayMessage(database, journal, systemRandom, position as Position, Date.now());
    await runAll(transformer({ fixed: true }), [10]);
    expect((await outcomes(10)).map((row) => row.text || row.code)).toEqual(['MAPPING_CANNOT', 'boom']);
    const [letter] = await database.query<{ replayed_as: string }>(
      'SELECT replayed_as FROM dead_letter WHERE partition = 10',
    );
    expect(letter?.replayed_as).toBe(`${replayed.lane}-10-${replayed.seq}`);
    await journal.close();
  });

  test('what is to be delivered is remembered as it was stored, once its transaction committed and not before', async () => {
    const journal = await Journal.open(database);
    const { position } = await journal.append(entry(17, 'kept'));
    assert(position !== undefined, 'TEST_NOT_JOURNALED');
    const recent = new RecentPacks();
    const routes = [{ destination: 1, types: undefined }];
    const cut = new EngineError('unavailable', 'TEST_CUT', 'the connection ends before the commit');
    const losing: Database = {
      ...database,
      transaction: (work) =>
        database.transaction(async (tx) => {
          await work(tx);
          throw cut;
        }),
    };
    await expect(transformer({ routes, recent, on: losing }).run([17])).rejects.toBe(cut);
    expect(recent.find(position)).toBeUndefined();
    await runAll(transformer({ routes, recent }), [17]);
    const [row] = await database.query<{ folded: Buffer }>(
      'SELECT folded FROM folded_pack WHERE partition = 17',
    );
    const plain = new PackUnfolder().unfold(row?.folded ?? Buffer.alloc(0));
    expect(recent.find(position)).toEqual(packLines(plain));
    await journal.append(entry(17, 'for nobody'));
    await runAll(transformer({ recent }), [17]);
    expect(recent.find({ ...position, seq: position.seq + 1 })).toBeUndefined();
    await journal.close();
  });

  test('in the end no journal is ahead of its cursor', async () => {
    expect(await partitionsBehind(database)).toEqual([]);
  });
});
