import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AddressPolicy, HttpDestination, HttpPoster } from '#connectors';
import { DeliveryClaims, deliveryMigrations } from '#delivery';
import { type FhirObject, readJson } from '#fhir';
import { DeliverDestinations } from '#pipeline';
import { storeMigrations } from '#store';
import { NotifySubscribers, SubscriptionService, subscriptionsMigrations } from '#subscriptions';
import { createTestDatabase, type TestDatabase } from '../../libs/database/testing/test-database.js';
import {
  type Behaviour,
  HttpReceiver,
  type ReceivedPost,
} from '../../libs/delivery/testing/http-receiver.js';
import { until } from '../../libs/delivery/testing/until.js';
import { seedDeliveries, seedDestination } from '../../libs/store/testing/seed-deliveries.js';

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const retry = { firstAfterMs: 5, atMostEveryMs: 20 };
const observation = (id: string) =>
  `{"resourceType":"Observation","id":"${id}","status":"final","subject":{"reference":"Patient/p1"}}`;

/** Answers of a receiver on a bad day, in turns; with 200 in between so that it comes forward. */
const troubles: Behaviour[] = [200, 503, 200, 'cut', 200, 'half', 200, 429, 200, 500, 200, 'hang'];

/**
 * Destinations and subscriptions as a process runs them: one set of claims, the connectors that ship, real sockets, a
 * real database.
 */
describe('delivery over HTTP', () => {
  let fixture: TestDatabase;
  let receiver: HttpReceiver;
  let destination: number;
  let name: string;
  let count = 0;
  const running: { stop(): Promise<void> }[] = [];
  const errors: unknown[] = [];

  beforeAll(async () => {
    fixture = await createTestDatabase([
      ...storeMigrations,
      ...deliveryMigrations,
      ...subscriptionsMigrations,
    ]);
  });
  afterAll(() => fixture.remove());
  beforeEach(async () => {
    count += 1;
    name = `lab.ehr-${count}`;
    receiver = await new HttpReceiver().up();
    destination = await seedDestination(fixture.database, name);
    errors.length = 0;
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()));
    await receiver.down();
  });

  const start = () => {
    const claims = new DeliveryClaims(fixture.database);
    const http = new HttpDestination({ name, url: receiver.url, timeoutMs: 150, origin: 'here' });
    const poster = new HttpPoster(new AddressPolicy(['127.0.0.1']));
    const onError = (error: unknown) => errors.push(error);
    const deliveries: DeliverDestinations = new DeliverDestinations(
      claims,
      [{ id: destination, channel: 'lab', destination: http, retry }],
      {
        onError,
        // Stands for the queue's delayed job.
        onRetry: (nudge, afterMs) => void setTimeout(() => deliveries.wake(nudge), afterMs).unref(),
      },
    );
    const subscribers: NotifySubscribers = new NotifySubscribers(fixture.database, claims, poster, {
      fhirUrl: 'https://suture.example/fhir/',
      origin: 'here',
      retry,
      onError,
      // Stands for the queue's delayed job.
      onRetry: (key, afterMs) => void setTimeout(() => subscribers.wake(key), afterMs).unref(),
    });
    deliveries.start();
    subscribers.start();
    const stop = async () => {
      await Promise.all([deliveries.stop(0), subscribers.stop(0)]);
      await claims.close();
      await poster.close();
    };
    running.push({ stop });
    return { deliveries, subscribers, stop };
  };
  const taken = (posts: readonly ReceivedPost[], stream: string) =>
    posts
      .filter((post) => post.headers['suture-stream'] === stream)
      .map((post) => Number(post.headers['suture-event-number']));

  /** Every number once after removing repeats, in order, and none before its predecessor was there. */
  const expectInOrder = (numbers: readonly number[], last: number) => {
    expect([...new Set(numbers)]).toEqual(upTo(last));
    numbers.forEach((number, index) => expect(number).toBeLessThanOrEqual((numbers[index - 1] ?? 0) + 1));
  };
  const delivered = async () => {
    const rows = await fixture.database.query<{ sum: number }>(
      'SELECT COALESCE(sum(number), 0)::int AS sum FROM delivery_cursor WHERE destination = $1',
      [destination],
    );
    return rows[0]?.sum;
  };

  test('a receiver that fails in every way, goes down and comes back gets 1 to n in order', async () => {
    const arrived: ReceivedPost[] = [];
    let turn = 0;
    receiver.behave = (post) => {
      arrived.push(post);
      turn += 1;
      return troubles[turn % troubles.length] ?? 200;
    };
    const messages = upTo(40).map((n) => [observation(`o-${n}`)]);
    for (const partition of [1, 2, 3]) {
      await seedDeliveries(fixture.database, { destinations: [destination], partition }, messages);
    }
    start();
    await until('some arrived', () => arrived.length >= 40);
    await receiver.down();
    await until('it is noticed', async () => {
      const rows = await fixture.database.query(
        "SELECT 1 FROM delivery_cursor WHERE destination = $1 AND last_error LIKE 'DESTINATION_UNREACHABLE%'",
        [destination],
      );
      return rows.length > 0;
    });
    await receiver.up();
    await until('all are delivered', async () => (await delivered()) === 120);
    for (const partition of [1, 2, 3]) expectInOrder(taken(arrived, `${name}/${partition}`), 40);
    // The same number is always the same message under the same key.
    const bodies = new Map<string, string>();
    for (const post of arrived) {
      const key = String(post.headers['idempotency-key']);
      expect(bodies.get(key) ?? post.body).toBe(post.body);
      bodies.set(key, post.body);
    }
    expect(bodies.size).toBe(120);
    expect(errors).toEqual([]);
  });

  test('one POST is in flight per destination and partition, over all processes', async () => {
    const inFlight = new Set<string>();
    const overlaps: string[] = [];
    receiver.behave = async (post) => {
      const stream = String(post.headers['suture-stream']);
      if (inFlight.has(stream)) overlaps.push(stream);
      inFlight.add(stream);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight.delete(stream);
      return 200;
    };
    start();
    start();
    const { deliveries } = start();
    for (const partition of upTo(6)) {
      const messages = upTo(50).map((n) => [observation(`p-${partition}-${n}`)]);
      await seedDeliveries(fixture.database, { destinations: [destination], partition }, messages);
      deliveries.wake({ destination, partition });
    }
    await until('all are delivered', async () => (await delivered()) === 300);
    expect(overlaps).toEqual([]);
    for (const partition of upTo(6)) {
      const numbers = taken(receiver.posts, `${name}/${partition}`);
      expectInOrder(numbers, 50);
      // Only where a claim was lost (a machine that stood still for seconds) may a number come again: nobody knew of its answer.
      if (errors.length === 0) expect(numbers).toEqual(upTo(50));
    }
  });

  test('a process that stops hands over to another without a gap or a repeat', async () => {
    const messages = upTo(200).map((n) => [observation(`h-${n}`)]);
    await seedDeliveries(fixture.database, { destinations: [destination], partition: 9 }, messages);
    const first = start();
    await until('some arrived', () => receiver.posts.length >= 20);
    // With time to wait for the answer in flight, nothing has to be sent twice.
    await first.deliveries.stop(10_000);
    const before = receiver.posts.length;
    expect(await delivered()).toBe(before);
    start();
    await until('all are delivered', async () => (await delivered()) === 200);
    expect(taken(receiver.posts, `${name}/9`)).toEqual(upTo(200));
  });

  test('a subscription and a destination share the claims and get the same messages, each with its own numbers', async () => {
    const subscriber = await new HttpReceiver().up();
    let turn = 0;
    subscriber.behave = () => {
      turn += 1;
      return troubles[turn % troubles.length] ?? 200;
    };
    const { subscribers, deliveries } = start();
    const service = new SubscriptionService(fixture.database, (key) => subscribers.wake(key));
    const { id } = await service.create({
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'a test',
      criteria: 'Observation?patient=Patient/p1',
      channel: { type: 'rest-hook', endpoint: subscriber.url, payload: 'application/fhir+json' },
    } as FhirObject);
    const statusOf = async () =>
      (readJson((await service.read(id))?.resource ?? '{}') as FhirObject)['status'];
    await until('it is active', async () => (await statusOf()) === 'active');
    const subscription = await seedDestination(fixture.database, `Subscription/${id}`);
    for (const partition of [21, 22]) {
      const messages = upTo(30).map((n) => [observation(`s-${partition}-${n}`)]);
      const destinations = [destination, subscription];
      await seedDeliveries(fixture.database, { destinations, partition }, messages);
      deliveries.wake({ destination, partition });
      deliveries.wake({ destination: subscription, partition });
      subscribers.wake(subscription);
    }
    await until('the destination has all', async () => (await delivered()) === 60);
    await until('the subscriber has all', async () => (await service.read(id))?.sent === 60);
    expect(taken(receiver.posts, `${name}/21`)).toEqual(upTo(30));
    const numbers = subscriber.posts
      .filter((post) => post.headers['suture-event-number'] !== undefined)
      .flatMap((post) => {
        const [first = 0, last = first] = String(post.headers['suture-event-number']).split('-').map(Number);
        return upTo(last - first + 1).map((n) => first + n - 1);
      });
    expect([...new Set(numbers)]).toEqual(upTo(60));
    await subscriber.down();
  });
});
