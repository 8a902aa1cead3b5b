import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Receipt } from '#channel';
import { EngineError } from '#kernel';
import { framed, journaledAs, messageOf, SourceUnderTest, until } from '../../testing/mllp-peer.js';
import type { MllpSourceOptions } from './mllp-source-options.js';

let under: SourceUnderTest;
const start = async (options: Partial<MllpSourceOptions> = {}) => {
  under = await SourceUnderTest.start(options);
  return under;
};
afterEach(() => under.stop());

describe('acknowledgments', () => {
  test('nothing is acknowledged before the message is durable', async () => {
    await start();
    let commit: (receipt: Receipt) => void = () => {};
    under.receive = () =>
      new Promise((resolve) => {
        commit = resolve;
      });
    const peer = await under.peer();
    peer.send(framed(messageOf('A1')));
    await until(() => under.arrivals.length === 1, 'the message arrived');
    expect([peer.replies, under.acknowledged]).toEqual([[], []]);
    commit(journaledAs(1));
    expect(await peer.answered(1)).toEqual(['AA A1']);
    await until(() => under.acknowledged.length === 1, 'the acknowledgment was noted');
    expect(under.acknowledged).toEqual([[{ lane: 0, partition: 0, seq: 1 }, 'AA']]);
    expect(under.arrivals[0]).toMatchObject({ channel: 'lab', raw: Buffer.from(messageOf('A1')) });
  });

  test('acknowledgments leave in the order of the messages, whatever order the commits come in', async () => {
    await start();
    const commits: (() => void)[] = [];
    under.receive = (_, seq) => new Promise((resolve) => commits.push(() => resolve(journaledAs(seq))));
    const peer = await under.peer();
    peer.send(framed(...['1', '2', '3', '4'].map((id) => messageOf(id))));
    await until(() => commits.length === 4, 'all four arrived');
    for (const at of [2, 1, 3, 0]) commits[at]?.();
    expect(await peer.answered(4)).toEqual(['AA 1', 'AA 2', 'AA 3', 'AA 4']);
  });

  test('every message of a stream is answered once and in order, however the stream is cut', async () => {
    await start({ maxUnanswered: 3 });
    const streams = fc.record({
      ids: fc.uniqueArray(fc.stringMatching(/^[A-Z0-9]{1,6}$/), { maxLength: 12 }),
      cuts: fc.array(fc.nat(), { maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(streams, async ({ ids, cuts }) => {
        const peer = await under.peer();
        const whole = Buffer.from(framed(...ids.map((id) => messageOf(id))));
        const places = [
          0,
          ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b),
          whole.length,
        ];
        for (let i = 1; i < places.length; i++) peer.send(whole.subarray(places[i - 1], places[i]));
        peer.socket.end();
        await peer.closed();
        expect(peer.answers).toEqual(ids.map((id) => `AA ${id}`));
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    ['no MSH', 'PID|1||77\r', 'AE ', '100'],
    ['no MSH-9', messageOf('R1').replace('ORU^R01^ORU_R01', ''), 'AR R1', '101'],
    ['no MSH-10', messageOf(''), 'AE ', '101'],
    ['an unsupported version', messageOf('R3').replace('2.5.1', '3.1'), 'AR R3', '203'],
    ['separators that repeat', messageOf('R4').replace('^~\\&', '^^\\&'), 'AE R4', '102'],
    ['an empty frame', '', 'AE ', '100'],
  ])('%s is refused with its code, and its bytes reach receive', async (_, message, answer, condition) => {
    await start();
    const peer = await under.peer();
    peer.send(framed(message, messageOf('NEXT')));
    expect(await peer.answered(2)).toEqual([answer, 'AA NEXT']);
    expect(peer.replies[0]).toContain(`|${condition}^`);
    expect(under.arrivals[0]?.raw.toString('latin1')).toBe(message);
  });

  test('what the channel does not accept is answered with the code, place and text of the refusal', async () => {
    await start();
    const error = new EngineError('rejected', 'HL7_TYPE_NOT_ACCEPTED', 'not accepted here');
    const hl7 = { acknowledgment: 'AR', condition: '200', location: 'MSH^1^9' } as const;
    under.receive = async () => ({ outcome: 'refused', error, hl7 });
    const peer = await under.peer();
    peer.send(framed(messageOf('A1')));
    await peer.answered(1);
    expect(peer.replies[0]).toContain(
      'MSA|AR|A1\rERR||MSH^1^9|200^Unsupported message type^HL70357|E||||not accepted here\r',
    );
    expect(under.acknowledged).toEqual([]);
  });

  test('an unknown outcome is answered with silence and a closed connection, earlier messages are answered', async () => {
    await start();
    under.receive = async (_, seq) => (seq === 2 ? { outcome: 'uncertain' } : journaledAs(seq));
    const peer = await under.peer();
    peer.send(framed(messageOf('1'), messageOf('2'), messageOf('3')));
    await peer.closed();
    expect(peer.answers).toEqual(['AA 1']);
    await until(() => under.acknowledged.length === 2, 'the third is noted');
    expect(under.acknowledged.map(([{ seq }, code]) => [seq, code])).toEqual([
      [1, 'AA'],
      [3, 'lost'],
    ]);
    expect(await under.closings(1)).toEqual([{ reason: 'uncertain', unanswered: 2 }]);
  });

  test('an error of receive is AR 207 when the program is wrong, and silence when the outcome is unknown', async () => {
    await start();
    under.receive = () => Promise.reject(new EngineError('bug', 'SOME_BUG', 'x'));
    const peer = await under.peer();
    peer.send(framed(messageOf('1')));
    expect(await peer.answered(1)).toEqual(['AR 1']);
    expect(peer.replies[0]).toContain('|207^');
    under.receive = () => Promise.reject(new Error('who knows'));
    peer.send(framed(messageOf('2')));
    await peer.closed();
    expect(peer.replies).toHaveLength(1);
    expect(under.seen('receive-failed')).toEqual([{ code: 'SOME_BUG' }, { code: 'RECEIVE_FAILED' }]);
  });

  test('enhanced mode: a commit acknowledgment, then an application acknowledgment, or none at all', async () => {
    await start();
    const peer = await under.peer();
    peer.send(
      framed(
        messageOf('1', 'AL|AL'),
        messageOf('2', 'NE|NE'),
        messageOf('3', 'AL|NE'),
        messageOf('4', 'ER|SU'),
      ),
    );
    expect(await peer.answered(4)).toEqual(['CA 1', 'AA 1', 'CA 3', 'AA 4']);
    await until(() => under.acknowledged.length === 4, 'all are noted');
    expect(under.acknowledged.map(([, code]) => code).sort()).toEqual(['AA', 'CA', 'CA', 'NE']);
    const ids = peer.replies.map((reply) => reply.split('|')[9]);
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id?.length).toBeLessThanOrEqual(20);
  });

  test('an acknowledgment is received, but never answered', async () => {
    await start();
    const peer = await under.peer();
    peer.send(framed(messageOf('1').replace('ORU^R01^ORU_R01', 'ACK'), messageOf('2')));
    expect(await peer.answered(1)).toEqual(['AA 2']);
    expect(under.arrivedIds).toEqual(['1', '2']);
  });

  test('a sender that starts the sequence number protocol learns the number expected next', async () => {
    await start();
    const peer = await under.peer();
    const startLink = 'MSH|^~\\&|LAB|NORTH|HUB|CITY|1990||^|XX|P|2.5.1|0\r';
    const numbered = messageOf('A1').replace('2.5.1|', '2.5.1|7');
    peer.send(framed(startLink, numbered, startLink));
    await peer.answered(3);
    expect(peer.replies.map((reply) => /MSA\|AA\|[^|]*\|\|(-?\d+)\r/.exec(reply)?.[1])).toEqual([
      '-1',
      '7',
      '8',
    ]);
    expect(under.arrivedIds).toEqual(['A1']);
  });

  test('a message whose sender is gone is noted as not acknowledged', async () => {
    await start();
    let commit: () => void = () => {};
    under.receive = (_, seq) =>
      new Promise((resolve) => {
        commit = () => resolve(journaledAs(seq));
      });
    const peer = await under.peer();
    peer.send(framed(messageOf('1')));
    await until(() => under.arrivals.length === 1, 'the message arrived');
    peer.socket.resetAndDestroy();
    await until(() => under.source.counters.connectionsOpen === 0, 'the connection is gone');
    commit();
    await until(() => under.acknowledged.length === 1, 'it is noted');
    expect(under.acknowledged[0]?.[1]).toBe('lost');
  });

  test('a sender that closes its side at once still gets its acknowledgments', async () => {
    await start({ maxUnanswered: 2 });
    const peer = await under.peer();
    peer.send(framed(...['1', '2', '3', '4', '5'].map((id) => messageOf(id))));
    peer.socket.end();
    await peer.closed();
    expect(peer.answers).toEqual(['AA 1', 'AA 2', 'AA 3', 'AA 4', 'AA 5']);
  });

  test('a UTF-16 sender is answered in UTF-16', async () => {
    await start();
    const peer = await under.peer();
    peer.send(
      Buffer.concat([
        Buffer.from([0x0b]),
        Buffer.from(`\uFEFF${messageOf('1')}`, 'utf16le'),
        Buffer.from('\x1c\r'),
      ]),
    );
    await until(() => peer.replies.length === 1, 'the reply came');
    expect(Buffer.from(peer.replies[0] ?? '', 'latin1').toString('utf16le')).toContain('MSA|AA|1\r');
  });
});

describe('batches and odd frames', () => {
  test('each message of a batch is received and acknowledged, in order, and a wrong count is reported', async () => {
    await start();
    const peer = await under.peer();
    peer.send(
      framed(
        `FHS|^~\\&\rBHS|^~\\&\r${messageOf('1')}${messageOf('2')}${messageOf('3')}BTS|4\rFTS|1\r`,
        messageOf('4'),
      ),
    );
    expect(await peer.answered(4)).toEqual(['AA 1', 'AA 2', 'AA 3', 'AA 4']);
    expect(under.arrivals.map(({ raw }) => raw.toString())).toEqual(
      ['1', '2', '3', '4'].map((id) => messageOf(id)),
    );
    expect(under.seen('batch-problem')).toEqual([
      { code: 'BATCH_COUNT_WRONG', detail: 'BTS-1 says 4, there are 3' },
    ]);
  });

  test('a bad message in a batch is refused alone', async () => {
    await start();
    const peer = await under.peer();
    peer.send(framed(`BHS|^~\\&\r${messageOf('1')}MSH|^~\\&|broken\rPID|\r${messageOf('3')}BTS|3\r`));
    expect(await peer.answered(3)).toEqual(['AA 1', 'AR ', 'AA 3']);
  });

  test('a frame that never ends is reported and not merged with the next', async () => {
    await start();
    const peer = await under.peer();
    peer.send(`\x0bMSH|^~\\&|unfinished${framed(messageOf('2'))}`);
    expect(await peer.answered(1)).toEqual(['AA 2']);
    expect(under.arrivals.map(({ raw }) => raw.toString())).toEqual([messageOf('2')]);
    expect(under.seen('frame-broken')).toEqual([{ length: 19 }]);
    peer.send('\x0bMSH|');
    peer.socket.end();
    await peer.closed();
    expect(under.seen('frame-broken')).toHaveLength(2);
  });

  test('garbage between frames is skipped, counted and reported', async () => {
    await start();
    const peer = await under.peer();
    peer.send(`noise${framed(messageOf('1'))}\r\nmore${framed(messageOf('2'))}`);
    expect(await peer.answered(2)).toEqual(['AA 1', 'AA 2']);
    expect(under.source.counters.garbageBytes).toBe(9);
  });
});

describe('start and stop', () => {
  test('a port in use is a mistake of the channel, named with its address', async () => {
    await start();
    const port = Number(new URL(under.address.replace('mllp', 'http')).port);
    await expect(SourceUnderTest.start({ port })).rejects.toMatchObject({
      kind: 'misconfigured',
      code: 'MLLP_LISTEN_FAILED',
      message: expect.stringContaining(`127.0.0.1:${port} (EADDRINUSE)`),
    });
  });

  test('stopping answers what is in flight, takes nothing more and closes', async () => {
    await start();
    let commit: () => void = () => {};
    under.receive = (_, seq) =>
      new Promise((resolve) => {
        commit = () => resolve(journaledAs(seq));
      });
    const [peer, idle] = [await under.peer(), await under.peer()];
    peer.send(framed(messageOf('1')));
    await until(() => under.arrivals.length === 1, 'the message arrived');
    const stopped = under.source.stop(5_000);
    peer.send(framed(messageOf('2')));
    await expect(under.peer()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    commit();
    await Promise.all([stopped, peer.closed(), idle.closed()]);
    expect([peer.answers, under.arrivedIds]).toEqual([['AA 1'], ['1']]);
  });

  test('stopping does not wait longer than the grace for a commit that never comes', async () => {
    await start();
    under.receive = () => new Promise(() => {});
    const peer = await under.peer();
    peer.send(framed(messageOf('1')));
    await until(() => under.arrivals.length === 1, 'the message arrived');
    await under.source.stop(50);
    await peer.closed();
    expect(peer.replies).toEqual([]);
  });
});
