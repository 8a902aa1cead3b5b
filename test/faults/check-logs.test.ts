import { describe, expect, test } from '@jest/globals';
import { checkLogs, type ReceiverEntry, type SenderLog, type StoreEntry } from './check-logs.js';

const senders: SenderLog[] = [
  { patient: 'A', sent: ['a1', 'a2', 'a3'], acknowledged: new Set(['a1', 'a2', 'a3']) },
];
const store: StoreEntry[] = ['a1', 'a2', 'a3'].map((controlId, index) => ({
  controlId,
  position: `0-1-${index + 1}`,
  hasOutcome: true,
}));
const receiver: ReceiverEntry[] = [1, 2, 3].map((number) => ({
  stream: 's',
  number,
  position: `0-1-${number}`,
}));

function breaches(change: {
  senders?: SenderLog[];
  receiver?: ReceiverEntry[];
  store?: StoreEntry[];
}): string[] {
  const logs = { senders, receiver, store, ...change };
  return checkLogs(logs.senders, logs.receiver, logs.store).breaches.map((text) => text.split(':')[0] ?? '');
}

describe('checker of the kill loop', () => {
  test('logs that agree have no breach, and a repeated number is only counted', () => {
    const again = [...receiver.slice(0, 2), ...receiver];
    expect(checkLogs(senders, again, store)).toEqual({
      acknowledged: 3,
      delivered: 3,
      repeated: 2,
      breaches: [],
    });
  });

  test('an acknowledged message that is not stored is lost', () => {
    expect(breaches({ store: store.slice(0, 2), receiver: receiver.slice(0, 2) })).toEqual(['lost']);
  });

  test('a stored message that never reaches the receiver is noticed', () => {
    expect(breaches({ receiver: receiver.slice(0, 2) })).toEqual(['not delivered']);
  });

  test('a message that is journaled without an outcome is noticed', () => {
    const waiting = store.map((entry) => ({ ...entry, hasOutcome: entry.controlId !== 'a2' }));
    expect(breaches({ store: waiting })).toEqual(['no outcome']);
  });

  test('a message that stands twice in the store is noticed', () => {
    const twice = [...store, { controlId: 'a1', position: '1-1-1', hasOutcome: true }];
    expect(breaches({ store: twice })).toEqual(['stored twice']);
  });

  test('a message under two numbers, a number with two meanings and a hole are noticed', () => {
    const extra = { stream: 's', number: 4, position: '0-1-1' };
    expect(breaches({ receiver: [...receiver, extra] })).toEqual(['delivered twice']);
    expect(breaches({ receiver: [...receiver, { ...extra, number: 3 }] })).toEqual(['number reused']);
    const hole = receiver.map((entry) => (entry.number === 3 ? { ...entry, number: 4 } : entry));
    expect(breaches({ receiver: hole })).toEqual(['out of order']);
  });

  test('a flood of one kind does not hide a breach of another', () => {
    const ids = Array.from({ length: 500 }, (_, n) => `b${n}`);
    const lost = [...senders, { patient: 'B', sent: ids, acknowledged: new Set(ids) }];
    const kinds = breaches({ senders: lost, receiver: receiver.slice(0, 2) });
    expect(new Set(kinds)).toEqual(new Set(['lost', 'not delivered']));
    expect(kinds.length).toBeLessThan(100);
  });

  test('two messages of a patient that arrive the other way round are noticed', () => {
    const [one, two, three] = receiver;
    if (!one || !two || !three) throw new Error('fixture');
    const swapped = [one, { ...three, number: 2 }, { ...two, number: 3 }];
    expect(breaches({ receiver: swapped })).toEqual(['reordered']);
  });
});
