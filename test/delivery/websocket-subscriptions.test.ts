import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { bindingToken, SubscriptionSockets } from '#api';
import { DeliveryClaims, deliveryMigrations } from '#delivery';
import { type FhirObject, readJson } from '#fhir';
import { systemClock } from '#kernel';
import { storeMigrations } from '#store';
import {
  NotifySubscribers,
  SubscriptionOperations,
  SubscriptionService,
  subscriptionsMigrations,
} from '#subscriptions';
import { createTestDatabase, type TestDatabase } from '../../libs/database/testing/test-database.js';
import { until } from '../../libs/delivery/testing/until.js';
import { seedDeliveries } from '../../libs/store/testing/seed-deliveries.js';

const secret = 'a secret of this installation';
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const observation = (id: string) =>
  `{"resourceType":"Observation","id":"${id}","status":"final","subject":{"reference":"Patient/p1"}}`;

interface ApiProcess {
  readonly sockets: SubscriptionSockets;
  readonly notifier: NotifySubscribers;
  readonly port: number;
  stop(): Promise<void>;
}

describe('subscriptions by websocket', () => {
  let fixture: TestDatabase;
  let sockets: SubscriptionSockets;
  let service: SubscriptionService;
  let notifier: NotifySubscribers;
  let first: ApiProcess;
  const processes: ApiProcess[] = [];
  const clients: WebSocket[] = [];

  beforeAll(async () => {
    fixture = await createTestDatabase([
      ...storeMigrations,
      ...deliveryMigrations,
      ...subscriptionsMigrations,
    ]);
  });
  afterAll(() => fixture.remove());
  /** What of a process with the API has to do with websockets. */
  const startProcess = async (): Promise<ApiProcess> => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const its = new SubscriptionSockets(secret, systemClock);
    its.attach(server);
    const claims = new DeliveryClaims(fixture.database);
    const itsNotifier = new NotifySubscribers(fixture.database, claims, its, {
      channel: 'websocket',
      reaches: (id) => its.isBound(id),
      fhirUrl: 'https://suture.example/fhir/',
      origin: 'here',
      retry: { firstAfterMs: 10, atMostEveryMs: 40 },
    });
    its.onBound = (id) => void itsNotifier.greet(id);
    itsNotifier.start();
    const made = {
      sockets: its,
      notifier: itsNotifier,
      port: (server.address() as AddressInfo).port,
      stop: async () => {
        await itsNotifier.stop(0);
        await claims.close();
        its.close();
        await new Promise((resolve) => server.close(resolve));
      },
    };
    processes.push(made);
    return made;
  };
  beforeEach(async () => {
    first = await startProcess();
    ({ sockets, notifier } = first);
    service = new SubscriptionService(fixture.database);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.terminate();
    for (const one of processes.splice(0)) await one.stop();
  });

  const open = async (path = '/fhir/subscription-websocket', at = first) => {
    const client = new WebSocket(`ws://127.0.0.1:${at.port}${path}`);
    clients.push(client);
    const heard: { type: string; numbers: number[] }[] = [];
    let closed = 0;
    client.on('close', (code) => {
      closed = code;
    });
    client.on('message', (data) => {
      const { entry } = readJson((data as Buffer).toString()) as {
        entry: { resource: { parameter: FhirObject[] } }[];
      };
      const parameters = entry[0]?.resource.parameter ?? [];
      heard.push({
        type: parameters.find(({ name }) => name === 'type')?.['valueCode'] as string,
        numbers: parameters
          .filter(({ name }) => name === 'notification-event')
          .map(({ part }) => Number((part as FhirObject[])[0]?.['valueString'])),
      });
    });
    await new Promise<void>((resolve, reject) => {
      client.on('open', resolve);
      client.on('error', reject);
    });
    return { client, heard, closed: () => closed };
  };
  const tokenOf = (id: string, forMs = 60_000) =>
    bindingToken({ subscriptions: [id], untilMs: Date.now() + forMs }, secret);
  const file = async (more: FhirObject = {}) => {
    const { id } = await service.create({
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'a test',
      criteria: 'Observation?patient=Patient/p1',
      channel: { type: 'websocket', payload: 'application/fhir+json', ...more },
    });
    const rows = await fixture.database.query<{ id: number }>('SELECT id FROM destination WHERE name = $1', [
      `Subscription/${id}`,
    ]);
    return { id, destination: rows[0]?.id ?? 0 };
  };
  const seed = (destination: number, count: number, lane = 0) =>
    seedDeliveries(
      fixture.database,
      { destinations: [destination], partition: 3, lane },
      upTo(count).map((n) => [observation(`o-${lane}-${n}`)]),
    );

  test('a bound client gets a handshake, then events in order; what comes while it is away waits for it', async () => {
    const { id, destination } = await file();
    const early = await open();
    early.client.send(JSON.stringify({ type: 'bind-with-token', payload: { token: tokenOf(id) } }));
    await until('it is greeted', () => early.heard.length === 1);
    expect(early.heard).toEqual([{ type: 'handshake', numbers: [] }]);
    await seed(destination, 30);
    await until('all are told', async () => (await service.read(id))?.sent === 30);
    await until('all are heard', () => early.heard.flatMap(({ numbers }) => numbers).length >= 30);
    early.client.terminate();
    await until('it is gone', () => !sockets.isBound(id));
    await seed(destination, 5, 1);
    await notifier.sweep();
    expect(await service.read(id)).toMatchObject({ sent: 30, attempts: 0 });
    const second = await open();
    second.client.send(`bind-with-token ${tokenOf(id)}`);
    await until('the rest is heard', () => second.heard.flatMap(({ numbers }) => numbers).length >= 5);
    expect(early.heard.flatMap(({ numbers }) => numbers)).toEqual(upTo(30));
    expect(second.heard[0]?.type).toBe('handshake');
    expect(second.heard.flatMap(({ numbers }) => numbers)).toEqual(upTo(5).map((n) => n + 30));
    await service.remove(id);
  });

  test('clients of one subscription hear the same, whichever processes they are bound to', async () => {
    const other = await startProcess();
    const { id, destination } = await file({
      extension: [
        {
          url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-heartbeat-period',
          valueUnsignedInt: 1,
        },
      ],
    });
    const bind = async (at: ApiProcess) => {
      const one = await open(undefined, at);
      one.client.send(JSON.stringify({ type: 'bind-with-token', payload: { token: tokenOf(id) } }));
      await until('it is greeted', () => one.heard.length > 0);
      expect(one.heard[0]).toEqual({ type: 'handshake', numbers: [] });
      return one;
    };
    const numbersOf = ({ heard }: { heard: { numbers: number[] }[] }) =>
      heard.flatMap(({ numbers }) => numbers);
    const here = await bind(first);
    const there = await bind(other);
    await seed(destination, 40);
    for (const one of [here, there]) {
      await until('all are heard', () => numbersOf(one).length >= 40);
      expect(numbersOf(one)).toEqual(upTo(40));
    }
    // One that comes later hears what comes later; one whose process goes on alone misses nothing.
    const late = await bind(other);
    await seed(destination, 5, 1);
    for (const one of [here, there, late])
      await until('the new are heard', () => numbersOf(one).at(-1) === 45);
    expect(numbersOf(late)).toEqual([41, 42, 43, 44, 45]);
    await first.stop();
    processes.splice(processes.indexOf(first), 1);
    await seed(destination, 5, 2);
    for (const one of [there, late]) await until('the last are heard', () => numbersOf(one).at(-1) === 50);
    expect(numbersOf(there)).toEqual(upTo(50));
    expect(numbersOf(late)).toEqual(upTo(50).slice(40));
    expect((await service.read(id))?.sent).toBe(50);
    // While nothing comes all of them hear that we are there.
    for (const one of [there, late])
      await until('it hears a heartbeat', () => one.heard.some(({ type }) => type === 'heartbeat'));
    await service.remove(id);
  });

  test('a client that is unbound, or whose token has run out, hears nothing', async () => {
    const { id } = await file();
    const { client, heard } = await open();
    client.send(JSON.stringify({ type: 'bind-with-token', payload: { token: tokenOf(id) } }));
    await until('it is greeted', () => heard.length === 1);
    client.send(JSON.stringify({ type: 'unbind-from-token', payload: { token: tokenOf(id) } }));
    await until('it is unbound', () => !sockets.isBound(id));
    client.send(JSON.stringify({ type: 'bind-with-token', payload: { token: tokenOf(id, 300) } }));
    await until('it is bound', () => sockets.isBound(id));
    await until('its time is over', () => !sockets.isBound(id));
    await service.remove(id);
  });

  test('a token that is not ours, has run out or was changed closes the socket', async () => {
    const good = tokenOf('x');
    const wrong = [
      'nonsense',
      bindingToken({ subscriptions: ['x'], untilMs: Date.now() + 60_000 }, 'another secret'),
      tokenOf('x', -1),
      good.replace(/^./, (letter) => (letter === 'W' ? 'X' : 'W')),
    ];
    for (const token of wrong) {
      const one = await open();
      one.client.send(JSON.stringify({ type: 'bind-with-token', payload: { token } }));
      await until('it is closed', () => one.closed() === 1008);
    }
    const large = await open();
    large.client.send('x'.repeat(20_000));
    await until('it is closed', () => large.closed() === 1009);
    await expect(open('/fhir/elsewhere')).rejects.toThrow('404');
  });

  test('only websockets can be bound', async () => {
    const { id } = await file();
    const hook = await service.create({
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'a test',
      criteria: 'Observation?patient=Patient/p1',
      channel: { type: 'rest-hook', endpoint: 'https://a.example/' },
    });
    const operations = new SubscriptionOperations(fixture.database);
    expect(await operations.bindable([id, hook.id])).toEqual([id]);
    expect(await operations.bindable([])).toEqual([id]);
    await notifier.sweep();
    expect(await service.read(hook.id)).toMatchObject({ attempts: 0 });
  });
});
