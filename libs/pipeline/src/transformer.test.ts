import { afterEach, describe, expect, test } from '@jest/globals';
import { until } from '../../delivery/testing/until.js';
import type { TransformResult } from './transform-partitions.js';
import { Transformer } from './transformer.js';

interface Asked {
  readonly among: unknown;
  readonly end: (messages: number) => void;
}

/** Transactions as the transformer asks for them: which partitions, and what ends each. */
class Transactions {
  readonly asked: Asked[] = [];

  readonly run = (among?: unknown): Promise<TransformResult> =>
    new Promise((resolve) => {
      const end = (messages: number) => resolve({ messages, dead: 0, deliveries: 0 });
      this.asked.push({ among: among ?? 'all', end });
    });

  /** The one asked for at that place (from 0), once it is. */
  async next(index: number): Promise<Asked> {
    await until(`transaction ${index} is asked for`, () => this.asked.length > index);
    return this.asked[index] as Asked;
  }
}

const even = { index: 0, of: 2 };
const odd = { index: 1, of: 2 };

describe('the transformer', () => {
  let transactions: Transactions;
  let transformer: Transformer;
  const open = () => {
    transactions = new Transactions();
    transformer = new Transformer(
      transactions,
      () => {},
      (error) => {
        throw error;
      },
    );
    // Not started: no sweeper helps where a loop forgets something.
    transformer.wake();
  };
  afterEach(async () => {
    const stopped = transformer.stop();
    for (const { end } of transactions.asked) end(0);
    await stopped;
  });

  test('has one transaction at work where few messages wait, over all partitions', async () => {
    open();
    (await transactions.next(0)).end(100);
    expect((await transactions.next(1)).among).toBe('all');
    expect(transactions.asked).toHaveLength(2);
  });

  test('has two at work under load, each on its share', async () => {
    open();
    (await transactions.next(0)).end(256);
    await transactions.next(2);
    expect(transactions.asked.map(({ among }) => among).slice(1)).toEqual([odd, even]);
  });

  test('leaves no share behind when the load ends while the other transaction is at work', async () => {
    open();
    (await transactions.next(0)).end(256);
    await transactions.next(2);
    transactions.asked[2]?.end(0);
    await new Promise((resolve) => setImmediate(resolve));
    transactions.asked[1]?.end(60);
    expect((await transactions.next(3)).among).toBe('all');
  });
});
