import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { openDatabase } from '#database';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { postmasterOf } from './postmaster.js';

const parent = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'suture-embedded-'));
const engines: ChildProcess[] = [];
let directories = 0;

afterEach(async () => {
  for (const engine of engines.splice(0)) {
    if (engine.exitCode === null && engine.signalCode === null) {
      engine.kill('SIGKILL');
      await once(engine, 'exit');
    }
  }
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

describe('embedded PostgreSQL', () => {
  test('keeps data over stop and start, with durable settings, on the same address', async () => {
    const dataDirectory = newDirectory();
    const first = await startEmbeddedPostgres({ dataDirectory });
    await ask(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    expect(
      await ask(first.url, "SELECT current_setting('fsync') || current_setting('synchronous_commit') AS is"),
    ).toBe('onon');
    await first.stop();
    expect(postmasterOf(join(dataDirectory, 'postgres'))).toBeUndefined();
    const second = await startEmbeddedPostgres({ dataDirectory });
    expect(second.url).toBe(first.url);
    expect(await ask(second.url, 'SELECT answer AS is FROM kept')).toBe(42);
    await second.stop();
    expect(statSync(join(dataDirectory, 'postgres.json')).mode & 0o777).toBe(0o600);
  });

  test('kill -9 of the engine stops its server, and the next start waits for that and works', async () => {
    const dataDirectory = newDirectory();
    const engine = await startEngine(dataDirectory);
    await ask(engine.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    engine.process.kill('SIGKILL');
    const next = await startEmbeddedPostgres({ dataDirectory });
    expect(await ask(next.url, 'SELECT answer AS is FROM kept')).toBe(42);
    await next.stop();
  });

  test('a server left behind without its supervisor is stopped by the next start', async () => {
    const dataDirectory = newDirectory();
    const engine = await startEngine(dataDirectory);
    const postmaster = postmasterOf(join(dataDirectory, 'postgres')) ?? 0;
    expect(postmaster).toBeGreaterThan(0);
    engine.process.kill('SIGKILL');
    process.kill(parentOf(postmaster), 'SIGKILL');
    const next = await startEmbeddedPostgres({ dataDirectory });
    expect(postmasterOf(join(dataDirectory, 'postgres'))).not.toBe(postmaster);
    await next.stop();
  });

  test('a second engine on the same data directory is refused and says who holds it', async () => {
    const dataDirectory = newDirectory();
    const engine = await startEngine(dataDirectory);
    await expect(startEmbeddedPostgres({ dataDirectory })).rejects.toMatchObject({
      kind: 'misconfigured',
      code: 'DATA_DIRECTORY_IN_USE',
      message: expect.stringContaining(String(engine.process.pid)) as unknown,
    });
    expect(await ask(engine.url, 'SELECT 1 AS is')).toBe(1);
  });

  test('kill -9 during the very first start leaves nothing that hinders the next one', async () => {
    const dataDirectory = newDirectory();
    const engine = spawnEngine(dataDirectory);
    while (!existsSync(join(dataDirectory, 'postgres.new', 'base'))) await sleep(5);
    engine.kill('SIGKILL');
    const next = await startEmbeddedPostgres({ dataDirectory });
    expect(await ask(next.url, 'SELECT 1 AS is')).toBe(1);
    expect(existsSync(join(dataDirectory, 'postgres.new'))).toBe(false);
    await next.stop();
  });

  test('a server that is killed comes back at the same address', async () => {
    const dataDirectory = newDirectory();
    const notices: string[] = [];
    const server = await startEmbeddedPostgres({ dataDirectory, onNotice: (notice) => notices.push(notice) });
    await ask(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    process.kill(postmasterOf(join(dataDirectory, 'postgres')) ?? 0, 'SIGKILL');
    expect(await eventually(() => ask(server.url, 'SELECT answer AS is FROM kept'))).toBe(42);
    expect(notices[0]).toContain('ended unexpectedly');
    await server.stop();
  });

  // Only root can become another account; everybody else runs the server as themselves, which the tests above do.
  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  asRoot(
    'as root without user namespaces it runs under another account, even below a closed directory',
    async () => {
      const closed = join(parent, 'closed');
      mkdirSync(closed, { mode: 0o700 });
      chmodSync(closed, 0o700);
      const dataDirectory = join(closed, 'data');
      process.env['SUTURE_POSTGRES_ACCOUNT'] = 'account';
      try {
        const first = await startEmbeddedPostgres({ dataDirectory });
        await ask(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
        expect(statSync(join(dataDirectory, 'postgres')).uid).toBeGreaterThan(0);
        await first.stop();
      } finally {
        delete process.env['SUTURE_POSTGRES_ACCOUNT'];
      }
      const second = await startEmbeddedPostgres({ dataDirectory });
      expect(await ask(second.url, 'SELECT answer AS is FROM kept')).toBe(42);
      await second.stop();
    },
  );
});

function newDirectory(): string {
  directories += 1;
  return join(parent, String(directories));
}

/** The compiled program, because a process of its own is what gets killed; the test run builds it first. */
function spawnEngine(dataDirectory: string): ChildProcess {
  const built = pathToFileURL(join(process.cwd(), 'dist/libs/platform/src/embedded-postgres.js')).href;
  const program = `const { startEmbeddedPostgres } = await import(${JSON.stringify(built)});
    const server = await startEmbeddedPostgres({ dataDirectory: ${JSON.stringify(dataDirectory)} });
    console.log(server.url); setInterval(() => {}, 1e6);`;
  const engine = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  engines.push(engine);
  return engine;
}

async function startEngine(dataDirectory: string): Promise<{ process: ChildProcess; url: string }> {
  const engine = spawnEngine(dataDirectory);
  const [line] = (await once(engine.stdout as NonNullable<typeof engine.stdout>, 'data')) as [Buffer];
  return { process: engine, url: line.toString().trim() };
}

async function ask(url: string, sql: string): Promise<unknown> {
  const database = openDatabase(url, { maxConnections: 1, application: 'test' });
  try {
    const [row] = await database.query<{ is?: unknown }>(sql);
    return row?.is;
  } finally {
    await database.close();
  }
}

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadlineMs = Date.now() + 20_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadlineMs) throw error;
      await sleep(20);
    }
  }
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}
