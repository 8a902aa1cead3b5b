import { MessageChannel } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase } from '../../database/testing/test-database.js';
import { openQueues, type Queues } from './queues.js';
import { relayedQueues, serveQueues } from './relayed-queues.js';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
const errors: string[] = [];
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  errors.length = 0;
});
afterAll(() => database.remove());

/** Queues on PostgreSQL, and those of a thread that has only a port to them. */
async function both(): Promise<{ main: Queues; thread: Queues; cut: () => void }> {
  const onError = (where: string) => void errors.push(where);
  const main = await openQueues({ kind: 'postgres', url: database.url }, onError);
  const { port1, port2 } = new MessageChannel();
  serveQueues(port1, main);
  const thread = relayedQueues(port2, onError);
  closers.push(
    () => thread.close(100),
    () => main.close(),
  );
  await thread.ready([]);
  return { main, thread, cut: () => port2.close() };
}

describe('queues of a thread without a backend of its own', () => {
  test('what it nudges reaches a worker of the process, and what is nudged there reaches its worker', async () => {
    const { main, thread } = await both();
    const there = new Promise((done) => main.work('there', async (data) => done(data), { concurrency: 1 }));
    const here = new Promise((done) => thread.work('here', async (data) => done(data), { concurrency: 1 }));
    thread.nudge('there', '1', { partition: 1 });
    main.nudge('here', '2', { partition: 2 });
    expect(await there).toEqual({ partition: 1 });
    expect(await here).toEqual({ partition: 2 });
  });

  test('a worker nearby is called without the backend, which still tells those elsewhere, and retries go through it', async () => {
    const near = await openQueues({ kind: 'postgres', url: database.url }, () => {}, { nearby: true });
    const far = await openQueues({ kind: 'postgres', url: database.url }, () => {});
    closers.push(
      () => near.close(),
      () => far.close(),
    );
    const calls: unknown[] = [];
    near.work('nearby', async (data) => void calls.push(data), { concurrency: 1 });
    near.nudge('nearby', '1', { partition: 1 });
    // In this turn of the event loop: no backend could have answered.
    expect(calls).toEqual([{ partition: 1 }]);
    const elsewhere = new Promise((done) => far.work('far', async (data) => done(data), { concurrency: 1 }));
    near.nudge('far', '2', { partition: 2 });
    expect(await elsewhere).toEqual({ partition: 2 });
    const retried = new Promise((done) => far.work('later', async (data) => done(data), { concurrency: 1 }));
    near.nudgeLater('later', '3', { partition: 3 }, { delayMs: 1, attempt: 1 });
    expect(await retried).toEqual({ partition: 3 });
  });

  test('a handler that throws is reported, and later nudges run', async () => {
    const { main, thread } = await both();
    let runs = 0;
    const twice = new Promise<void>((done) =>
      thread.work(
        'failing',
        () => {
          runs += 1;
          if (runs === 2) done();
          return runs === 1 ? Promise.reject(new Error('not today')) : Promise.resolve();
        },
        { concurrency: 1 },
      ),
    );
    main.nudge('failing', '1', {});
    main.nudge('failing', '2', {});
    await twice;
    expect(errors).toContain('job failing');
  });

  test('a thread that is gone holds up nobody: closing does not wait for its answers', async () => {
    const { main, thread, cut } = await both();
    const begun = new Promise<void>((done) =>
      thread.work(
        'gone',
        () => {
          done();
          return new Promise(() => {});
        },
        { concurrency: 1 },
      ),
    );
    main.nudge('gone', '1', {});
    await begun;
    cut();
    const startedMs = performance.now();
    await main.close();
    expect(performance.now() - startedMs).toBeLessThan(4_000);
  });
});
