import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Client, Message } from 'node-hl7-client';
import { framed, messageOf, SourceUnderTest, until } from '../../testing/mllp-peer.js';
import { MllpClient, type MllpClientOptions, type MllpReply } from './mllp-client.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A receiver that answers as the test says. */
async function receiver(onMessage: (socket: Socket, bytes: string) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => onMessage(socket, chunk.toString('latin1')));
  });
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function clientFor(port: number, options: Partial<MllpClientOptions> = {}): MllpClient {
  const client = new MllpClient({ host: '127.0.0.1', port, ...options });
  closers.push(() => client.close());
  return client;
}

async function ourSource() {
  const source = await SourceUnderTest.start();
  closers.push(() => source.stop());
  return { source, port: Number(new URL(source.address.replace('mllp', 'http')).port) };
}

const send = (client: MllpClient, message: string) => client.send(Buffer.from(message));
const ackOf = (id: string, code = 'AA', msaId = id) =>
  framed(`MSH|^~\\&|A|B|C|D|1||ACK|R${id}|P|2.5.1\rMSA|${code}|${msaId}\r`);

describe('MllpClient', () => {
  test('messages are sent one after the other over one connection, each with its own acknowledgment', async () => {
    const { source, port } = await ourSource();
    const client = clientFor(port);
    const replies = await Promise.all(['1', '2', '3'].map((id) => send(client, messageOf(id))));
    expect(replies.map((reply) => reply?.acknowledgment.acknowledgedId)).toEqual(['1', '2', '3']);
    expect(source.source.counters.connectionsAccepted).toBe(1);
    expect(source.arrivedIds).toEqual(['1', '2', '3']);
  });

  test('a refusal is an answer, with its errors decoded', async () => {
    const { port } = await ourSource();
    const reply = await send(clientFor(port), messageOf('1').replace('2.5.1', '9.9'));
    expect(reply?.acknowledgment).toMatchObject({
      code: 'AR',
      isPositive: false,
      errors: [{ condition: '203', conditionText: 'Unsupported version id', location: 'MSH^1^12' }],
    });
  });

  test('a message that asks for no acknowledgment gets none, and the next one gets its own', async () => {
    const { port } = await ourSource();
    const client = clientFor(port);
    expect(await send(client, messageOf('1', 'NE|NE'))).toBeUndefined();
    expect((await send(client, messageOf('2')))?.acknowledgment.acknowledgedId).toBe('2');
  });

  test('an application acknowledgment after the commit acknowledgment is handed over apart', async () => {
    const { port } = await ourSource();
    const others: MllpReply[] = [];
    const client = clientFor(port, { otherReply: (reply) => others.push(reply) });
    expect((await send(client, messageOf('1', 'AL|AL')))?.acknowledgment.code).toBe('CA');
    await until(() => others.length === 1, 'the application acknowledgment came');
    expect(others[0]?.acknowledgment).toMatchObject({ code: 'AA', acknowledgedId: '1' });
  });

  test('a receiver that is not there is unavailable, nothing was sent', async () => {
    const port = await receiver(() => {});
    await closers.pop()?.();
    await expect(send(clientFor(port), messageOf('1'))).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'MLLP_RECEIVER_UNREACHABLE',
    });
  });

  test.each([
    ['stays silent', () => {}],
    ['closes', (socket: Socket) => socket.destroy()],
    ['answers with what is no acknowledgment', (socket: Socket) => socket.write(framed('hello'))],
    ['answers with too much', (socket: Socket) => socket.write(`\x0b${'x'.repeat(3_000)}`)],
  ])('when the receiver %s the outcome is uncertain', async (_, react) => {
    const port = await receiver((socket) => void react(socket));
    const client = clientFor(port, { replyTimeoutMs: 100, replyMaxBytes: 2_000 });
    await expect(send(client, messageOf('1'))).rejects.toMatchObject({
      kind: 'uncertain',
      code: 'MLLP_NO_ACKNOWLEDGMENT',
    });
  });

  test('after a lost reply the next message goes over a new connection, and a late reply confuses nobody', async () => {
    let connection = 0;
    const port = await receiver((socket, bytes) => {
      // Later than the client waits for it.
      if (++connection === 1) setTimeout(() => socket.write(ackOf('1')), 120);
      else socket.write(ackOf(/\|2\|P/.test(bytes) ? '2' : '?'));
    });
    const client = clientFor(port, { replyTimeoutMs: 60 });
    const [first, second] = await Promise.allSettled([
      send(client, messageOf('1')),
      send(client, messageOf('2')),
    ]);
    expect(first.status).toBe('rejected');
    expect(second).toMatchObject({ status: 'fulfilled', value: { acknowledgment: { acknowledgedId: '2' } } });
  });

  test('a reply without MSA-2 answers the message in flight, a reply to another id does not', async () => {
    const port = await receiver((socket) => socket.write(ackOf('0') + ackOf('1', 'AE', '')));
    const others: MllpReply[] = [];
    const client = clientFor(port, { otherReply: (reply) => others.push(reply) });
    expect((await send(client, messageOf('1')))?.acknowledgment.code).toBe('AE');
    expect(others).toHaveLength(1);
  });
});

describe('an independent client', () => {
  test('node-hl7-client sends to our source and understands the acknowledgments', async () => {
    const { source, port } = await ourSource();
    const client = new Client({ host: '127.0.0.1' });
    const replies: string[] = [];
    const outbound = client.createConnection({ port }, (reply) => {
      replies.push(String(reply.getMessage().get('MSA.1').toString()));
    });
    closers.push(() => outbound.close());
    for (const id of ['N1', 'N2', 'N3']) {
      const message = new Message({ text: messageOf(id) });
      const before = replies.length;
      await outbound.sendMessage(message);
      await until(() => replies.length > before, `${id} was answered`);
    }
    expect(replies).toEqual(['AA', 'AA', 'AA']);
    expect(source.arrivedIds).toEqual(['N1', 'N2', 'N3']);
  });
});
