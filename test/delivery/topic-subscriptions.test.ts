import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AddressPolicy, HttpPoster } from '#connectors';
import { DeliveryClaims, deliveryMigrations } from '#delivery';
import { type FhirObject, readJson } from '#fhir';
import { fromXml } from '#fhirxml';
import { systemRandom } from '#kernel';
import type { MappedResource } from '#mapping';
import { Router } from '#pipeline';
import { type MessageOutcome, MessageWriter, storeMigrations } from '#store';
import {
  NotifySubscribers,
  SubscriptionOperations,
  SubscriptionService,
  subscriptionsMigrations,
} from '#subscriptions';
import { TopicCatalog } from '#topics';
import { createTestDatabase, type TestDatabase } from '../../libs/database/testing/test-database.js';
import { HttpReceiver } from '../../libs/delivery/testing/http-receiver.js';
import { until } from '../../libs/delivery/testing/until.js';

const backport = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-';
const lab = 'https://suture.example/SubscriptionTopic/lab-results';
const withdrawn = 'https://a.example/withdrawn';
const folder = mkdtempSync(join(tmpdir(), 'suture-topics-'));
cpSync(join(import.meta.dirname, '../../mappings/topics'), folder, { recursive: true });
writeFileSync(
  join(folder, 'withdrawn.yaml'),
  `topic: ${withdrawn}
title: final results that come, change or go
trigger:
  resource: Observation
  interactions: [create, update, delete]
  when: "%current.status = 'final' or (%current.empty() and %previous.status = 'final')"
filters: [patient]
shape:
  include: [Observation:subject]
  revInclude: [DiagnosticReport:result]
`,
);
const topics = TopicCatalog.open(folder);

/** Messages go through the writer and router that ship; topics, database and sockets are real. */
describe('subscriptions to topics', () => {
  let fixture: TestDatabase;
  let receiver: HttpReceiver;
  let service: SubscriptionService;
  let claims: DeliveryClaims;
  let notifier: NotifySubscribers;
  const poster = new HttpPoster(new AddressPolicy(['127.0.0.1']));
  const writer = new MessageWriter('test', systemRandom);
  const router = new Router(new Map(), topics);
  const chains = new Map([['0-1', Buffer.alloc(32)]]);
  let seq = 0;

  beforeAll(async () => {
    fixture = await createTestDatabase([
      ...storeMigrations,
      ...deliveryMigrations,
      ...subscriptionsMigrations,
    ]);
    receiver = await new HttpReceiver().up();
    claims = new DeliveryClaims(fixture.database);
    notifier = new NotifySubscribers(fixture.database, claims, poster, {
      fhirUrl: 'https://suture.example/fhir/',
      origin: 'here',
      topics,
    });
    service = new SubscriptionService(fixture.database, (id) => notifier.wake(id), systemRandom, topics);
    notifier.start();
  });
  afterAll(async () => {
    await notifier.stop(0);
    await claims.close();
    await poster.close();
    await receiver.down();
    await fixture.remove();
    rmSync(folder, { recursive: true });
  });

  const result = (id: string, patient: string, value: number, status = 'final'): MappedResource => ({
    type: 'Observation',
    id,
    key: `Observation/${id}`,
    merge: 'snapshot',
    removals: [],
    resource: {
      resourceType: 'Observation',
      id,
      status,
      category: [{ coding: [{ code: 'laboratory' }] }],
      subject: { reference: `Patient/${patient}` },
      valueQuantity: { value, unit: 'mmol/l' },
    },
  });
  const message = (...resources: MappedResource[]): MessageOutcome => ({
    position: { lane: 0, partition: 1, seq: ++seq },
    kind: 0,
    channel: 1,
    channelName: 'lab',
    receivedAtMs: 1_700_000_000_000,
    state: 1,
    raw: Buffer.from('raw'),
    mapping: Buffer.alloc(32),
    resources,
  });
  const store = (...messages: MessageOutcome[]) =>
    fixture.database.transaction(async (tx) => {
      await writer.write(tx, messages, chains, await router.forTransaction(tx));
    });
  const file = (change: FhirObject) => ({
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a test',
    criteria: lab,
    channel: { type: 'rest-hook', endpoint: receiver.url, payload: 'application/fhir+json' },
    ...change,
  });

  test('events are changes that the topic names and the filters let through, also within one transaction', async () => {
    const filter = { url: `${backport}filter-criteria`, valueString: 'Observation?patient=Patient/p1' };
    const { id } = await service.create(file({ _criteria: { extension: [filter] } }));
    await until('it is active', () => receiver.posts.length === 1);
    await until('it is matched', async () => {
      const rows = await fixture.database.query('SELECT 1 FROM destination WHERE active');
      return rows.length > 0;
    });
    await store(
      message(result('a', 'p1', 1, 'preliminary'), result('b', 'p2', 1)),
      message(result('a', 'p1', 1)),
      message(result('a', 'p1', 1)),
    );
    await store(message(result('a', 'p1', 1), result('c', 'p1', 5)));
    await store(message(result('a', 'p1', 2)));
    await notifier.sweep();
    await until('all are told', async () => (await service.read(id))?.sent === 3);
    const told = receiver.posts.slice(1).flatMap(({ body }) => {
      const [status] = (readJson(body) as { entry: FhirObject[] }).entry;
      const parameters = (status?.['resource'] as FhirObject)['parameter'] as FhirObject[];
      expect(parameters).toContainEqual({ name: 'topic', valueCanonical: lab });
      return parameters
        .filter(({ name }) => name === 'notification-event')
        .map(({ part }) =>
          (part as FhirObject[]).flatMap((one) =>
            one['name'] === 'timestamp'
              ? []
              : [one['valueString'] ?? (one['valueReference'] as FhirObject)['reference']],
          ),
        );
    });
    expect(told).toEqual([
      ['1', 'Observation/a'],
      ['2', 'Observation/c'],
      ['3', 'Observation/a'],
    ]);
    await service.remove(id);
  });

  test('a topic that is not here is refused, and one whose file went away is trouble of its subscription', async () => {
    await expect(service.create(file({ criteria: 'https://a.example/none' }))).rejects.toThrow('lab-results');
    const others = TopicCatalog.of([
      {
        topic: 'https://a.example/gone',
        title: 'gone',
        trigger: { resource: 'Observation', interactions: ['create'] },
        file: 'gone.yaml',
      },
    ]);
    const before = new SubscriptionService(fixture.database, (id) => notifier.wake(id), systemRandom, others);
    const { id } = await before.create(file({ criteria: 'https://a.example/gone' }));
    await until('it shows trouble', async () => ((await service.read(id))?.attempts ?? 0) > 0);
    expect((await service.read(id))?.lastError).toMatch(/^SUBSCRIPTION_TOPIC_UNKNOWN/);
    await service.remove(id);
  });

  const plain = (type: string, id: string, content: FhirObject): MappedResource => ({
    type,
    id,
    key: `${type}/${id}`,
    merge: 'snapshot',
    removals: [],
    resource: { resourceType: type, id, ...content },
  });
  const deleting = (...ids: string[]): MessageOutcome => ({
    ...message(),
    deletions: ids.map((id) => ({ type: 'Observation', id, key: `Observation/${id}` })),
    hasProvenance: false,
  });
  interface Told {
    fullUrl: string;
    resource?: FhirObject;
    request: { method: string; url: string };
  }
  interface Part {
    name: string;
    part?: Part[];
    valueReference?: { reference: string };
  }
  const told = (body: string) => {
    const [status, ...entries] = (JSON.parse(body) as { entry: Told[] }).entry;
    const { parameter } = status?.resource as unknown as { parameter: Part[] };
    const names = parameter
      .filter(({ name }) => name === 'notification-event')
      .map(({ part = [] }) =>
        part.flatMap(({ name, valueReference }) =>
          valueReference === undefined ? [] : [`${name} ${valueReference.reference}`],
        ),
      );
    return { names, entries };
  };
  const active = async () => {
    await until('it is matched', async () => {
      const rows = await fixture.database.query('SELECT 1 FROM destination WHERE active');
      return rows.length > 0;
    });
  };

  test('what the topic sends along goes once with each notification, and a deletion is told without a resource', async () => {
    const from = receiver.posts.length;
    const filter = { url: `${backport}filter-criteria`, valueString: 'Observation?patient=Patient/q1' };
    const { id } = await service.create(file({ criteria: withdrawn, _criteria: { extension: [filter] } }));
    await until('it is active', () => receiver.posts.length === from + 1);
    await active();
    const report = {
      status: 'final',
      code: { text: 'panel' },
      result: [{ reference: 'Observation/d' }],
    };
    await store(
      message(
        result('d', 'q1', 1),
        result('e', 'q1', 1),
        plain('Patient', 'q1', { gender: 'female' }),
        plain('DiagnosticReport', 'r', report),
      ),
    );
    await notifier.sweep();
    await until('it is told', async () => (await service.read(id))?.sent === 1);
    // Of another patient, of a result that was not final, and of one that is not there: no events.
    await store(message(result('f', 'q2', 1), result('g', 'q1', 1, 'preliminary')));
    await store(deleting('f', 'g', 'h'));
    await store(deleting('d', 'e'));
    // What comes back is new again.
    await store(message(result('d', 'q1', 9)), deleting('d'));
    await notifier.sweep();
    await until('all is told', async () => (await service.read(id))?.sent === 4);

    const [first, ...others] = receiver.posts.slice(from + 1).map(({ body }) => told(body));
    expect(first?.names).toEqual([
      [
        'focus Observation/d',
        'additional-context Observation/e',
        'additional-context Patient/q1',
        'additional-context DiagnosticReport/r',
      ],
    ]);
    expect(first?.entries.map(({ resource }) => resource?.['id'])).toEqual(['d', 'e', 'q1', 'r']);
    expect(others.flatMap(({ names }) => names)).toEqual([
      ['focus Observation/d', 'additional-context Observation/e'],
      ['focus Observation/d'],
      ['focus Observation/d'],
    ]);
    const gone = others
      .flatMap(({ entries }) => entries)
      .filter(({ request }) => request.method === 'DELETE');
    expect(gone.map(({ request, resource }) => [request.url, resource])).toEqual([
      ['Observation/d', undefined],
      ['Observation/e', undefined],
      ['Observation/d', undefined],
    ]);

    // Asked for again, the numbers mean the same; what is gone cannot go along any more.
    const operations = new SubscriptionOperations(fixture.database, topics);
    const again = told((await operations.events('https://suture.example/fhir/', id, {})) ?? '');
    expect(again.names).toEqual([
      ['focus Observation/d', 'additional-context Observation/e'],
      ['focus Observation/d', 'additional-context Observation/e'],
      ['focus Observation/d'],
      ['focus Observation/d'],
    ]);
    await service.remove(id);
  });

  test('a subscriber that asks for XML gets the same in XML, digit for digit', async () => {
    const from = receiver.posts.length;
    const channel = { type: 'rest-hook', endpoint: receiver.url, payload: 'application/fhir+xml' };
    const { id } = await service.create(file({ criteria: withdrawn, channel }));
    await until('it is active', () => receiver.posts.length === from + 1);
    await active();
    const valueQuantity = readJson('{"value":1.50}') as FhirObject;
    await store(message(plain('Observation', 'x', { status: 'final', code: { text: 'x' }, valueQuantity })));
    await notifier.sweep();
    await until('it is told', async () => (await service.read(id))?.sent === 1);
    const [handshake, notification] = receiver.posts.slice(from);
    for (const post of [handshake, notification])
      expect(post?.headers['content-type']).toBe('application/fhir+xml');
    expect(handshake?.body).toContain('<valueCode value="handshake"/>');
    expect(notification?.body).toContain('<value value="1.50"/>');
    expect(fromXml(notification?.body ?? '')).toMatchObject({
      resourceType: 'Bundle',
      type: 'history',
      entry: [{ resource: { resourceType: 'Parameters' } }, { resource: { id: 'x' } }],
    });
    await service.remove(id);
  });
});
