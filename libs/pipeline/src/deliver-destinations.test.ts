import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Destination, Outbound, SendOutcome } from '#channel';
import { DeliveryClaims, deliveryMigrations, RecentPacks, type RetryPolicy } from '#delivery';
import { EngineError, type ErrorKind } from '#kernel';
import { storeMigrations } from '#store';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { until } from '../../delivery/testing/until.js';
import { seedDeliveries, seedDestination } from '../../store/testing/seed-deliveries.js';
import { DeliverDestinations, type DeliveryNudge } from './deliver-destinations.js';

type Answer = ErrorKind | 'sent';
type Behave = (outbound: Outbound) => Answer | Promise<Answer>;

/** A receiver that keeps what it is sent and answers as the test says. */
class Receiver implements Destination {
  readonly attempts: Outbound[] = [];
  readonly taken: Outbound[] = [];
  behave: Behave = () => 'sent';
  /** What a failure says of the next attempt. */
  retryAfterMs: number | undefined;
  /** Shares with two sends in flight at one time: must stay empty. */
  readonly overlaps: string[] = [];
  private readonly inFlight = new Set<string>();
  mostInFlight = 0;

  constructor(readonly name: string) {}

  async send(outbound: Outbound, signal: AbortSignal): Promise<SendOutcome> {
    const share = `${outbound.destination}/${outbound.partition}`;
    if (this.inFlight.has(share)) this.overlaps.push(`${share}/${outbound.number}`);
    this.inFlight.add(share);
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight.size);
    this.attempts.push(outbound);
    const kind = await new Promise<Answer>((resolve) => {
      const breakOff = () => resolve('uncertain');
      signal.addEventListener('abort', breakOff);
      void Promise.resolve(this.behave(outbound)).then((answer) => {
        signal.removeEventListener('abort', breakOff);
        resolve(answer);
      });
    });
    this.inFlight.delete(share);
    if (kind === 'sent') {
      this.taken.push(outbound);
      return { sent: true };
    }
    const error = new EngineError(kind, `TEST_${kind.toUpperCase()}`, 'as the test says');
    const { retryAfterMs } = this;
    return { sent: false, error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }

  async close(): Promise<void> {}

  numbers(partition: number): number[] {
    return this.taken.filter((one) => one.partition === partition).map((one) => one.number);
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const texts = (count: number, from = 1) =>
  upTo(count).map((number) => [
    `{"resourceType":"Basic","id":"b${from + number - 1}"}`,
    '{"resourceType":"Provenance"}',
  ]);
/** Text that does not deflate. */
const noiseOf = (seed: number, length: number) => {
  let state = seed;
  return Array.from({ length }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return (state >> 16).toString(36).slice(-1);
  }).join('');
};
const quick: RetryPolicy = { firstAfterMs: 10, atMostEveryMs: 40 };

describe('deliveries to the destinations of channels', () => {
  let fixture: TestDatabase;
  let receiver: Receiver;
  let id: number;
  let count = 0;
  const processes: { deliveries: DeliverDestinations; claims: DeliveryClaims }[] = [];
  const errors: unknown[] = [];
  const retries: (DeliveryNudge & { afterMs: number })[] = [];

  beforeAll(async () => {
    fixture = await createTestDatabase([...storeMigrations, ...deliveryMigrations]);
  });
  afterAll(() => fixture.remove());
  beforeEach(async () => {
    count += 1;
    receiver = new Receiver(`lab.ehr-${count}`);
    id = await seedDestination(fixture.database, receiver.name);
    errors.length = 0;
    retries.length = 0;
  });
  afterEach(async () => {
    for (const { deliveries, claims } of processes.splice(0)) {
      await deliveries.stop(0);
      await claims.close();
    }
  });

  /** A process that delivers: its own connection and its own turns. */
  const start = (
    retry: RetryPolicy = quick,
    concurrency?: number,
    targets = [{ id, destination: receiver }],
    recent = new RecentPacks(),
  ) => {
    const claims = new DeliveryClaims(fixture.database);
    const deliveries = new DeliverDestinations(
      claims,
      targets.map((target) => ({ ...target, channel: 'lab', retry, concurrency })),
      {
        onError: (error) => errors.push(error),
        onRetry: (nudge, afterMs) => {
          retries.push({ ...nudge, afterMs });
          // Stands for the queue's delayed job.
          setTimeout(() => deliveries.wake(nudge), afterMs).unref();
        },
      },
      recent,
    );
    processes.push({ deliveries, claims });
    deliveries.start();
    return { deliveries, claims };
  };
  const seed = (partition: number, messages: number, from = 1, ageMs = 0) =>
    seedDeliveries(fixture.database, { destinations: [id], partition, ageMs }, texts(messages, from));
  const rows = <Row extends object>(sql: string) => fixture.database.query<Row>(sql, [id]);

  test('a receiver that says when to come back is not tried before, and one that does not by our own pause', async () => {
    receiver.retryAfterMs = 300;
    receiver.behave = () => (receiver.attempts.length === 1 ? 'unavailable' : 'sent');
    await seed(2, 1);
    start();
    await until('it is sent', () => receiver.taken.length === 1);
    expect(retries[0]?.afterMs).toBeGreaterThanOrEqual(300);
    receiver.retryAfterMs = undefined;
    receiver.behave = () => (receiver.attempts.length === 3 ? 'unavailable' : 'sent');
    await seed(2, 1, 2);
    await until('the next is sent', () => receiver.taken.length === 2);
    expect(retries[1]?.afterMs).toBeLessThan(100);
  });

  test('what waits at the start is sent in order of number, each message with its resources', async () => {
    await seed(3, 150);
    await seed(4, 2);
    start();
    await until('all are sent', () => receiver.taken.length === 152);
    expect(receiver.numbers(3)).toEqual(upTo(150));
    expect(receiver.numbers(4)).toEqual([1, 2]);
    expect(receiver.taken.find((one) => one.partition === 3 && one.number === 77)).toMatchObject({
      destination: receiver.name,
      channel: 'lab',
      resources: [
        Buffer.from('{"resourceType":"Basic","id":"b77"}'),
        Buffer.from('{"resourceType":"Provenance"}'),
      ],
    });
    await until('the cursors are there', async () => {
      const found = await rows<{ number: number }>(
        'SELECT number FROM delivery_cursor WHERE destination = $1 ORDER BY partition',
      );
      return found.map((row) => row.number).join() === '150,2';
    });
    const ranges = await rows<{ first_number: number; last_number: number; attempts: number }>(
      'SELECT first_number, last_number, attempts FROM delivery_sent WHERE destination = $1 AND partition = 3 ORDER BY 1',
    );
    expect(ranges.flatMap((range) => upTo(range.last_number - range.first_number + 1))).toHaveLength(150);
    expect(new Set(ranges.map((range) => range.attempts))).toEqual(new Set([1]));
    expect(errors).toEqual([]);
  });

  test('a nudge sends at once, and a nudge for another process does nothing', async () => {
    const { deliveries } = start();
    await seed(1, 1);
    deliveries.wake({ destination: id + 1, partition: 1 });
    deliveries.wake({ destination: id, partition: 1 });
    await until('it is sent', () => receiver.taken.length === 1);
  });

  test('a lost nudge costs only time: the sweeper finds what waits', async () => {
    start();
    await seed(1, 3);
    await until('they are sent', () => receiver.taken.length === 3);
  });

  test('a receiver that was down catches up without loss and in order, the same number at every attempt', async () => {
    receiver.behave = () => 'unavailable';
    await seed(5, 20);
    await seed(6, 20);
    start();
    await until('it was tried some times', () => receiver.attempts.length >= 8);
    await seed(5, 20, 21);
    expect(new Set(receiver.attempts.map((one) => one.number))).toEqual(new Set([1]));
    receiver.behave = () => 'sent';
    await until('all are sent', () => receiver.taken.length === 60);
    expect(receiver.numbers(5)).toEqual(upTo(40));
    expect(receiver.numbers(6)).toEqual(upTo(20));
    const [first] = await rows<{ attempts: number }>(
      'SELECT attempts FROM delivery_sent WHERE destination = $1 AND partition = 5 AND first_number = 1 AND last_number = 1',
    );
    expect(first?.attempts).toBe(
      receiver.attempts.filter((one) => one.partition === 5 && one.number === 1).length,
    );
    const dead = await rows('SELECT 1 FROM delivery_dead WHERE destination = $1');
    expect(dead).toEqual([]);
  });

  test('a failure is stored with its code and the time of the next attempt, and asked to be nudged', async () => {
    receiver.behave = () => 'unavailable';
    await seed(1, 1);
    start({ firstAfterMs: 60_000, atMostEveryMs: 60_000 });
    await until('it failed', () => retries.length === 1);
    expect(retries[0]).toMatchObject({ destination: id, partition: 1 });
    expect(retries[0]?.afterMs).toBeGreaterThanOrEqual(45_000);
    const [cursor] = await rows<{ number: number; attempts: number; last_error: string; later: boolean }>(
      `SELECT number, attempts, last_error, next_attempt_at > now() + interval '40 s' AS later
       FROM delivery_cursor WHERE destination = $1`,
    );
    expect(cursor).toEqual({
      number: 0,
      attempts: 1,
      last_error: 'TEST_UNAVAILABLE: as the test says',
      later: true,
    });
  });

  test('one partition that waits for its next attempt does not hold up the others', async () => {
    receiver.behave = ({ partition }) => (partition === 1 ? 'uncertain' : 'sent');
    await seed(1, 3);
    await seed(2, 30);
    start({ firstAfterMs: 60_000, atMostEveryMs: 60_000 }, 1);
    const ofOne = () => receiver.attempts.filter((one) => one.partition === 1);
    await until('one was tried, the other is through', () => {
      return receiver.numbers(2).length === 30 && ofOne().length > 0;
    });
    expect(ofOne()).toHaveLength(1);
  });

  test('a message that is refused three times is dead with its code, and the stream goes on', async () => {
    receiver.behave = ({ number }) => (number === 2 ? 'rejected' : 'sent');
    await seed(9, 4);
    start();
    await until('the others are sent', () => receiver.taken.length === 3);
    expect(receiver.numbers(9)).toEqual([1, 3, 4]);
    expect(receiver.attempts.filter((one) => one.number === 2)).toHaveLength(3);
    const dead = await rows('SELECT number, seq, attempts, code FROM delivery_dead WHERE destination = $1');
    expect(dead).toEqual([{ number: 2, seq: 2, attempts: 3, code: 'TEST_REJECTED' }]);
  });

  test('a wrong address or credential makes nothing dead: it waits for a person', async () => {
    receiver.behave = () => 'misconfigured';
    await seed(1, 2);
    start();
    await until('it was tried often', () => receiver.attempts.length >= 6);
    receiver.behave = () => 'sent';
    await until('both are sent', () => receiver.taken.length === 2);
    expect(await rows('SELECT 1 FROM delivery_dead WHERE destination = $1')).toEqual([]);
  });

  test('with give_up_after, what is too old dies at its next failure and what is young is kept', async () => {
    receiver.behave = () => 'unavailable';
    await seed(1, 5, 1, 3_600_000);
    await seed(1, 5, 6);
    start({ ...quick, giveUpAfterMs: 600_000 });
    await until('it came to the young ones', () => receiver.attempts.some((one) => one.number === 6));
    receiver.behave = () => 'sent';
    await until('the young ones are sent', () => receiver.taken.length === 5);
    expect(receiver.numbers(1)).toEqual([6, 7, 8, 9, 10]);
    const dead = await rows<{ number: number }>(
      'SELECT number FROM delivery_dead WHERE destination = $1 ORDER BY 1',
    );
    expect(dead.map((row) => row.number)).toEqual([1, 2, 3, 4, 5]);
  });

  test('a pack that is gone or damaged is dead and named; its neighbours are sent', async () => {
    await seed(11, 4);
    const at = `(SELECT lane, partition, seq FROM delivery WHERE destination = ${id} AND number =`;
    await fixture.database.query(`DELETE FROM pack WHERE (lane, partition, seq) IN ${at} 2)`);
    await fixture.database.query(
      `UPDATE pack SET bytes = '\\x0102030405' WHERE (lane, partition, seq) IN ${at} 3)`,
    );
    start();
    await until('the neighbours are sent', () => receiver.taken.length === 2);
    expect(receiver.numbers(11)).toEqual([1, 4]);
    const dead = await rows('SELECT number, code FROM delivery_dead WHERE destination = $1 ORDER BY 1');
    expect(dead).toEqual([
      { number: 2, code: 'PACK_MISSING' },
      { number: 3, code: 'PACK_DAMAGED' },
    ]);
  });

  test('what this process stored a moment ago is sent from memory, the rest from the store, all in order', async () => {
    await seed(12, 100);
    const recent = new RecentPacks();
    const packs = texts(100).map((resources) => resources.map((text) => Buffer.from(text)));
    const isRemembered = (number: number) => number % 3 === 0 || number > 90;
    for (const number of upTo(100).filter(isRemembered)) {
      const position = { lane: 0, partition: 12, seq: number };
      recent.remember([{ position, resources: packs[number - 1] ?? [] }]);
      // So that it can come from nowhere else.
      await fixture.database.query('DELETE FROM pack WHERE lane = 0 AND partition = 12 AND seq = $1', [
        number,
      ]);
    }
    start(quick, undefined, undefined, recent);
    await until('all are sent', () => receiver.taken.length === 100);
    expect(receiver.numbers(12)).toEqual(upTo(100));
    expect(receiver.taken.map((one) => one.resources.map(String))).toEqual(texts(100));
  });

  test('packs larger than one statement may carry are all sent', async () => {
    const wide = upTo(5).map((number) => [JSON.stringify({ n: number, noise: noiseOf(number, 400_000) })]);
    await seedDeliveries(fixture.database, { destinations: [id], partition: 13 }, wide);
    start();
    await until('all are sent', () => receiver.taken.length === 5);
    expect(receiver.taken.map((one) => one.resources.map(String))).toEqual(wide);
  });

  test('several processes never have two sends in flight for one share and send each number once', async () => {
    receiver.behave = async ({ number }): Promise<Answer> => {
      // Longer than a round trip to the database, so that the processes meet.
      if (number % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
      return 'sent';
    };
    const all = [start(), start(), start()];
    for (let wave = 0; wave < 6; wave++) {
      await Promise.all(upTo(8).map((partition) => seed(partition, 10, wave * 10 + 1)));
      for (const partition of upTo(8)) {
        for (const { deliveries } of all) deliveries.wake({ destination: id, partition });
      }
    }
    await until('all are sent', () => receiver.taken.length >= 480);
    for (const partition of upTo(8)) expect(receiver.numbers(partition)).toEqual(upTo(60));
    expect(receiver.overlaps).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('when the connection breaks in the middle, what is in flight is broken off and everything arrives in order', async () => {
    let slow = 0;
    receiver.behave = async (): Promise<Answer> => {
      slow += 1;
      // A pause in each send, so that the connection breaks while sends are in flight.
      await new Promise((resolve) => setTimeout(resolve, 2));
      return 'sent';
    };
    await Promise.all([1, 2, 3].map((partition) => seed(partition, 60)));
    start();
    start();
    for (const after of [20, 60, 100]) {
      await until('some were sent', () => slow >= after);
      await fixture.database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%deliver%'`,
      );
    }
    const complete = async () => {
      const [row] = await rows<{ sum: string }>(
        'SELECT COALESCE(sum(number), 0)::int AS sum FROM delivery_cursor WHERE destination = $1',
      );
      return Number(row?.sum) === 180;
    };
    await until('all are sent', complete);
    for (const partition of [1, 2, 3]) {
      const numbers = receiver.numbers(partition);
      // At least once; again only with the same number; never a number before its predecessor.
      expect([...new Set(numbers)]).toEqual(upTo(60));
      numbers.forEach((number, index) => expect(number).toBeLessThanOrEqual((numbers[index - 1] ?? 0) + 1));
    }
    expect(receiver.overlaps).toEqual([]);
  });

  test('a destination that hangs holds up no other', async () => {
    const hanging = new Receiver(`lab.hanging-${count}`);
    const hangingId = await seedDestination(fixture.database, hanging.name);
    hanging.behave = () => new Promise(() => {});
    await Promise.all(
      upTo(20).map((partition) =>
        seedDeliveries(fixture.database, { destinations: [id, hangingId], partition }, texts(3)),
      ),
    );
    start(quick, 2, [
      { id, destination: receiver },
      { id: hangingId, destination: hanging },
    ]);
    await until('the other is through', () => receiver.taken.length === 60);
    expect(hanging.attempts).toHaveLength(2);
    expect(receiver.mostInFlight).toBeLessThanOrEqual(2);
  });

  test('stopping waits for the answer in flight, writes it down and sends nothing more', async () => {
    let answer: (outcome: 'sent') => void = () => {};
    receiver.behave = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    await seed(1, 10);
    const { deliveries } = start();
    await until('the first is in flight', () => receiver.attempts.length === 1);
    const stopped = deliveries.stop(10_000);
    answer('sent');
    await stopped;
    expect(receiver.attempts).toHaveLength(1);
    const cursor = await rows<{ number: number }>(
      'SELECT number FROM delivery_cursor WHERE destination = $1',
    );
    expect(cursor).toEqual([{ number: 1 }]);
  });

  test('stopping breaks off an answer that does not come, and that counts as no failure', async () => {
    receiver.behave = () => new Promise(() => {});
    await seed(1, 1);
    const { deliveries } = start();
    await until('it is in flight', () => receiver.attempts.length === 1);
    await deliveries.stop(10);
    expect(await rows('SELECT 1 FROM delivery_cursor WHERE destination = $1')).toEqual([]);
    receiver.behave = () => 'sent';
    start();
    await until('another process sends it', () => receiver.taken.length === 1);
    expect(receiver.taken[0]?.number).toBe(1);
  });
});
