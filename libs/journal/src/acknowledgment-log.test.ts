import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrate } from '#database';
import type { Position } from '#kernel';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { AcknowledgmentLog } from './acknowledgment-log.js';
import { idempotencyKey, Journal, journalMigrations } from './index.js';
import { JournalTrace } from './trace-journal.js';

let fixture: TestDatabase;
beforeAll(async () => {
  fixture = await createTestDatabase(journalMigrations.filter(({ id }) => id === 'journal-1'));
});
afterAll(() => fixture.remove());

async function journaled(count: number): Promise<Position[]> {
  const journal = await Journal.open(fixture.database);
  const appended = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const raw = Buffer.from(`message ${index} of ${count}`);
      const key = idempotencyKey('lab', raw);
      return journal.append({
        kind: 0,
        channel: 1,
        receivedAtMs: Date.now(),
        partition: index % 3,
        key,
        raw,
      });
    }),
  );
  await journal.close();
  return appended.flatMap(({ position }) => position ?? []);
}

async function noted(positions: readonly Position[]): Promise<Map<string, string>> {
  const entries = await new JournalTrace(fixture.database).entries(positions);
  return new Map(
    entries.map(({ position, acknowledged }) => [
      `${position.partition}/${position.seq}`,
      acknowledged ? `${acknowledged.code} ${acknowledged.atMs}` : 'not noted',
    ]),
  );
}

test('every note is found again, whatever was left out, answered otherwise, or noted later', async () => {
  await fixture.database.query(
    `INSERT INTO acknowledgment (lane, partition, seq, code, at) VALUES (0, 0, 1, 'CA', to_timestamp(1.5))`,
  );
  await migrate(fixture.database, journalMigrations);

  const positions = await journaled(90);
  const log = new AcknowledgmentLog(fixture.database);
  const expected = new Map(positions.map(({ partition, seq }) => [`${partition}/${seq}`, 'not noted']));
  expected.set('0/1', 'CA 1500'); // by the version before
  const note = (position: Position, code: string, atMs: number) => {
    log.note(position, code, atMs);
    expected.set(`${position.partition}/${position.seq}`, `${code} ${atMs}`);
  };
  const later = positions.filter(({ seq }) => seq % 7 === 3);
  const never = positions.filter(({ seq }) => seq === 1 || seq === 12);
  const first = positions.filter((position) => !later.includes(position) && !never.includes(position));
  first
    .reverse()
    .forEach((position, index) => note(position, position.seq === 9 ? 'AE' : 'AA', 2000 + index));
  await log.flush();
  for (const position of later) note(position, 'AA', 9000 + position.seq);
  await log.flush();

  expect(await noted(positions)).toEqual(expected);
  expect(log.dropped).toBe(0);
  const [rows] = await fixture.database.query<{ count: number }>(
    'SELECT count(*) AS count FROM acknowledgment',
  );
  expect(rows?.count).toBeLessThan(positions.length / 2);
});
