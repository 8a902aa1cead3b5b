import { afterEach, describe, expect, test } from '@jest/globals';
import {
  framed,
  journaledAs,
  messageOf,
  type Peer,
  SourceUnderTest,
  until,
} from '../../testing/mllp-peer.js';
import type { MllpSourceOptions } from './mllp-source-options.js';

let under: SourceUnderTest;
const start = async (options: Partial<MllpSourceOptions> = {}) => {
  under = await SourceUnderTest.start(options);
  return under;
};
afterEach(() => under.stop());

const roundTrip = async (peer: Peer, id: string) => {
  const before = peer.replies.length;
  peer.send(framed(messageOf(id)));
  await peer.answered(before + 1);
  expect(peer.answers.at(-1)).toBe(`AA ${id}`);
};
/** Sends until the receiver has stopped reading and the kernel's buffers are full. */
async function sendUntilBlocked(peer: Peer, bytes: Buffer): Promise<void> {
  for (let i = 0; i < 20_000 && peer.socket.writableLength < 4_000_000; i++) {
    peer.send(bytes);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(peer.socket.writableLength).toBeGreaterThanOrEqual(4_000_000);
}

describe('back-pressure', () => {
  test('a paused source reads nothing, and loses nothing when it resumes', async () => {
    await start();
    const peer = await under.peer();
    await roundTrip(peer, '0');
    under.source.pause();
    const late = await under.peer();
    peer.send(framed(messageOf('1')));
    late.send(framed(messageOf('2')));
    // Time in which a source that did read would have received them.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(under.arrivedIds).toEqual(['0']);
    under.source.resume();
    expect([await peer.answered(2), await late.answered(1)]).toEqual([['AA 0', 'AA 1'], ['AA 2']]);
  });

  test('one connection has at most so many messages in flight, the others go on', async () => {
    await start({ maxUnanswered: 5 });
    const commits: (() => void)[] = [];
    under.receive = (arrival, seq) =>
      arrival.raw.includes('|SLOW')
        ? new Promise((resolve) => commits.push(() => resolve(journaledAs(seq))))
        : Promise.resolve(journaledAs(seq));
    const [greedy, good] = [await under.peer(), await under.peer()];
    greedy.send(framed(...Array.from({ length: 100 }, (_, i) => messageOf(`SLOW${i}`))));
    await until(() => commits.length === 5, 'five are in flight');
    await roundTrip(good, 'G1');
    expect(commits.length).toBe(5);
    for (let at = 0; at < 100; at++) {
      await until(() => commits.length > at, `message ${at} arrived`);
      expect(commits.length - at).toBeLessThanOrEqual(5);
      commits[at]?.();
    }
    expect(await greedy.answered(100)).toEqual(Array.from({ length: 100 }, (_, i) => `AA SLOW${i}`));
  });

  test('a sender that does not read its acknowledgments is pushed back, alone', async () => {
    await start({ maxUnsentBytes: 20_000 });
    const [deaf, good] = [await under.peer(), await under.peer()];
    deaf.socket.pause();
    // Long sender fields make long acknowledgments.
    const message = messageOf('D').replace('LAB|NORTH|HUB|CITY', Array(4).fill('x'.repeat(1_000)).join('|'));
    await sendUntilBlocked(deaf, Buffer.from(framed(message)));
    const received = under.arrivals.length;
    await roundTrip(good, 'G1');
    await roundTrip(good, 'G2');
    expect(under.arrivals.length).toBe(received + 2);
    deaf.socket.resume();
    await until(() => deaf.replies.length > received, 'it reads again and is served again');
  });

  test('memory is bounded over all connections, and every frame arrives in the end', async () => {
    const limit = 2_000_000;
    await start({ maxBytesInFlight: limit, frameMaxBytes: 1_000_000 });
    let most = 0;
    under.receive = async (_, seq) => {
      most = Math.max(most, under.source.bytesInFlight);
      return journaledAs(seq);
    };
    const body = `OBX|1|ED|||${'x'.repeat(900_000)}\r`;
    const peers = await Promise.all(Array.from({ length: 12 }, () => under.peer()));
    // All frames begin, none ends: together they are far above the limit.
    for (const [i, peer] of peers.entries()) peer.send(framed(messageOf(`B${i}`, '|', body)).slice(0, -3));
    await until(() => under.source.bytesInFlight > limit * 0.9, 'the bound is reached');
    for (const peer of peers) peer.send('\x1c\r');
    await Promise.all(peers.map((peer) => peer.answered(1)));
    expect(under.arrivedIds.sort()).toEqual(peers.map((_, i) => `B${i}`).sort());
    // The bound, one frame that may grow beyond it (its buffer doubles), and a chunk for each connection.
    expect(most).toBeLessThan(limit + 2_000_000 + 12 * 65_536);
    await until(() => under.source.bytesInFlight === 0, 'nothing is left');
  });
});

describe('hostile and broken senders', () => {
  test.each([1, 1_000])(
    'a frame over the bound is refused and the connection closed (chunks of %d)',
    async (size) => {
      await start({ frameMaxBytes: 2_000 });
      const peer = await under.peer();
      const bytes = Buffer.from(
        framed(messageOf('1'), messageOf('BIG', '|', 'x'.repeat(3_000)), messageOf('3')),
      );
      for (let at = 0; at < bytes.length; at += size) peer.send(bytes.subarray(at, at + size));
      await peer.closed();
      expect(peer.answers).toEqual(['AA 1', 'AE BIG']);
      expect(peer.replies[1]).toContain('the message is larger than 2000 bytes');
      // How it began goes to the operator.
      expect(under.arrivedIds).toEqual(['1', 'BIG']);
      expect(under.arrivals.at(-1)?.unfit).toMatch(/larger than 2000 bytes \(\d+ had come\)/);
      expect(await under.closings(1)).toMatchObject([{ reason: 'frame-too-large' }]);
      expect(under.source.counters.framesTooLarge).toBe(1);
    },
  );

  test('a batch of too many messages is refused, none of it is taken', async () => {
    await start();
    const peer = await under.peer();
    peer.send(`\x0b${'MSH|\r'.repeat(200_001)}\x1c\r`);
    await peer.closed();
    expect(peer.answers).toEqual(['AE ']);
    expect(under.arrivals.map(({ raw, unfit }) => [raw.length, unfit])).toEqual([
      [65_536, 'the batch holds too many messages (1000005 bytes)'],
    ]);
    expect(await under.closings(1)).toMatchObject([{ reason: 'batch-too-long' }]);
  });

  test('every message of a long batch is answered, in time linear in its length', async () => {
    await start();
    const peer = await under.peer();
    const began = performance.now();
    peer.send(
      `\x0b${Array.from({ length: 50_000 }, (_, i) => `MSH|^~\\&|||||||ORU|${i}|P|2.5\r`).join('')}\x1c\r`,
    );
    await peer.answered(50_000);
    expect(peer.answers.at(-1)).toBe('AA 49999');
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  test('a frame of exactly the bound is taken', async () => {
    const message = messageOf('1', '|', 'x'.repeat(1_000));
    await start({ frameMaxBytes: message.length });
    const peer = await under.peer();
    peer.send(framed(message));
    expect(await peer.answered(1)).toEqual(['AA 1']);
  });

  test('a sender that dribbles a frame is cut off, a sender between frames is not', async () => {
    await start({ frameTimeoutMs: 60 });
    const [slow, quiet] = [await under.peer(), await under.peer()];
    await roundTrip(quiet, 'Q1');
    slow.send('\x0bMSH|');
    const dribble = setInterval(() => slow.send('x'), 5);
    await slow.closed();
    clearInterval(dribble);
    expect(await under.closings(1)).toMatchObject([{ reason: 'frame-timeout' }]);
    await roundTrip(quiet, 'Q2');
  });

  test('an idle connection is closed, one that waits for its acknowledgment is not', async () => {
    await start({ idleTimeoutMs: 80 });
    let commit: () => void = () => {};
    under.receive = (_, seq) =>
      new Promise((resolve) => {
        commit = () => resolve(journaledAs(seq));
      });
    const [idle, waiting] = [await under.peer(), await under.peer()];
    waiting.send(framed(messageOf('W')));
    await idle.closed();
    // More than two idle times, in which it must stay open.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(waiting.isClosed).toBe(false);
    commit();
    expect(await waiting.answered(1)).toEqual(['AA W']);
    await waiting.closed();
    expect(await under.closings(2)).toMatchObject([{ reason: 'idle' }, { reason: 'idle' }]);
  });

  test('a sender that leaves its acknowledgments unread for too long is cut off', async () => {
    await start({ idleTimeoutMs: 150, maxUnsentBytes: 20_000 });
    const deaf = await under.peer();
    deaf.socket.pause();
    const message = messageOf('D').replace('LAB|NORTH|HUB|CITY', Array(4).fill('x'.repeat(1_000)).join('|'));
    await sendUntilBlocked(deaf, Buffer.from(framed(message)));
    await until(() => under.source.counters.connectionsOpen === 0, 'it is cut off');
    expect(await under.closings(1)).toMatchObject([{ reason: 'acknowledgments-unread' }]);
    expect(under.acknowledged.some(([, code]) => code === 'lost')).toBe(true);
  });

  test('whoever sends no frames at all is disconnected', async () => {
    await start({ maxGarbageBytes: 1_000 });
    const browser = await under.peer();
    browser.send(`GET / HTTP/1.1\r\n${'Header: value\r\n'.repeat(100)}`);
    await browser.closed();
    expect(browser.replies).toEqual([]);
    expect(await under.closings(1)).toMatchObject([{ reason: 'garbage' }]);
  });

  test('connections beyond the limit and from foreign addresses are refused where the operator sees it', async () => {
    await start({ maxConnections: 2, allow: ['127.0.0.0/8'] });
    const kept = [await under.peer(), await under.peer()];
    const third = await under.peer();
    await third.closed();
    expect(under.seen('connection-refused')).toEqual([{ reason: 'limit', detail: '' }]);
    await roundTrip(kept[1] as Peer, '1');
    await under.stop();
    await start({ allow: ['10.0.0.0/8', '192.168.1.1'] });
    const foreign = await under.peer();
    await foreign.closed();
    expect(under.seen('connection-refused')).toEqual([{ reason: 'address', detail: '' }]);
    expect(under.source.counters).toMatchObject({ connectionsRefused: 1, connectionsAccepted: 0 });
  });

  test('a list of allowed addresses that cannot be read is a mistake of the channel', async () => {
    await start();
    await expect(SourceUnderTest.start({ allow: ['everyone'] })).rejects.toMatchObject({
      kind: 'misconfigured',
      code: 'MLLP_ALLOW_INVALID',
    });
  });

  test('two thousand idle connections do not slow a good sender', async () => {
    await start();
    const peer = await under.peer();
    const timed = async (count: number) => {
      const began = performance.now();
      for (let i = 0; i < count; i++) await roundTripFast(peer, `T${i}`);
      return performance.now() - began;
    };
    await timed(200);
    const alone = await timed(300);
    for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 100 }, () => under.peer()));
    await until(() => under.source.counters.connectionsOpen === 2_001, 'all are accepted');
    expect(await timed(300)).toBeLessThan(5 * alone + 200);
  });
});

async function roundTripFast(peer: Peer, id: string): Promise<void> {
  const before = peer.replies.length;
  peer.send(framed(messageOf(id)));
  while (peer.replies.length === before) await new Promise((resolve) => setImmediate(resolve));
}
