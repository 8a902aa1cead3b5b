import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { framed, messageOf, SourceUnderTest, until } from '../../testing/mllp-peer.js';
import { outboundOf, outcomeOf } from '../../testing/outbound.js';
import { MllpDestination, type MllpDestinationOptions } from './mllp-destination.js';

const never = new AbortController().signal;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A receiver that answers each chunk as the test says; undefined: with silence. */
class Receiver {
  readonly heard: string[] = [];
  connections = 0;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(public answer: (text: string) => string | undefined) {
    this.server = createServer((socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        this.heard.push(chunk.toString('latin1'));
        const said = this.answer(chunk.toString('latin1'));
        if (said !== undefined) socket.write(said);
      });
    });
  }

  async up(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    closers.push(() => this.down());
    return (this.server.address() as { port: number }).port;
  }

  async down(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }
}

const idIn = (text: string) => text.split('|')[9] ?? '';
const reply =
  (code: string, error = '') =>
  (text: string) =>
    framed(`MSH|^~\\&|A|B|C|D|1||ACK|R|P|2.5.1\rMSA|${code}|${idIn(text)}\r${error}`);

function destination(port: number, options: Partial<MllpDestinationOptions> = {}): MllpDestination {
  const made = new MllpDestination({ name: 'lab.ehr', host: '127.0.0.1', port, inUtf8: false, ...options });
  closers.push(() => made.close());
  return made;
}

const message = (id: string, modes?: string) => outboundOf([], { raw: Buffer.from(messageOf(id, modes)) });

describe('MLLP destination', () => {
  test('a message leaves byte for byte, over one connection that is kept, and counts when it is acknowledged', async () => {
    const source = await SourceUnderTest.start();
    closers.push(() => source.stop());
    const one = destination(Number(new URL(source.address.replace('mllp', 'http')).port));
    for (const id of ['1', '2', '3']) expect(await outcomeOf(one.send(message(id), never))).toBe('sent');
    expect(source.arrivedIds).toEqual(['1', '2', '3']);
    expect(source.source.counters.connectionsAccepted).toBe(1);
  });

  test.each([
    ['AA', '', 'sent', ''],
    ['CA', '', 'sent', ''],
    ['AE', '', 'rejected MLLP_REFUSED', 'AE'],
    ['AE', 'ERR||PID^1^3|101^Required field missing: Novakova|E\r', 'rejected MLLP_REFUSED', 'AE (101)'],
    ['AR', 'ERR||PID^1^3|Novakova|E\r', 'rejected MLLP_REFUSED', 'AR'],
    ['CE', '', 'rejected MLLP_REFUSED', 'CE'],
    ['CR', '', 'rejected MLLP_REFUSED', 'CR'],
    ['NOVAKOVA', '', 'uncertain MLLP_ANSWER_STRANGE', 'an acknowledgment whose code nobody knows'],
  ])('an acknowledgment %s %smakes it %s', async (code, error, expected, told) => {
    const one = destination(await new Receiver(reply(code, error)).up());
    const outcome = await one.send(message('1'), never);
    expect(await outcomeOf(outcome)).toBe(expected);
    if (outcome.sent) return;
    expect(outcome.error.message).toMatch(new RegExp(`${told.replace(/[()]/g, '\\$&')}$`));
    // What a receiver writes may tell of a person.
    expect(outcome.error.message).not.toMatch(/novakova/i);
  });

  test('silence leaves it open whether the message arrived; the next attempt has a new connection', async () => {
    const receiver = new Receiver(() => undefined);
    const one = destination(await receiver.up(), { replyTimeoutMs: 50 });
    expect(await outcomeOf(one.send(message('1'), never))).toBe('uncertain MLLP_NO_ACKNOWLEDGMENT');
    receiver.answer = reply('AA');
    expect(await outcomeOf(one.send(message('1'), never))).toBe('sent');
    expect(receiver.connections).toBe(2);
    expect(receiver.heard[0]).toBe(receiver.heard[1]);
  });

  test('a receiver that is down is unavailable, and is found when it is back', async () => {
    const first = new Receiver(reply('AA'));
    const port = await first.up();
    await first.down();
    const one = destination(port);
    expect(await outcomeOf(one.send(message('2'), never))).toBe('unavailable MLLP_RECEIVER_UNREACHABLE');
    await new Receiver(reply('AA')).up(port);
    expect(await outcomeOf(one.send(message('2'), never))).toBe('sent');
  });

  test('what is in flight at one time has a connection each, and they are used again', async () => {
    const receiver = new Receiver(reply('AA'));
    const one = destination(await receiver.up());
    const round = () => Promise.all(['1', '2', '3'].map((id) => outcomeOf(one.send(message(id), never))));
    expect(await round()).toEqual(['sent', 'sent', 'sent']);
    expect(await round()).toEqual(['sent', 'sent', 'sent']);
    expect(receiver.connections).toBe(3);
  });

  test('sending can be broken off', async () => {
    const receiver = new Receiver(() => undefined);
    const one = destination(await receiver.up());
    const stop = new AbortController();
    const sending = one.send(message('1'), stop.signal);
    await until(() => receiver.heard.length === 1, 'the message is there');
    stop.abort();
    expect(await outcomeOf(sending)).toBe('uncertain MLLP_NO_ACKNOWLEDGMENT');
    expect(await outcomeOf(one.send(message('2'), stop.signal))).toBe('unavailable DESTINATION_STOPPED');
  });

  test('where the channel says so, text is converted to UTF-8', async () => {
    const receiver = new Receiver(reply('AA'));
    const one = destination(await receiver.up(), { inUtf8: true });
    const raw = Buffer.from(messageOf('1', '||||8859/1', 'PID|1||77||M\u00fcller\r'), 'latin1');
    expect(await outcomeOf(one.send(outboundOf([], { raw }), never))).toBe('sent');
    const heard = Buffer.from(receiver.heard[0] ?? '', 'latin1').toString();
    expect(heard).toContain('|UNICODE UTF-8');
    expect(heard).toContain('M\u00fcller');
    expect(await outcomeOf(one.send(outboundOf([], { raw: Buffer.from('a,b') }), never))).toBe(
      'rejected HL7_NOT_CONVERTIBLE',
    );
  });
});
