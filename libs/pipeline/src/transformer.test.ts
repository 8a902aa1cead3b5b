import { afterEach, describe, expect, test } from '@jest/globals';
import type { TransformResult } from './transform-partitions.js';
import { Transformer } from './transformer.js';

/** Transactions as the transformer asks for them: which partitions, and what ends each. */
class Transactions {
  readonly asked: { readonly among: unknown; readonly end: (messages: number) => void }[] = [];

  readonly run = (among?: unknown): Promise<TransformResult> =>
    new Promise((resolve) => {
      const end = (messages: number) => resolve({ messages, dead: 0, deliveries: 0 });
      this.asked.push({ among: among ?? 'all', end });
    });

  async next(index: number): Promise<{ readonly among: unknown; readonly end: (messages: number) => void }> {
    for (;;) {
      const one = this.asked[index];
      if (one !== undefined) return one;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
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
