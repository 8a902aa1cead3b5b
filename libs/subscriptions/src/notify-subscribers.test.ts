import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Agent, request as httpRequest } from 'undici';
import type { SendOutcome } from '#channel';
import { DeliveryClaims, deliveryMigrations, type RetryPolicy } from '#delivery';
import { type FhirObject, readJson } from '#fhir';
import { EngineError } from '#kernel';
import { storeMigrations } from '#store';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { HttpReceiver, type ReceivedPost } from '../../delivery/testing/http-receiver.js';
import { until } from '../../delivery/testing/until.js';
import { seedDeliveries } from '../../store/testing/seed-deliveries.js';
import { NotifySubscribers } from './notify-subscribers.js';
import { subscriptionsMigrations } from './schema.js';
import type { NotificationPost } from './subscriber-way.js';
import { type AskedEvents, SubscriptionOperations } from './subscription-operations.js';
import { SubscriptionService } from './subscription-service.js';
import { SubscriptionTrace } from './trace-subscriptions.js';

const fhirUrl = 'https://suture.example/fhir/';
const backport = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** The way out, over real sockets; the one that ships is in a library of the same row. */
class Way implements NotificationPost {
  private readonly agent = new Agent({ connections: 4 });
  async post(post: Parameters<NotificationPost['post']>[0], signal: AbortSignal): Promise<SendOutcome> {
    const { url, body, timeoutMs } = post;
    try {
      const answer = await httpRequest(url, {
        method: 'POST',
        headers: [...post.headers],
        body,
        dispatcher: this.agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      await answer.body.dump();
      if (answer.statusCode < 300) return { sent: true };
      return {
        sent: false,
        error: new EngineError('unavailable', 'TEST_STATUS', `the receiver answers ${answer.statusCode}`),
      };
    } catch (cause) {
      return { sent: false, error: new EngineError('uncertain', 'TEST_BROKEN', 'no answer', { cause }) };
    }
  }
  close() {
    return this.agent.destroy();
  }
}

interface Notification {
  readonly type: string;
  readonly status: string;
  readonly events: number;
  readonly numbers: number[];
  /** For each event the references of focus and additional context. */
  readonly references: string[][];
  readonly bundle: FhirObject;
}

function notificationOf(post: ReceivedPost): Notification {
  const bundle = readJson(post.body) as FhirObject;
  const entries = bundle['entry'] as FhirObject[];
  const parameters = (entries[0]?.['resource'] as FhirObject)['parameter'] as FhirObject[];
  const value = (name: string) => Object.values(parameters.find((p) => p['name'] === name) ?? {})[1];
  const events = parameters
    .filter((p) => p['name'] === 'notification-event')
    .map((p) => p['part'] as FhirObject[]);
  return {
    type: value('type') as string,
    status: value('status') as string,
    events: Number(value('events-since-subscription-start')),
    numbers: events.map((parts) => Number(parts.find((p) => p['name'] === 'event-number')?.['valueString'])),
    references: events.map((parts) =>
      parts.flatMap((p) => {
        const reference = p['valueReference'] as FhirObject | undefined;
        return reference ? [`${p['name'] as string} ${reference['reference'] as string}`] : [];
      }),
    ),
    bundle,
  };
}

describe('notifying subscribers', () => {
  let fixture: TestDatabase;
  let receiver: HttpReceiver;
  let service: SubscriptionService;
  const way = new Way();
  const processes: { notifier: NotifySubscribers; claims: DeliveryClaims }[] = [];
  const errors: unknown[] = [];

  beforeAll(async () => {
    fixture = await createTestDatabase([
      ...storeMigrations,
      ...deliveryMigrations,
      ...subscriptionsMigrations,
    ]);
    service = new SubscriptionService(fixture.database, (destination) => {
      for (const { notifier } of processes) notifier.wake(destination);
    });
  });
  afterAll(async () => {
    await way.close();
    await fixture.remove();
  });
  beforeEach(async () => {
    receiver = await new HttpReceiver().up();
    errors.length = 0;
  });
  afterEach(async () => {
    for (const { notifier, claims } of processes.splice(0)) {
      await notifier.stop(0);
      await claims.close();
    }
    await receiver.down();
    for (const { id } of await service.list()) await service.remove(id);
  });

  const start = (retry: RetryPolicy = { firstAfterMs: 10, atMostEveryMs: 40 }) => {
    const claims = new DeliveryClaims(fixture.database);
    const notifier: NotifySubscribers = new NotifySubscribers(fixture.database, claims, way, {
      fhirUrl,
      origin: 'here',
      retry,
      onError: (error) => errors.push(error),
      // Stands for the queue's delayed job.
      onRetry: (destination, afterMs) => void setTimeout(() => notifier.wake(destination), afterMs).unref(),
    });
    processes.push({ notifier, claims });
    notifier.start();
    return notifier;
  };
  const resource = (change: FhirObject = {}, channel: FhirObject = {}): FhirObject => ({
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a test',
    criteria: 'Observation?patient=Patient/p1',
    channel: { type: 'rest-hook', endpoint: receiver.url, payload: 'application/fhir+json', ...channel },
    ...change,
  });
  const maxCount = (count: number): FhirObject => ({
    extension: [{ url: `${backport}max-count`, valuePositiveInt: count }],
  });
  const content = (code: string): FhirObject => ({
    _payload: { extension: [{ url: `${backport}payload-content`, valueCode: code }] },
  });
  const destinationOf = async (id: string) => {
    const rows = await fixture.database.query<{ id: number; active: boolean }>(
      'SELECT id, active FROM destination WHERE name = $1',
      [`Subscription/${id}`],
    );
    return rows[0] ?? { id: 0, active: false };
  };
  const statusOf = async (id: string) => {
    const record = await service.read(id);
    return (readJson(record?.resource ?? '{}') as FhirObject)['status'] as string;
  };
  /** Files a subscription and waits until its handshake was taken. */
  const subscribe = async (change: FhirObject = {}, channel: FhirObject = {}) => {
    const { id } = await service.create(resource(change, channel));
    await until('it is active', async () => (await statusOf(id)) === 'active');
    return { id, destination: (await destinationOf(id)).id };
  };
  const observation = (id: string, patient = 'p1') =>
    `{"resourceType":"Observation","id":"${id}","status":"final","subject":{"reference":"Patient/${patient}"},"valueQuantity":{"value":1.50}}`;
  /** Messages as the transformer would route them, over several partitions. */
  const seed = async (destination: number, partitions: readonly number[], each: number, lane = 0) => {
    for (const partition of partitions) {
      const messages = upTo(each).map((n) => [
        '{"resourceType":"Patient","id":"p1"}',
        observation(`o-${lane}-${partition}-${n}`),
        observation(`x-${partition}-${n}`, 'p2'),
      ]);
      await seedDeliveries(fixture.database, { destinations: [destination], partition, lane }, messages);
    }
  };
  const notifications = () => receiver.posts.map(notificationOf).filter((one) => one.type !== 'handshake');

  test('a subscription becomes active once its endpoint has taken a handshake', async () => {
    start();
    const { id } = await service.create(resource());
    expect(await statusOf(id)).toBe('requested');
    await until('it is active', async () => (await statusOf(id)) === 'active');
    expect((await destinationOf(id)).active).toBe(true);
    const [post] = receiver.posts;
    expect(post?.headers['content-type']).toBe('application/fhir+json');
    const greeting = notificationOf(post as ReceivedPost);
    expect(greeting).toMatchObject({ type: 'handshake', status: 'requested', events: 0, numbers: [] });
    expect(greeting.bundle).toMatchObject({
      resourceType: 'Bundle',
      type: 'history',
      entry: [
        {
          resource: { resourceType: 'Parameters', meta: { profile: [`${backport}subscription-status-r4`] } },
          request: { method: 'GET', url: `${fhirUrl}Subscription/${id}/$status` },
          response: { status: '200' },
        },
      ],
    });
  });

  test('until the endpoint takes the handshake it shows error, matches nothing and is tried again', async () => {
    receiver.behave = () => 503;
    start();
    const { id } = await service.create(resource());
    await until('it shows error', async () => (await statusOf(id)) === 'error');
    expect((await destinationOf(id)).active).toBe(false);
    expect((await service.read(id))?.lastError).toMatch(/503/);
    await until('it was tried again', () => receiver.posts.length >= 3);
    receiver.behave = () => 200;
    await until('it is active', async () => (await statusOf(id)) === 'active');
    expect(JSON.parse((await service.read(id))?.resource ?? '')).not.toHaveProperty('error');
  });

  test('events of all partitions get the numbers 1 to n, in order, with only what matches', async () => {
    const notifier = start();
    const { destination, id } = await subscribe({}, maxCount(1));
    await seed(destination, [3, 4, 5], 10);
    notifier.wake(destination);
    await until('all are told', () => notifications().length === 30);
    const told = notifications();
    expect(told.map((one) => one.numbers)).toEqual(upTo(30).map((number) => [number]));
    for (const partition of [3, 4, 5]) {
      const mine = told
        .flatMap((one) => one.references.flat())
        .filter((ref) => ref.includes(`o-0-${partition}-`));
      expect(mine).toEqual(upTo(10).map((n) => `focus Observation/o-0-${partition}-${n}`));
    }
    const [first] = told;
    expect(first?.bundle).toMatchObject({
      entry: [
        {},
        {
          fullUrl: `${fhirUrl}Observation/o-0-3-1`,
          resource: { resourceType: 'Observation', id: 'o-0-3-1' },
          request: { method: 'PUT', url: 'Observation/o-0-3-1' },
        },
      ],
    });
    const posts = receiver.posts.filter((post) => post.headers['suture-event-number'] !== undefined);
    expect(posts[0]?.body).toContain(observation('o-0-3-1')); // byte for byte, digits kept
    expect(posts[0]?.headers).toMatchObject({
      'suture-stream': `Subscription/${id}`,
      'suture-event-number': '1',
      'idempotency-key': `here/Subscription/${id}/1`,
    });
    expect(errors).toEqual([]);
  });

  test('several events go together up to the count, and an event with more resources goes alone', async () => {
    const notifier = start();
    const { destination } = await subscribe({}, maxCount(4));
    const many = upTo(9).map((n) => observation(`m-${n}`));
    await seedDeliveries(fixture.database, { destinations: [destination], partition: 6 }, [
      ...upTo(6).map((n) => [observation(`s-${n}`)]),
      many,
      [observation('last')],
    ]);
    notifier.wake(destination);
    await until('all are told', () => notifications().some((one) => one.numbers.includes(8)));
    expect(notifications().map((one) => one.numbers)).toEqual([[1, 2, 3, 4], [5, 6], [7], [8]]);
    expect(notifications()[2]?.references).toEqual([
      ['focus Observation/m-1', ...upTo(8).map((n) => `additional-context Observation/m-${n + 1}`)],
    ]);
    expect(notifications()[0]?.events).toBe(8);
  });

  test.each([
    ['empty', 1, 0],
    ['id-only', 2, 1],
    ['full-resource', 2, 1],
  ] as const)(
    'content %s has %i entries and %i references for an event',
    async (code, entries, references) => {
      const notifier = start();
      const { destination } = await subscribe({}, content(code));
      await seed(destination, [20], 1);
      notifier.wake(destination);
      await until('it is told', () => notifications().length === 1);
      const [told] = notifications();
      expect((told?.bundle['entry'] as FhirObject[]).length).toBe(entries);
      expect(told?.references.flat()).toHaveLength(references);
      const hasResource = receiver.posts.some((post) => post.body.includes('"valueQuantity"'));
      expect(hasResource).toBe(code === 'full-resource');
    },
  );

  test('a subscriber that was down gets everything in order; a repeated event has the same number', async () => {
    const notifier = start();
    const { id, destination } = await subscribe({}, maxCount(3));
    const seen: Notification[] = [];
    let count = 0;
    receiver.behave = (post) => {
      count += 1;
      seen.push(notificationOf(post));
      return count % 3 === 0 ? 200 : count % 3 === 1 ? 503 : 'cut';
    };
    await seed(destination, [7, 8], 20);
    notifier.wake(destination);
    await until('some were told', () => seen.some((one) => one.numbers.includes(10)));
    await receiver.down();
    await seed(destination, [7, 8], 10, 1);
    await until('it shows error', async () => (await statusOf(id)) === 'error');
    await receiver.up();
    await until('all are told', async () => (await service.read(id))?.sent === 60);
    expect(await statusOf(id)).toBe('active');
    // Deliveries of the same number: always about the same message.
    const byNumber = new Map<number, string>();
    for (const one of seen) {
      one.numbers.forEach((number, index) => {
        const about = one.references[index]?.join() ?? '';
        expect(byNumber.get(number) ?? about).toBe(about);
        byNumber.set(number, about);
      });
    }
    expect([...byNumber.keys()]).toEqual(upTo(60));
    expect(new Set(byNumber.values()).size).toBe(60);
  });

  test('several processes number and tell every event once, with one notification in flight', async () => {
    const all = [start(), start(), start()];
    const { id, destination } = await subscribe({}, maxCount(1));
    for (const wave of [0, 1, 2, 3]) {
      await seed(destination, [10, 11, 12], 8, wave);
      for (const notifier of all) notifier.wake(destination);
    }
    await until('all are told', async () => (await service.read(id))?.sent === 96);
    expect(notifications().flatMap((one) => one.numbers)).toEqual(upTo(96));
    expect(receiver.mostInFlight).toBe(1);
    expect(new Set(notifications().flatMap((one) => one.references.flat())).size).toBe(96);
  });

  test('when the connection breaks, numbers stay with their messages and nothing is left out', async () => {
    start();
    start();
    const { id, destination } = await subscribe({}, maxCount(2));
    await seed(destination, [13, 14], 40);
    for (const after of [4, 20, 40]) {
      await until('some were told', () => notifications().length >= after / 2);
      await fixture.database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
    }
    await until('all are told', async () => {
      return (await service.read(id).catch(() => undefined))?.sent === 80;
    });
    const about = new Map<number, string>();
    for (const one of notifications()) {
      one.numbers.forEach((number, index) => {
        const text = one.references[index]?.join() ?? '';
        expect(about.get(number) ?? text).toBe(text);
        about.set(number, text);
      });
    }
    expect([...about.keys()]).toEqual(upTo(80));
    expect(new Set(about.values()).size).toBe(80);
  });

  test('a subscriber that hangs does not hold up another', async () => {
    const notifier = start();
    const hanging = await new HttpReceiver().up();
    const stuck = await subscribe({}, { endpoint: hanging.url });
    const well = await subscribe();
    hanging.behave = () => 'hang';
    await seed(stuck.destination, [15], 3);
    await seed(well.destination, [16], 3);
    notifier.wake(stuck.destination);
    notifier.wake(well.destination);
    await until('the other is told', async () => (await service.read(well.id))?.sent === 3);
    expect((await service.read(stuck.id))?.sent).toBe(0);
    await notifier.stop(0);
    await hanging.down();
  });

  test('filed anew with another endpoint, it is greeted there and what waits goes there', async () => {
    const notifier = start({ firstAfterMs: 60_000, atMostEveryMs: 60_000 });
    const { id, destination } = await subscribe();
    receiver.behave = () => 500;
    await seed(destination, [17], 5);
    notifier.wake(destination);
    await until('it failed', async () => ((await service.read(id))?.attempts ?? 0) === 1);
    const next = await new HttpReceiver().up();
    const before = await service.read(id);
    const { record, created } = await service.update(id, resource({}, { endpoint: next.url }));
    expect(created).toBe(false);
    expect(record.version).toBeGreaterThan(before?.version ?? 0);
    await until('all are told there', async () => (await service.read(id))?.sent === 5);
    expect(next.posts.map((post) => notificationOf(post).type)).toEqual(['handshake', 'event-notification']);
    expect(notificationOf(next.posts[1] as ReceivedPost).numbers).toEqual(upTo(5));
    await next.down();
  });

  test('off, removed or past its end, nothing is matched or sent any more', async () => {
    const notifier = start();
    const off = await subscribe();
    const removed = await subscribe();
    const ended = await subscribe({ end: new Date(Date.now() + 3_600_000).toISOString() });
    await service.update(off.id, resource({ status: 'off' }));
    expect(await service.remove(removed.id)).toBe(true);
    expect(await service.remove(removed.id)).toBe(false);
    await fixture.database.query("UPDATE subscription SET ends_at = now() - interval '1 s' WHERE id = $1", [
      ended.id,
    ]);
    notifier.wake(ended.destination);
    await until('its end is noticed', async () => (await statusOf(ended.id)) === 'off');
    for (const { id, destination } of [off, removed, ended]) {
      expect((await destinationOf(id)).active).toBe(false);
      await seed(destination, [18], 1);
      notifier.wake(destination);
    }
    const control = await subscribe();
    await seed(control.destination, [19], 1);
    await until('the one that lives is told', async () => (await service.read(control.id))?.sent === 1);
    expect(notifications()).toHaveLength(1);
    expect((await service.read(removed.id))?.deleted).toBe(true);
    expect((await service.list()).map((record) => record.id)).not.toContain(removed.id);
  });

  test('a silent subscriber is sent heartbeats, which are no events, and one that fails is tried again', async () => {
    const notifier = start();
    const extension = [{ url: `${backport}heartbeat-period`, valueUnsignedInt: 3_600 }];
    const { id, destination } = await subscribe({}, { extension });
    await seed(destination, [31], 1);
    notifier.wake(destination);
    await until('the event is told', async () => (await service.read(id))?.sent === 1);
    expect(notifications().map((one) => one.type)).toEqual(['event-notification']);
    receiver.behave = () => 503;
    await fixture.database.query("UPDATE subscription SET heard_at = now() - interval '1 h' WHERE id = $1", [
      id,
    ]);
    notifier.wake(destination);
    await until('it shows error', async () => (await statusOf(id)) === 'error');
    receiver.behave = () => 200;
    await until('it recovers', async () => (await statusOf(id)) === 'active');
    const beats = notifications().slice(1);
    expect(beats.at(-1)).toMatchObject({ type: 'heartbeat', status: 'error', events: 1, numbers: [] });
    expect(new Set(beats.map((one) => one.type))).toEqual(new Set(['heartbeat']));
  });

  test('its headers go with each request, and no other', async () => {
    start();
    await subscribe({}, { header: ['Authorization: Bearer abc', 'X-Ward: 7'] });
    expect(receiver.posts[0]?.headers).toMatchObject({ authorization: 'Bearer abc', 'x-ward': '7' });
  });

  test('events are told again when they are asked for, under the numbers they have', async () => {
    const notifier = start();
    const { id, destination } = await subscribe({}, content('id-only'));
    await seed(destination, [32], 150);
    notifier.wake(destination);
    await until('all are told', async () => (await service.read(id))?.sent === 150);
    const operations = new SubscriptionOperations(fixture.database);
    const ask = async (asked: AskedEvents) => {
      const body = (await operations.events(fhirUrl, id, asked)) ?? '';
      return { ...notificationOf({ body } as ReceivedPost), body };
    };
    const some = await ask({ since: 7, until: 9 });
    expect(some).toMatchObject({ type: 'query-event', events: 150, numbers: [7, 8, 9] });
    expect(some.references).toEqual([7, 8, 9].map((n) => [`focus Observation/o-0-32-${n}`]));
    expect((await ask({})).numbers).toEqual(upTo(100));
    expect((await ask({ since: 0, until: 0 })).numbers).toEqual([]);
    expect((await ask({ since: 101 })).numbers).toEqual(upTo(50).map((n) => n + 100));
    expect((await ask({ since: 151 })).numbers).toEqual([]);
    expect((await ask({ until: 1, content: 'full-resource' })).body).toContain(observation('o-0-32-1'));
    expect((await ask({ until: 1, content: 'empty' })).references).toEqual([[]]);
    await expect(ask({ content: 'all' })).rejects.toThrow('content');
    await expect(ask({ since: 2, until: 1 })).rejects.toThrow('eventsUntilNumber');
    expect(await operations.events(fhirUrl, 'nobody', {})).toBeUndefined();
  });

  test('status and health tell of a subscription in trouble, without its endpoint', async () => {
    const notifier = start({ firstAfterMs: 60_000, atMostEveryMs: 60_000 });
    const { id, destination } = await subscribe();
    const well = await subscribe();
    receiver.behave = () => 503;
    await seed(destination, [33], 2);
    notifier.wake(destination);
    await until('it failed', async () => ((await service.read(id))?.attempts ?? 0) === 1);
    const operations = new SubscriptionOperations(fixture.database);
    const statuses = async (ids: string[], among: string[]) => {
      const bundle = readJson(await operations.status(fhirUrl, ids, among)) as FhirObject;
      return ((bundle['entry'] ?? []) as FhirObject[]).map((entry) => JSON.stringify(entry['resource']));
    };
    const [mine = ''] = await statuses([id], []);
    expect(mine).toContain('query-status');
    expect(mine).toContain('503');
    expect(mine).toContain(`${fhirUrl}Subscription/${id}`);
    expect(await statuses([], [])).toHaveLength(2);
    expect(await statuses([id, well.id], ['off'])).toHaveLength(0);
    const [first, second] = await operations.health();
    expect(first).toMatchObject({ subscription: id, lag: 2, events: 2, sent: 0, attempts: 1 });
    expect(first?.nextAttemptAt?.getTime()).toBeGreaterThan(Date.now());
    expect(second).toMatchObject({ subscription: well.id, lag: 0, attempts: 0, lastError: null });
    expect(JSON.stringify([first, second])).not.toContain(receiver.url);
  });

  test('a message is traced to the numbers it became and when they were taken', async () => {
    const notifier = start();
    const { id, destination } = await subscribe();
    await seed(destination, [30], 2);
    const trace = new SubscriptionTrace(fixture.database);
    const position = { lane: 0, partition: 30, seq: 2 };
    expect(await trace.notifications(position)).toEqual([]);
    notifier.wake(destination);
    await until('both are told', async () => (await service.read(id))?.sent === 2);
    expect(await trace.notifications(position)).toMatchObject([
      { subscription: id, number: 2, state: 'sent', attempts: 1, atMs: expect.any(Number) },
    ]);
  });

  test('a refused filing leaves nothing behind, and one under an id of the caller is kept under it', async () => {
    await expect(service.create(resource({ criteria: 'Observation?mood=good' }))).rejects.toThrow('mood');
    const before = await service.list();
    expect(before).toEqual([]);
    const { record, created } = await service.update('my-own.id', resource());
    expect(created).toBe(true);
    expect(JSON.parse(record.resource)).toMatchObject({
      resourceType: 'Subscription',
      id: 'my-own.id',
      meta: { versionId: '1' },
      status: 'requested',
      criteria: 'Observation?patient=Patient/p1',
    });
    await expect(service.update('no/id', resource())).rejects.toThrow('id');
  });
});
