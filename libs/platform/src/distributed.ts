import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isEngineError } from '#kernel';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { RoleProcesses } from './role-processes.js';
import { readSettings, type Settings } from './settings.js';

const usage = `npm run distributed [-- --local] [--transform <n>]

Runs ingest, transform (2), deliver, anchor and api as processes of their own on this machine, against the PostgreSQL of
DATABASE_URL and the Redis of REDIS_URL. A role that dies is started again; SIGTERM or Ctrl-C drains them all.

  --local          what is unset is started here: the embedded PostgreSQL, and redis-server if it is installed
                   (if not, the queues lie in PostgreSQL)
  --transform <n>  so many transform processes`;

interface Backing {
  readonly environment: Record<string, string>;
  stop(): Promise<void>;
}

/**
 * Runs every role as a process of its own until a signal, or until one of them cannot be kept alive. Ends the process.
 *
 * @public run.mjs calls it
 */
export async function runDistributed(words: readonly string[]): Promise<void> {
  const settings = settingsOrEnd();
  const plan = distributedPlan(words, settings);
  if ('text' in plan) return endWith(plan.text, plan.code);
  const backings: Backing[] = [];
  if (settings.databaseUrl === undefined) backings.push(await localPostgres(settings.dataDirectory));
  if (settings.redisUrl === undefined) backings.push(await localRedis(settings.dataDirectory));
  const environment = Object.assign(
    {},
    process.env,
    ...backings.map((backing) => backing.environment),
  ) as NodeJS.ProcessEnv;
  const roles = new RoleProcesses(
    { ...environment, SUTURE_DATA_DIR: settings.dataDirectory },
    startRole,
    say,
  );
  // The api has the port of the settings; the others tell theirs, for /health and /metrics.
  const own = { SUTURE_HTTP_PORT: '0' };
  roles.add('ingest', 'ingest', own);
  for (let n = 1; n <= plan.transforms; n++) roles.add(`transform-${n}`, 'transform', own);
  roles.add('deliver', 'deliver', {
    ...own,
    SUTURE_PUBLIC_URL: settings.publicUrl ?? `http://localhost:${settings.httpPort}`,
  });
  roles.add('anchor', 'anchor', own);
  roles.add('api', 'api', {});
  const signal = new Promise<'signal'>((done) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        process.once(name, () => process.exit(130));
        done('signal');
      });
    }
  });
  const reason = await Promise.race([signal, roles.failed]);
  say(reason === 'signal' ? 'draining ...' : reason);
  await roles.stop();
  for (const backing of backings.reverse()) await backing.stop();
  process.exit(reason === 'signal' ? 0 : 1);
}

/** How many transform processes are wanted, or what to tell the person and the exit code. */
export function distributedPlan(
  words: readonly string[],
  settings: Pick<Settings, 'databaseUrl' | 'redisUrl'>,
): { readonly transforms: number } | { readonly text: string; readonly code: number } {
  let values: { local?: boolean; transform?: string; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...words],
      options: {
        local: { type: 'boolean' },
        transform: { type: 'string', default: '2' },
        help: { type: 'boolean' },
      },
    }));
  } catch (error) {
    return { text: `${(error as Error).message}\n\n${usage}`, code: 2 };
  }
  if (values.help) return { text: usage, code: 0 };
  const transforms = /^[1-9]\d?$/.test(values.transform ?? '') ? Number(values.transform) : undefined;
  if (transforms === undefined) return { text: `--transform: a number from 1 to 99\n\n${usage}`, code: 2 };
  const missing = Object.entries({ DATABASE_URL: settings.databaseUrl, REDIS_URL: settings.redisUrl })
    .filter(([, value]) => value === undefined)
    .map(([name]) => name);
  if (missing.length > 0 && !values.local) {
    return {
      text: `${missing.join(' and ')} not set. Set what is missing, or add --local.\n\n${usage}`,
      code: 2,
    };
  }
  return { transforms };
}

function settingsOrEnd(): Settings {
  try {
    return readSettings(process.env, process.cwd());
  } catch (error) {
    if (!isEngineError(error, 'misconfigured')) throw error;
    return endWith(error.message, 2);
  }
}

/** One role as a child, with a channel that breaks when this process dies, so that no role outlives it. */
function startRole(name: string, role: string, environment: NodeJS.ProcessEnv): ChildProcess {
  const main = fileURLToPath(new URL(`../../../apps/${role}/src/main.js`, import.meta.url));
  // A group of its own: Ctrl-C must reach this process only, which then stops the roles in their order.
  const child = spawn(process.execPath, [main], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    detached: true,
  });
  if (child.stdout)
    createInterface(child.stdout).on('line', (line) => line !== '' && say(`${name}: ${line}`));
  return child;
}

async function localPostgres(dataDirectory: string): Promise<Backing> {
  const server = await startEmbeddedPostgres({ dataDirectory, onNotice: say });
  return { environment: { DATABASE_URL: server.url }, stop: () => server.stop() };
}

/** A Redis without persistence below the data directory; without the program an empty backing, and the queues lie in PostgreSQL. */
async function localRedis(dataDirectory: string): Promise<Backing> {
  const nothing: Backing = { environment: {}, stop: () => Promise.resolve() };
  if (spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status !== 0) {
    say('redis-server is not installed: the queues lie in PostgreSQL');
    return nothing;
  }
  const directory = join(resolve(dataDirectory), 'redis');
  mkdirSync(directory, { recursive: true });
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
  // Through a shell that waits on our end of the pipe, so that Redis ends with this process, however it ends.
  const script = '"$@" </dev/null & server=$!; read -r _; kill $server; wait $server';
  const child = spawn(
    'sh',
    [
      '-c',
      script,
      'suture-redis',
      'redis-server',
      ...options,
      '--appendonly',
      'no',
      '--maxmemory-policy',
      'noeviction',
    ],
    { stdio: ['pipe', 'ignore', 'inherit'], detached: true },
  );
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  return { environment: { REDIS_URL: `redis://127.0.0.1:${port}` }, stop };
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => done(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function endWith(text: string, code: number): never {
  (code === 0 ? process.stdout : process.stderr).write(`${text}\n`);
  process.exit(code);
}
