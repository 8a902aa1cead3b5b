import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase } from '#database';
import { createTestDatabase, type TestDatabase } from '../../database/testing/test-database.js';
import { RedisServer, redisInstalled } from '../testing/redis-server.js';
import { openQueues, type QueueLocation, type Queues } from './queues.js';

const opened: Queues[] = [];
const errors: string[] = [];
let postgres: TestDatabase;
let redis: RedisServer | undefined;

async function open(location: QueueLocation): Promise<Queues> {
  const queues = await openQueues(location, (where) => errors.push(where));
  opened.push(queues);
  return queues;
}

async function until(isTrue: () => boolean, limitMs = 15_000): Promise<void> {
  const deadlineMs = Date.now() + limitMs;
  while (!isTrue()) {
    if (Date.now() > deadlineMs) throw new Error('it did not come true in time');
    await sleep(5);
  }
}

beforeAll(async () => {
  postgres = await createTestDatabase();
  if (redisInstalled) redis = await RedisServer.start();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((queues) => queues.close()));
});
afterAll(async () => {
  await postgres.remove();
  await redis?.remove();
});

/** The compiled library, because what is tested is that nothing of it keeps a process; the test run builds it first. */
const closingProgram = `
  const { openQueues } = await import(${JSON.stringify(pathToFileURL(join(process.cwd(), 'dist/libs/queue/src/index.js')).href)});
  const queues = await openQueues({ kind: 'redis', url: process.argv[1], prefix: 'p' }, () => {});
  queues.work('cut', async () => {}, { concurrency: 1 });
  for await (const _ of process.stdin);
  await queues.close(300);`;

/** Stands between us and Redis, to break the one connection on which a worker waits, and let it find no other. */
class ProxyOfRedis {
  private readonly waiting = new Set<Socket>();
  private readonly open = new Set<Socket>();
  private refuses = false;
  refused = 0;

  private constructor(private readonly server: Server) {}

  static async start(redisPort: number): Promise<ProxyOfRedis> {
    const proxy = new ProxyOfRedis(createServer((client) => proxy.join(client, redisPort)));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** False while no worker waits for a job yet. */
  cutWaitingWorker(): boolean {
    if (this.waiting.size === 0) return false;
    this.refuses = true;
    for (const socket of this.waiting) socket.destroy();
    return true;
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.open) socket.destroy();
    await once(this.server, 'close');
  }

  private join(client: Socket, redisPort: number): void {
    client.on('error', () => {});
    if (this.refuses) {
      this.refused += 1;
      client.destroy();
      return;
    }
    const server = connect(redisPort, '127.0.0.1');
    server.on('error', () => client.destroy());
    this.open.add(client);
    client.on('close', () => {
      this.open.delete(client);
      server.destroy();
    });
    client.on('data', (bytes: Buffer) => {
      if (/bzpopmin/i.test(bytes.toString('latin1'))) this.waiting.add(client);
    });
    client.pipe(server);
    server.pipe(client);
  }
}

/** What both backends promise. */
function contract(location: () => QueueLocation): void {
  const queue = () => `q${randomBytes(4).toString('hex')}`;

  test('a nudge reaches a worker of another process with its data', async () => {
    const name = queue();
    const seen: unknown[] = [];
    (await open(location())).work(name, async (data) => void seen.push(data), { concurrency: 1 });
    (await open(location())).nudge(name, '7', { partition: 7 });
    await until(() => seen.length === 1);
    expect(seen).toEqual([{ partition: 7 }]);
  });

  test('many nudges of one place become few, and one that comes while it runs makes it run again', async () => {
    const queues = await open(location());
    const name = queue();
    const ends: (() => void)[] = [];
    queues.work(name, () => new Promise<void>((end) => ends.push(end)), { concurrency: 4 });
    await queues.ready([name]);
    queues.nudge(name, '7', { n: 0 });
    await until(() => ends.length === 1);
    for (let n = 1; n <= 100; n++) queues.nudge(name, '7', { n });
    await queues.settle();
    expect(ends).toHaveLength(1);
    ends[0]?.();
    await until(() => ends.length === 2);
    ends[1]?.();
    expect(queues.counts()).toEqual({ sent: 2, coalesced: 99, failed: 0 });
  });

  test('places do not wait for each other, up to the concurrency', async () => {
    const queues = await open(location());
    const name = queue();
    const ends: (() => void)[] = [];
    queues.work(name, () => new Promise<void>((end) => ends.push(end)), { concurrency: 2 });
    for (const place of ['1', '2', '3']) queues.nudge(name, place, {});
    await until(() => ends.length === 2);
    await queues.settle();
    expect(ends).toHaveLength(2);
    ends[0]?.();
    await until(() => ends.length === 3);
    for (const end of ends) end();
  });

  test('a handler that throws is reported, and the next nudge of that place runs', async () => {
    const queues = await open(location());
    const name = queue();
    let runs = 0;
    queues.work(
      name,
      async () => {
        runs += 1;
        if (runs === 1) throw new Error('not today');
      },
      { concurrency: 1 },
    );
    queues.nudge(name, '7', {});
    await until(() => errors.includes(`job ${name}`));
    queues.nudge(name, '7', {});
    await until(() => runs === 2);
  });

  test('a later nudge comes later, once per attempt, and does not hold back one for now', async () => {
    const queues = await open(location());
    const name = queue();
    const seen: unknown[] = [];
    queues.work(name, async (data) => void seen.push(data), { concurrency: 1 });
    await queues.ready([name]);
    queues.nudgeLater(name, '7', 'later', { delayMs: 400, attempt: 1 });
    queues.nudgeLater(name, '7', 'later', { delayMs: 400, attempt: 1 });
    queues.nudgeLater(name, '7', 'next attempt', { delayMs: 500, attempt: 2 });
    // Long before the later ones are due: the one for now must not wait for them.
    await sleep(50);
    queues.nudge(name, '7', 'now');
    await until(() => seen.length === 3);
    expect(seen).toEqual(['now', 'later', 'next attempt']);
  });

  test('closing waits for what runs', async () => {
    const queues = await open(location());
    const name = queue();
    let state = 'waiting';
    queues.work(
      name,
      async () => {
        state = 'running';
        // Work that takes longer than closing would without it.
        await sleep(200);
        state = 'done';
      },
      { concurrency: 1 },
    );
    queues.nudge(name, '7', {});
    await until(() => state === 'running');
    await queues.close();
    expect(state).toBe('done');
  });
}

describe('queues on PostgreSQL', () => {
  contract(() => ({ kind: 'postgres', url: postgres.url }));

  test('closing leaves no connection behind, also when workers had no time to get ready', async () => {
    const queues = await open({ kind: 'postgres', url: postgres.url });
    for (const name of ['one', 'two', 'three']) queues.work(name, async () => {}, { concurrency: 1 });
    await queues.close();
    // What began to connect before this one is connected by now.
    const later = openDatabase(postgres.url, { maxConnections: 1, application: 'suture-test' });
    const left = () =>
      later.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'suture-test'`,
      );
    await left();
    // A server notices the end of a connection a moment later.
    const deadlineMs = Date.now() + 5_000;
    while ((await left()).length > 0 && Date.now() < deadlineMs) await sleep(5);
    expect(await left()).toEqual([]);
    await later.close();
  });

  test('workers and queues go on after the server cut every connection', async () => {
    const queues = await open({ kind: 'postgres', url: postgres.url });
    let runs = 0;
    queues.work('cut', async () => void runs++, { concurrency: 1 });
    await queues.ready(['cut']);
    queues.nudge('cut', '1', {});
    await until(() => runs === 1);
    const server = openDatabase(postgres.url, { maxConnections: 1, application: 'test' });
    await server.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await server.close();
    await until(() => {
      queues.nudge('cut', '1', {});
      return runs >= 2;
    });
  });
});

const withRedis = redisInstalled ? describe : describe.skip;
withRedis('queues on Redis (skipped where redis-server is not installed)', () => {
  const running = (): RedisServer => redis as RedisServer;
  contract(() => ({ kind: 'redis', url: running().url, prefix: 'suture-test' }));

  test('a Redis that may evict keys is refused', async () => {
    const evicting = await RedisServer.start('allkeys-lru');
    try {
      await expect(open({ kind: 'redis', url: evicting.url, prefix: 'p' })).rejects.toMatchObject({
        kind: 'misconfigured',
        code: 'REDIS_EVICTION',
      });
    } finally {
      await evicting.remove();
    }
  });

  test('Redis may vanish and come back empty: nudges fail at once meanwhile, then everything goes on', async () => {
    const server = await RedisServer.start();
    const queues = await open({ kind: 'redis', url: server.url, prefix: 'p' });
    let runs = 0;
    queues.work('gone', async () => void runs++, { concurrency: 1 });
    await queues.ready(['gone']);
    queues.nudge('gone', '1', {});
    await until(() => runs === 1);
    await server.kill();
    await until(() => {
      queues.nudge('gone', `p${Math.random()}`, {});
      return queues.counts().failed > 0;
    });
    await server.launch();
    await until(() => {
      queues.nudge('gone', '1', {});
      return runs >= 2;
    });
    await queues.close();
    await server.remove();
  });

  test('a start without Redis succeeds, and Redis is used once it is there', async () => {
    const server = await RedisServer.start();
    await server.kill();
    const queues = await open({ kind: 'redis', url: server.url, prefix: 'p' });
    let runs = 0;
    queues.work('late', async () => void runs++, { concurrency: 1 });
    await server.launch();
    await until(() => {
      queues.nudge('late', '1', {});
      return runs >= 1;
    });
    await queues.close();
    await server.remove();
  });

  test('a process that closes its queues ends, also when a worker just lost Redis', async () => {
    const proxy = await ProxyOfRedis.start(running().port);
    const child = spawn(process.execPath, ['--input-type=module', '-e', closingProgram, proxy.url], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    try {
      await until(() => proxy.cutWaitingWorker());
      // By now it rests for a moment between two tries.
      await until(() => proxy.refused === 4);
      const ended = once(child, 'exit');
      child.stdin.end();
      // A bound, not a wait: the process ends long before.
      const late = sleep(10_000, 'it is still there', { ref: false });
      expect(await Promise.race([ended, late])).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await proxy.close();
    }
  });

  test('closing is bounded when Redis is gone', async () => {
    const server = await RedisServer.start();
    const queues = await open({ kind: 'redis', url: server.url, prefix: 'p' });
    queues.work('closing', async () => {}, { concurrency: 1 });
    await queues.ready(['closing']);
    await server.kill();
    const startedMs = Date.now();
    await queues.close(500);
    expect(Date.now() - startedMs).toBeLessThan(1_500);
    await server.remove();
  });
});
