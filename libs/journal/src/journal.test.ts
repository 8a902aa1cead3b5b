import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase } from '#database';
import { isEngineError } from '#kernel';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import {
  channelId,
  idempotencyKey,
  Journal,
  type JournalEntry,
  journalMigrations,
  lockPartitions,
  moveCursors,
  partitionsBehind,
  readCursors,
  readMessage,
  readWaiting,
} from './index.js';

let fixture: TestDatabase;
let channel: number;
beforeAll(async () => {
  fixture = await createTestDatabase(journalMigrations);
  channel = await channelId(fixture.database, 'lab');
});
afterAll(() => fixture.remove());

function entry(text: string, partition: number, more: Partial<JournalEntry> = {}): JournalEntry {
  const raw = Buffer.from(text);
  return {
    kind: 0,
    channel,
    receivedAtMs: Date.now(),
    partition,
    key: idempotencyKey('lab', raw),
    raw,
    ...more,
  };
}

async function readAll(lane: number, partition: number): Promise<string[]> {
  const from = { lane, partition, seq: 0, entryHash: Buffer.alloc(32), head: 1000 };
  const rows = await readWaiting(fixture.database, [from], 1000);
  return rows.map((row) => row.raw.toString());
}

describe('journal', () => {
  test('appended bytes are read back exactly, in order, numbered without gaps', async () => {
    const journal = await Journal.open(fixture.database);
    const bytes = Array.from({ length: 300 }, (_, index) => `message ${index} \u0000\r\n\xff`);
    const appended = await Promise.all(bytes.map((text, index) => journal.append(entry(text, index % 3))));
    const lane = journal.laneId ?? -1;
    for (const partition of [0, 1, 2]) {
      const mine = bytes.filter((_, index) => index % 3 === partition);
      expect(await readAll(lane, partition)).toEqual(mine);
      const numbers = appended.filter((_, index) => index % 3 === partition).map((a) => a.position?.seq);
      expect(numbers).toEqual(mine.map((_, index) => index + 1));
    }
    await journal.close();
  });

  test('the same bytes again are stored once and called a duplicate, within one commit and later', async () => {
    const journal = await Journal.open(fixture.database);
    const one = entry('the same', 5);
    const together = await Promise.all([journal.append(one), journal.append({ ...one })]);
    const later = await journal.append(one);
    expect(together.map((a) => a.duplicate)).toEqual([false, true]);
    expect(later).toEqual({ position: undefined, duplicate: true, controlIdReused: false });
    expect(await readAll(journal.laneId ?? -1, 5)).toEqual(['the same']);
    await journal.close();
  });

  test('a duplicate that reaches another lane at the same time is stored once', async () => {
    const lanes = await Promise.all([Journal.open(fixture.database), Journal.open(fixture.database)]);
    expect(new Set(lanes.map((journal) => journal.laneId)).size).toBe(2);
    const texts = Array.from({ length: 200 }, (_, index) => `shared ${index}`);
    const both = await Promise.all(
      lanes.map((journal, side) => {
        const ordered = side === 0 ? texts : [...texts].reverse();
        return Promise.all(ordered.map((text) => journal.append(entry(text, 6))));
      }),
    );
    const fresh = both.flat().filter((appended) => !appended.duplicate);
    expect(fresh).toHaveLength(texts.length);
    await Promise.all(lanes.map((journal) => journal.close()));
  });

  test('a control id that comes again with other bytes is a new message and is flagged', async () => {
    const journal = await Journal.open(fixture.database);
    const first = await journal.append(entry('first bytes', 7, { controlHash: 77n, sender: 1 }));
    const other = await journal.append(entry('other bytes', 7, { controlHash: 77n, sender: 1 }));
    const stranger = await journal.append(entry('third bytes', 7, { controlHash: 77n, sender: 2 }));
    expect([first, other, stranger].map((a) => a.controlIdReused)).toEqual([false, true, false]);
    const position = other.position;
    expect(position && (await readMessage(fixture.database, position))?.controlIdReused).toBe(true);
    await journal.close();
  });

  test('numbers follow the head in the database, whatever the writer believes', async () => {
    const journal = await Journal.open(fixture.database);
    const first = await journal.append(entry('believed', 15));
    await fixture.database.query('UPDATE journal_head SET seq = seq + 5 WHERE lane = $1 AND partition = 15', [
      journal.laneId,
    ]);
    const next = await Promise.all([journal.append(entry('moved', 15)), journal.append(entry('on', 15))]);
    const seq = first.position?.seq ?? 0;
    expect(next.map((appended) => appended.position?.seq)).toEqual([seq + 6, seq + 7]);
    await journal.close();
  });

  test('a message of two patients leaves a marker in the second partition, each naming the other', async () => {
    const journal = await Journal.open(fixture.database);
    const { position } = await journal.append(entry('merge', 8, { twinPartition: 9 }));
    expect(position?.partition).toBe(8);
    const main = position && (await readMessage(fixture.database, position));
    const marker = main?.refers && (await readMessage(fixture.database, main.refers));
    expect(main?.raw.toString()).toBe('merge');
    expect(marker).toMatchObject({ kind: 2, refers: position });
    expect(marker?.position.partition).toBe(9);
    await journal.close();
  });

  test('a replay carries no bytes of its own and is read with those of its message', async () => {
    const journal = await Journal.open(fixture.database);
    const { position } = await journal.append(entry('to run again', 10));
    const replay = entry('', 10, {
      kind: 1,
      key: Buffer.alloc(16, 7),
      ...(position && { refers: position }),
    });
    await journal.append(replay);
    expect(await readAll(journal.laneId ?? -1, 10)).toEqual(['to run again', 'to run again']);
    await journal.close();
  });

  test('a lane has one owner: a second writer takes another, and a freed lane is taken again with its numbers', async () => {
    const first = await Journal.open(fixture.database);
    const second = await Journal.open(fixture.database);
    const lane = first.laneId;
    expect(second.laneId).not.toBe(lane);
    const before = await first.append(entry('before', 11));
    await first.close();
    const third = await Journal.open(fixture.database);
    expect(third.laneId).toBe(lane);
    const after = await third.append(entry('after', 11));
    expect(after.position?.seq).toBe((before.position?.seq ?? 0) + 1);
    await second.close();
    await third.close();
  });

  test('when the connection breaks the commit is uncertain, the operator is told, and the journal comes back', async () => {
    const seen: boolean[] = [];
    let back: () => void = () => {};
    const returned = new Promise<void>((resolve) => {
      back = resolve;
    });
    const journal = await Journal.open(fixture.database, (available) => {
      seen.push(available);
      if (available) back();
    });
    // A transaction that holds the head row keeps the append in flight until its backend is ended.
    await fixture.database.transaction(async (tx) => {
      await tx.query('SELECT 1 FROM journal_head WHERE lane = $1 FOR UPDATE', [journal.laneId]);
      const append = journal.append(entry('cut off', 12)).catch((error: unknown) => error);
      await until(async () => {
        const blocked = await fixture.database.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%journal_key%'`,
        );
        return blocked.length > 0;
      });
      const error = await append;
      expect(isEngineError(error, 'uncertain') && error.code).toBe('JOURNAL_COMMIT_UNCERTAIN');
    });
    await returned;
    expect(seen).toEqual([false, true]);
    expect((await journal.append(entry('cut off', 12))).duplicate).toBe(false);
    await journal.close();
  });

  test('a full disk is told as trouble until a commit succeeds again', async () => {
    const journal = await Journal.open(fixture.database);
    expect(journal.trouble).toBeUndefined();
    await fixture.database.query(
      `CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$`,
    );
    await fixture.database.query(
      'CREATE TRIGGER full_disk BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION fill()',
    );
    await expect(journal.append(entry('too much', 60))).rejects.toMatchObject({ kind: 'uncertain' });
    expect(journal.trouble).toBe(
      'the last commit failed: the disk of the database is full (53100); make room',
    );
    await fixture.database.query('DROP TRIGGER full_disk ON journal');
    await fixture.database.query('DROP FUNCTION fill');
    await journal.append(entry('too much', 60));
    expect(journal.trouble).toBeUndefined();
    await journal.close();
  });

  test('a database that lets nobody in any more is told to the operator, and asked until it does again', async () => {
    const role = `journal_${process.pid}`;
    await fixture.database.query(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'first'`);
    const url = new URL(fixture.url);
    url.username = role;
    url.password = 'first';
    const database = openDatabase(url.href, { maxConnections: 1, application: 'refused' });
    const refusals: unknown[] = [];
    const available: boolean[] = [];
    const journal = await Journal.open(
      database,
      (is) => available.push(is),
      (error) => refusals.push(error),
    );
    await fixture.database.query(`ALTER ROLE ${role} NOLOGIN`);
    await fixture.database.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1',
      [role],
    );
    await until(async () => refusals.length > 0);
    const waiting = journal.append(entry('meanwhile', 61));
    await fixture.database.query(`ALTER ROLE ${role} LOGIN`);
    expect((await waiting).duplicate).toBe(false);
    expect([available, refusals.length]).toEqual([[false, true], 1]);
    expect(refusals[0]).toMatchObject({ code: 'DATABASE_REFUSED' });
    await journal.close();
    await database.close();
    await fixture.database.query(`DROP ROLE ${role}`);
  });

  test('the guard of the protocol: with two writers on one sequence a cursor loses a row, with lanes it cannot', async () => {
    const { database } = fixture;
    await database.query('CREATE TABLE shared_log (seq bigserial PRIMARY KEY, text text)');
    let seen = 0;
    const readNaively = async () => {
      const rows = await database.query<{ seq: number }>('SELECT seq FROM shared_log WHERE seq > $1', [seen]);
      seen = rows.at(-1)?.seq ?? seen;
      return rows.length;
    };
    // Writer one takes number 1 and is slow; writer two takes number 2 and commits first.
    let read = 0;
    await database.transaction(async (slow) => {
      await slow.query("INSERT INTO shared_log (text) VALUES ('slow')");
      await database.query("INSERT INTO shared_log (text) VALUES ('quick')");
      read += await readNaively();
    });
    read += await readNaively();
    expect(read).toBe(1); // the slow writer's row is never read: this is the breach

    const [one, two] = await Promise.all([Journal.open(database), Journal.open(database)]);
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => (index % 2 ? one : two).append(entry(`guard ${index}`, 13))),
    );
    let through = 0;
    await database.transaction(async (tx) => {
      expect(await lockPartitions(tx, [13])).toEqual([13]);
      const behind = (await readCursors(tx, [13])).filter((cursor) => cursor.head > cursor.seq);
      expect(behind).toHaveLength(2);
      const messages = await readWaiting(tx, behind, 1000);
      for (const cursor of behind) {
        const mine = messages.filter((message) => message.position.lane === cursor.lane);
        const numbers = Array.from(
          { length: cursor.head - cursor.seq },
          (_, index) => cursor.seq + index + 1,
        );
        expect(mine.map((message) => message.position.seq)).toEqual(numbers);
        through += mine.length;
      }
      const entryHash = Buffer.alloc(32);
      await moveCursors(
        tx,
        behind.map((cursor) => ({ lane: cursor.lane, partition: 13, seq: cursor.head, entryHash })),
      );
    });
    expect(through).toBe(100);
    expect((await partitionsBehind(database)).filter((share) => share.partition === 13)).toEqual([]);
    await Promise.all([one.close(), two.close()]);
  });

  test('messages of several lanes are read in order of arrival, and never beyond the moment of the heads', async () => {
    const [one, two] = await Promise.all([Journal.open(fixture.database), Journal.open(fixture.database)]);
    const at = (text: string, receivedAtMs: number) => entry(text, 14, { receivedAtMs });
    await two.append(at('first', 1_000));
    await one.append(at('second', 2_000));
    await two.append(at('third', 3_000));
    // The clock of lane one is behind: its order of seq still holds.
    await one.append(at('fourth', 1_500));
    const behind = (await readCursors(fixture.database, [14])).filter((cursor) => cursor.head > cursor.seq);
    await one.append(at('too late', 500));
    const read = (limit: number) => readWaiting(fixture.database, behind, limit);
    const texts = (await read(10)).map((message) => message.raw.toString());
    expect(texts).toEqual(['first', 'second', 'fourth', 'third']);
    expect((await read(3)).map((message) => message.raw.toString())).toEqual(['first', 'second', 'fourth']);
    await Promise.all([one.close(), two.close()]);
  });

  test('a partition that one worker holds is skipped by the others', async () => {
    await fixture.database.transaction(async (mine) => {
      expect(await lockPartitions(mine, [20, 21])).toEqual([20, 21]);
      await fixture.database.transaction(async (other) => {
        expect(await lockPartitions(other, [19, 20, 21])).toEqual([19]);
      });
    });
  });
});

/** Polls `condition` until it holds; bounded, so that a breach fails instead of hanging. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('the awaited condition never came');
}
