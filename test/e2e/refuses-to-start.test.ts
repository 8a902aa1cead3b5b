import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../libs/database/testing/test-database.js';
import { freePort } from '../load/engine-process.js';
import { AppProcess } from './app-process.js';
import { eventually } from './deployment.js';

let fixture: TestDatabase;
let workspace: string;
beforeAll(async () => {
  fixture = await createTestDatabase();
  workspace = mkdtempSync(join(tmpdir(), 'suture-refused-'));
});
afterAll(async () => {
  await fixture.remove();
  rmSync(workspace, { recursive: true, force: true });
});

/** Starts the engine on a database of somebody else and answers its exit code and its words. */
async function start(databaseUrl: string): Promise<{ code: number | null; printed: string }> {
  const environment = {
    DATABASE_URL: databaseUrl,
    SUTURE_DATA_DIR: join(workspace, 'data'),
    SUTURE_HTTP_PORT: '0',
    SUTURE_MLLP_PORT: '0',
    SUTURE_LAB_PORT: '0',
  };
  const app = new AppProcess('engine', environment, workspace);
  try {
    const code = await app.end();
    return { code, printed: app.printed };
  } finally {
    await app.kill();
  }
}

describe('the engine refuses a database that could forget what it confirmed', () => {
  test('fsync = off stops the start, with the setting and what to do', async () => {
    const server = await ForgetfulServer.start(await binaryDirectory(), join(workspace, 'forgetful'));
    try {
      const { code, printed } = await start(server.url);
      expect([code, printed]).toEqual([2, expect.stringMatching(/fsync = off.*Set fsync = on/)]);
    } finally {
      await server.stop();
    }
  });

  test('synchronous_commit = off stops the start too', async () => {
    const name = new URL(fixture.url).pathname.slice(1);
    await fixture.database.query(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    const { code, printed } = await start(fixture.url);
    expect([code, printed]).toEqual([2, expect.stringMatching(/synchronous_commit = off/)]);
  });
});

/** Where the programs of the server under test lie: it runs on this machine. */
async function binaryDirectory(): Promise<string> {
  const [row] = await fixture.database.query<{ setting: string }>(
    `SELECT setting FROM pg_config WHERE name = 'BINDIR'`,
  );
  if (row === undefined) throw new Error('the server does not say where its programs are');
  return row.setting;
}

/** A PostgreSQL as an impatient administrator would run it. */
class ForgetfulServer {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async start(binaries: string, directory: string): Promise<ForgetfulServer> {
    const initdb = spawnUnprivileged(join(binaries, 'initdb'), [
      ...['-D', directory, '-U', 'postgres', '--auth=trust', '--no-sync'],
      ...['--encoding=UTF8', '--locale=C'],
    ]);
    const code = await new Promise((resolve) => initdb.once('exit', resolve));
    if (code !== 0) throw new Error(`initdb ended with ${String(code)}`);
    const port = await freePort();
    const settings = ['fsync=off', `port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories='];
    const server = spawnUnprivileged(join(binaries, 'postgres'), [
      ...['-D', directory],
      ...settings.flatMap((setting) => ['-c', setting]),
    ]);
    await eventually('the forgetful server runs', () => statusOf(directory) === 'ready');
    return new ForgetfulServer(server, `postgres://postgres@127.0.0.1:${port}/postgres`);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGQUIT');
    await ended;
  }
}

/** PostgreSQL refuses uid 0, so root gets another number in a user namespace, as the embedded server does. */
function spawnUnprivileged(program: string, args: readonly string[]): ChildProcess {
  const isRoot = process.getuid?.() === 0;
  const [command = program, ...rest] = isRoot
    ? ['unshare', '--user', '--map-user=1000', '--map-group=1000', program, ...args]
    : [program, ...args];
  return spawn(command, rest, { stdio: 'ignore' });
}

/** Line 8 of postmaster.pid. */
function statusOf(directory: string): string {
  try {
    return readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n')[7]?.trim() ?? '';
  } catch {
    return 'not there';
  }
}
