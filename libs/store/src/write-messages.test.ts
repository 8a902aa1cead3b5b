import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { FhirObject } from '#fhir';
import { isEngineError, stableId, systemRandom } from '#kernel';
import type { MappedResource } from '#mapping';
import { indexTerms } from '#search';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import type { MessageOutcome, StoredResource } from './message-outcome.js';
import { resourceAt, resourcesOf, unfoldPack } from './pack-bytes.js';
import { storeMigrations } from './schema.js';
import { MessageWriter, type Written } from './write-messages.js';

let fixture: TestDatabase;
beforeAll(async () => {
  fixture = await createTestDatabase(storeMigrations);
});
afterAll(() => fixture.remove());

const NO_ENTRY = Buffer.alloc(32);
/** As before the first message of every partition. */
const chains = () => new Map(Array.from({ length: 64 }, (_, partition) => [`0-${partition}`, NO_ENTRY]));
const nextSeq = new Map<number, number>();

function resource(
  type: string,
  key: string,
  content: FhirObject,
  more: Partial<MappedResource> = {},
): MappedResource {
  const id = stableId('test', type, [key]);
  return {
    type,
    id,
    key: `${type}/${id}`,
    merge: 'snapshot',
    resource: { resourceType: type, id, ...content },
    removals: [],
    ...more,
  };
}

/** The next message of a partition. */
function outcome(
  partition: number,
  resources: MappedResource[],
  more: Partial<MessageOutcome> = {},
): MessageOutcome {
  const seq = (nextSeq.get(partition) ?? 0) + 1;
  nextSeq.set(partition, seq);
  return {
    position: { lane: 0, partition, seq },
    kind: 0,
    channel: 1,
    channelName: 'lab',
    receivedAtMs: 1_700_000_000_000 + seq,
    state: 1,
    raw: Buffer.from(`raw ${partition} ${seq}`),
    mapping: Buffer.alloc(32, 1),
    resources,
    ...more,
  };
}

function write(
  messages: MessageOutcome[],
  writer = new MessageWriter('test', systemRandom),
): Promise<Written> {
  return fixture.database.transaction((tx) => writer.write(tx, messages, chains(), () => []));
}

interface Pointer {
  version: number;
  seq: number;
  position: number;
  text: FhirObject;
}

/** All versions of a resource, oldest first, as a reader finds them. */
async function versions(of: MappedResource): Promise<Pointer[]> {
  const rows = await fixture.database.query<Omit<Pointer, 'text'> & { folded: Buffer }>(
    `SELECT v.version, v.seq, v.position, p.folded FROM (
       SELECT version, lane, partition, seq, position FROM resource WHERE id = $1
       UNION ALL SELECT version, lane, partition, seq, position FROM resource_history WHERE id = $1) AS v
     JOIN folded_pack p USING (lane, partition, seq) ORDER BY v.version`,
    [of.id],
  );
  return rows.map(({ folded, ...row }) => ({
    ...row,
    text: JSON.parse(resourceAt(unfoldPack(folded), row.position)) as FhirObject,
  }));
}

describe('writing messages', () => {
  test('a resource is found by its pointer; equal content makes no new version, other content does', async () => {
    const glucose = (value: string) =>
      resource('Observation', 'glucose', { status: 'final', valueString: value });
    await write([outcome(1, [glucose('5')]), outcome(1, [glucose('5')]), outcome(1, [glucose('6')])]);
    await write([outcome(1, [glucose('6')]), outcome(1, [glucose('7')])]);
    const found = await versions(glucose(''));
    expect(found.map((v) => [v.version, v.seq, v.text['valueString']])).toEqual([
      [1, 1, '5'],
      [2, 3, '6'],
      [3, 5, '7'],
    ]);
  });

  test('with merge update what a message does not value stays, and what it nulls goes, across transactions', async () => {
    const patient = (content: FhirObject, removals: string[] = []) =>
      resource('Patient', 'anna', content, { merge: 'update', removals });
    const writer = new MessageWriter('test', systemRandom);
    await write([outcome(2, [patient({ gender: 'female', birthDate: '1980-01-01' })])], writer);
    await write([outcome(2, [patient({ active: true }, ['birthDate'])])], writer);
    await write([outcome(2, [patient({ gender: 'other' })])]); // another worker: nothing in its memory
    const last = (await versions(patient({}))).at(-1);
    expect(last?.version).toBe(3);
    expect(last?.text).toMatchObject({ gender: 'other', active: true });
    expect(last?.text).not.toHaveProperty('birthDate');
  });

  test('every identifier that any version of a patient had has its search rows, however they came and went', async () => {
    const identified = (...values: string[]) =>
      resource(
        'Patient',
        'rows',
        { identifier: values.map((value) => ({ system: 'urn:mrn', value })) },
        { merge: 'update' },
      );
    const writer = new MessageWriter('test', systemRandom);
    await write([outcome(11, [identified('a')]), outcome(11, [identified('a', 'b')])], writer);
    await write([outcome(11, [identified('c')]), outcome(11, [identified('b', 'd')])], writer);
    await write([outcome(11, [identified('a')])]); // another worker: nothing in its memory
    await write([outcome(11, [identified('e')])], writer);
    const wanted = new Set([...'abcde'].flatMap((value) => indexTerms(identified(value).resource, null)));
    const rows = await fixture.database.query<{ hash: string }>(
      'SELECT s.hash::text FROM search_term s JOIN resource r ON r.rid = ANY (s.rids) WHERE r.id = $1',
      [identified('').id],
    );
    expect(new Set(rows.map((row) => row.hash))).toEqual(wanted);
  });

  test('every message leaves a pack with a Provenance that names the versions it touched', async () => {
    const one = resource('Observation', 'one', { status: 'final' });
    const message = outcome(3, [one]);
    await write([message]);
    const [row] = await fixture.database.query<{ folded: Buffer; resources: number }>(
      'SELECT f.folded, p.resources FROM pack p JOIN folded_pack f USING (lane, partition, seq) WHERE partition = 3 AND seq = $1',
      [message.position.seq],
    );
    const texts = resourcesOf(unfoldPack(row?.folded ?? Buffer.alloc(0)));
    expect(texts).toHaveLength(row?.resources ?? -1);
    expect(JSON.parse(texts[1] ?? '')).toMatchObject({
      resourceType: 'Provenance',
      target: [{ reference: `Observation/${one.id}/_history/1` }],
    });
  });

  test('delivery numbers are gap-free in destination and partition, whatever the routes', async () => {
    const writer = new MessageWriter('test', systemRandom);
    const messages = Array.from({ length: 9 }, (_, index) =>
      outcome(4, [resource('Observation', `n${index}`, { status: 'final' })]),
    );
    const route = (message: MessageOutcome) => (message.position.seq % 3 === 0 ? [7, 8] : [7, 7]);
    for (const part of [messages.slice(0, 4), messages.slice(4)]) {
      await fixture.database.transaction((tx) => writer.write(tx, part, chains(), route));
    }
    const rows = await fixture.database.query<{ destination: number; number: number; seq: number }>(
      'SELECT destination, number, seq FROM delivery WHERE partition = 4 ORDER BY destination, number',
    );
    expect(rows.filter((row) => row.destination === 7).map((row) => row.number)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    expect(rows.filter((row) => row.destination === 8).map((row) => [row.number, row.seq])).toEqual([
      [1, 3],
      [2, 6],
      [3, 9],
    ]);
  });

  test('a dead letter keeps its code and reason, and its place in the ledger', async () => {
    const dead = outcome(5, [], { state: 3, code: 'MAP_NONE', reason: 'no mapping claims ADT^A60' });
    const written = await write([dead]);
    expect(written.chains.get('0-5')).not.toEqual(NO_ENTRY);
    const rows = await fixture.database.query('SELECT code, reason FROM dead_letter WHERE partition = 5');
    expect(rows).toEqual([{ code: 'MAP_NONE', reason: 'no mapping claims ADT^A60' }]);
  });

  test('two transactions that change a shared resource at once: one conflicts and succeeds when run again', async () => {
    const doctor = (name: string) => resource('Practitioner', 'shared', { name: [{ text: name }] });
    await write([outcome(6, [doctor('a')])]);
    const race = (partition: number, name: string) => {
      const message = outcome(partition, [doctor(name)]);
      const attempt = (): Promise<unknown> =>
        write([message]).catch((error: unknown) => {
          if (isEngineError(error) && error.code === 'DATABASE_CONFLICT') return attempt();
          throw error;
        });
      return attempt();
    };
    await Promise.all(Array.from({ length: 6 }, (_, index) => race(10 + index, `name ${index}`)));
    const found = await versions(doctor(''));
    expect(found.map((v) => v.version)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('a route sees each resource with its version and whether it changed', async () => {
    const seen: (readonly StoredResource[])[] = [];
    const same = resource('Observation', 'routed', { status: 'final' });
    const messages = [outcome(7, [same]), outcome(7, [same])];
    await fixture.database.transaction((tx) =>
      new MessageWriter('test', systemRandom).write(tx, messages, chains(), (_, stored) => {
        seen.push(stored);
        return [];
      }),
    );
    expect(seen.map((stored) => [stored[0]?.version, stored[0]?.changed])).toEqual([
      [1, true],
      [1, false],
    ]);
  });
});
