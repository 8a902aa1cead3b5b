import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, test } from '@jest/globals';
import { RecentPacks, type StoredMessage } from './recent-packs.js';
import { RelayedPacks, receivePacks } from './relayed-packs.js';

const mebibyte = 1024 * 1024;
const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

function channel(): MessageChannel {
  const made = new MessageChannel();
  ports.push(made.port1, made.port2);
  return made;
}

const stored = (seq: number, bytes: number): StoredMessage => ({
  position: { lane: 3, partition: 250, seq },
  resources: [Buffer.alloc(bytes, seq)],
});

/** What arrives at `port`, one array for each time that something was remembered. */
function arrivals(port: MessagePort): StoredMessage[][] {
  const all: StoredMessage[][] = [];
  receivePacks(port, { remember: (some) => void all.push([...some]) });
  return all;
}

describe('packs for the deliveries of another thread', () => {
  test('they arrive equal, under their positions, in the order of the store', async () => {
    const { port1, port2 } = channel();
    const recent = new RecentPacks();
    receivePacks(port2, recent);
    const sent = [1, 2, 3].map((seq) => stored(seq, 1_000 * seq));
    // As the store makes them: parts of something larger.
    const whole = Buffer.from('{"resourceType":"Patient"}\n{"resourceType":"Basic"}');
    sent.push({
      position: { lane: 1, partition: 0, seq: 2 ** 45 },
      resources: [whole.subarray(5, 30), Buffer.alloc(0)],
    });
    const answered = once(port1, 'message');
    new RelayedPacks(port1).remember(sent);
    port1.ref();
    expect(await answered).toEqual([6_025]);
    for (const { position, resources } of sent) expect(recent.find(position)).toEqual(resources);
    expect(recent.bytes).toBe(6_025);
  });

  test('the packs of the sender stay whole, and share no memory with those that arrive', async () => {
    const { port1, port2 } = channel();
    const all = arrivals(port2);
    const one = stored(7, 100);
    const answered = once(port1, 'message');
    new RelayedPacks(port1).remember([one]);
    port1.ref();
    await answered;
    one.resources[0]?.fill(0);
    expect(all).toEqual([[stored(7, 100)]]);
  });

  test('a resource that several messages hold is sent once, and arrives in each of them', async () => {
    const { port1, port2 } = channel();
    const all = arrivals(port2);
    const patient = Buffer.from('{"resourceType":"Patient"}');
    const message = (seq: number): StoredMessage => ({
      position: { lane: 0, partition: 1, seq },
      resources: [patient, Buffer.from(`{"n":${seq}}`), patient],
    });
    const sent = [message(1), { position: { lane: 0, partition: 2, seq: 1 }, resources: [] }, message(2)];
    const answered = once(port1, 'message');
    new RelayedPacks(port1).remember(sent);
    port1.ref();
    expect(await answered).toEqual([patient.length + 2 * '{"n":1}'.length]);
    expect(all).toEqual([sent]);
  });

  test('nothing holds more memory than a parcel: a large transaction goes in several, a large pack alone', async () => {
    const { port1, port2 } = channel();
    const all = arrivals(port2);
    const sizes = [0.4, 0.4, 0.4, 3, 0.1].map((size) => Math.round(size * mebibyte));
    const relayed = new RelayedPacks(port1);
    let answers = 0;
    const answered = new Promise<void>((done) => port1.on('message', () => ++answers === 4 && done()));
    relayed.remember(sizes.map((size, index) => stored(index + 1, size)));
    relayed.remember([]);
    await answered;
    expect(all.map((parcel) => parcel.map(({ resources }) => resources[0]?.length))).toEqual([
      sizes.slice(0, 2),
      sizes.slice(2, 3),
      sizes.slice(3, 4),
      sizes.slice(4),
    ]);
    for (const parcel of all) {
      const size = parcel.reduce((sum, { resources }) => sum + (resources[0]?.length ?? 0), 0);
      for (const { resources } of parcel) expect(resources[0]?.buffer.byteLength).toBe(size);
    }
  });

  test('a thread that does not keep up is told no more than the bound, and what comes later once it has caught up', async () => {
    const { port1, port2 } = channel();
    const relayed = new RelayedPacks(port1, 100);
    for (let seq = 1; seq <= 5; seq++) relayed.remember([stored(seq, 40)]);
    const all = arrivals(port2);
    let answers = 0;
    const caughtUp = new Promise<void>((done) => port1.on('message', () => ++answers === 2 && done()));
    await caughtUp;
    relayed.remember([stored(6, 101)]);
    relayed.remember([stored(7, 100)]);
    await new Promise<void>((done) => port1.on('message', () => done()));
    expect(all.flat().map(({ position }) => position.seq)).toEqual([1, 2, 7]);
  });

  test('to a thread that is gone nothing is posted', async () => {
    const { port1, port2 } = channel();
    const relayed = new RelayedPacks(port1);
    const closed = once(port1, 'close');
    port2.close();
    await closed;
    let posted = 0;
    port1.postMessage = () => void posted++;
    relayed.remember([stored(1, 10)]);
    expect(posted).toBe(0);
  });
});
