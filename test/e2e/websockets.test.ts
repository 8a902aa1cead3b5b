import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { MllpClient } from '#connectors';
import { Deployment, eventually, oneProcess } from './deployment.js';
import { result } from './samples.js';
import { Workspace } from './workspace.js';

const STARTS_WITHIN_MS = 90_000;
const PEOPLE = 'https://a.example/people';
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

let engine: Deployment;
const clients: Client[] = [];
beforeAll(async () => {
  const workspace = await Workspace.create('http://127.0.0.1:9/');
  workspace.topic(
    'people',
    `topic: ${PEOPLE}
title: people who come, change or go
trigger: { resource: Patient, interactions: [create, update, delete] }
filters: [gender]
`,
  );
  engine = await Deployment.of(oneProcess, workspace);
  await engine.start();
}, STARTS_WITHIN_MS);
afterAll(async () => {
  for (const client of clients) client.close();
  await engine.close();
}, STARTS_WITHIN_MS);

interface Parameter {
  readonly name: string;
  readonly valueCode?: string;
  readonly valueString?: string;
  readonly valueUrl?: string;
  readonly valueReference?: { readonly reference: string };
  readonly part?: readonly Parameter[];
}

/** What a subscriber's program does: it asks for a token, opens the socket, binds, and keeps what it hears. */
class Client {
  readonly types: string[] = [];
  readonly numbers: number[] = [];
  readonly references: string[] = [];
  /** Methods of the entries of events, by which a deletion is told. */
  readonly methods: string[] = [];
  private socket: WebSocket | undefined;

  constructor(private readonly subscription: string) {
    clients.push(this);
  }

  async bind(): Promise<void> {
    const { parameter } = (await ask('GET', `Subscription/${this.subscription}/$get-ws-binding-token`)) as {
      parameter: Parameter[];
    };
    const value = (name: string) => parameter.find((one) => one.name === name);
    const socket = new WebSocket(value('websocket-url')?.valueUrl ?? '');
    this.socket = socket;
    socket.on('message', (data) => this.hear((data as Buffer).toString()));
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => {});
    const token = value('token')?.valueString;
    socket.send(JSON.stringify({ type: 'bind-with-token', payload: { token } }));
  }

  close(): void {
    this.socket?.terminate();
  }

  private hear(text: string): void {
    const { entry } = JSON.parse(text) as {
      entry: { resource?: { parameter: Parameter[] }; request: { method: string } }[];
    };
    const parameters = entry[0]?.resource?.parameter ?? [];
    this.methods.push(...entry.slice(1).map(({ request }) => request.method));
    this.types.push(parameters.find(({ name }) => name === 'type')?.valueCode ?? '');
    for (const { part = [] } of parameters.filter(({ name }) => name === 'notification-event')) {
      this.numbers.push(Number(part.find(({ name }) => name === 'event-number')?.valueString));
      this.references.push(part.find(({ name }) => name === 'focus')?.valueReference?.reference ?? '');
    }
  }
}

async function ask(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${engine.httpUrl}/fhir/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${engine.accessToken}`,
      'content-type': 'application/fhir+json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

async function subscribe(criteria: string, filters?: object[]): Promise<string> {
  const { id } = await ask('POST', 'Subscription', {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a test',
    criteria,
    ...(filters === undefined ? {} : { _criteria: { extension: filters } }),
    channel: {
      type: 'websocket',
      payload: 'application/fhir+json',
      _payload: {
        extension: [
          {
            url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content',
            valueCode: 'id-only',
          },
        ],
      },
    },
  });
  return String(id);
}

const isActive = async (id: string) => (await ask('GET', `Subscription/${id}`))['status'] === 'active';

test('messages over MLLP reach a bound websocket in order, and a client that comes back, after kill -9 too, hears what it missed', async () => {
  const id = await subscribe('DiagnosticReport?');
  const client = new Client(id);
  await client.bind();
  await eventually('it is greeted and matched', async () => client.types.length === 1 && isActive(id));
  expect(client.types).toEqual(['handshake']);

  const sender = new MllpClient({ host: '127.0.0.1', port: engine.workspace.ports.hospital });
  const sent = async (from: number, count: number) => {
    for (let n = from; n < from + count; n++) {
      const reply = await sender.send(result(`WS-${n}`, 'WS-PATIENT'));
      expect(reply?.acknowledgment.code).toBe('AA');
    }
  };
  await sent(0, 12);
  await eventually('all are heard', () => client.numbers.length >= 12 || String(client.numbers));
  expect(client.numbers).toEqual(upTo(12));

  client.close();
  await sent(12, 5);
  await sender.close();
  await engine.kill();
  await engine.start();
  const later = new Client(id);
  await later.bind();
  await eventually('the rest is heard', () => later.numbers.at(-1) === 17 || String(later.numbers));
  // What was written to the socket right before it closed may have been lost with it: its numbers tell, and $events has it.
  const first = later.numbers[0] ?? 0;
  expect(first).toBeGreaterThan(12 - 1);
  expect(later.numbers).toEqual(upTo(17).slice(first - 1));
  const again = (await ask('GET', `Subscription/${id}/$events?content=id-only`)) as {
    entry: { resource?: { parameter: Parameter[] } }[];
  };
  const events = again.entry[0]?.resource?.parameter.filter(({ name }) => name === 'notification-event');
  expect(events?.map(({ part }) => Number(part?.[0]?.valueString))).toEqual(upTo(17));
}, 120_000);

test('what clients write reaches a bound websocket in the order in which it was answered', async () => {
  const id = await subscribe('Patient?active=true');
  const client = new Client(id);
  await client.bind();
  await eventually('it is greeted and matched', async () => client.types.length === 1 && isActive(id));
  for (let n = 0; n < 10; n++) {
    const active = n !== 4;
    await ask('PUT', 'Patient/ws', { resourceType: 'Patient', id: 'ws', active, multipleBirthInteger: n });
  }
  await ask('POST', '', {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      {
        resource: { resourceType: 'Patient', id: 'ws2', active: true },
        request: { method: 'PUT', url: 'Patient/ws2' },
      },
    ],
  });
  await eventually('all are heard', () => client.numbers.length >= 10 || String(client.numbers));
  expect(client.numbers).toEqual(upTo(10));
  expect(client.references.filter((one) => one === 'Patient/ws')).toHaveLength(9);
  expect(client.references).toContain('Patient/ws2');
}, 60_000);

test('a deletion over the API is an event of a topic that says so, by what the resource was', async () => {
  const id = await subscribe(PEOPLE, [
    {
      url: 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria',
      valueString: 'Patient?gender=female',
    },
  ]);
  const client = new Client(id);
  await client.bind();
  await eventually('it is greeted and matched', async () => client.types.length === 1 && isActive(id));
  for (const [name, gender] of [
    ['gone', 'female'],
    ['other', 'male'],
  ] as const) {
    await ask('PUT', `Patient/${name}`, { resourceType: 'Patient', id: name, gender });
    await ask('DELETE', `Patient/${name}`);
  }
  await ask('PUT', 'Patient/stays', { resourceType: 'Patient', id: 'stays', gender: 'female' });
  await eventually('all is heard', () => client.numbers.length >= 3 || String(client.references));
  expect(client.numbers).toEqual([1, 2, 3]);
  const heard = client.references.map((reference, index) => `${client.methods[index]} ${reference}`);
  expect(heard.filter((one) => one.endsWith('gone'))).toEqual(['PUT Patient/gone', 'DELETE Patient/gone']);
  expect(heard).toContain('PUT Patient/stays');
}, 60_000);
