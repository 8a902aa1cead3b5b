import { type StdioOptions, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '#kernel';
import { commandFor, type PostgresAccount } from './postgres-account.js';
import type { PostgresBinaries } from './postgres-binaries.js';

/** What another program of the same account needs to reach the embedded server; kept in `postgres.json`, mode 0600. */
export interface PostgresFacts {
  readonly url: string;
  readonly port: number;
  readonly password: string;
}

/**
 * A new file of the log is filled with zeros while every commit waits: 16 MB, the default, are some 60 ms on an ordinary
 * disk, and come once every second or two under load until the first checkpoints leave files to be used again.
 */
const walSegmentMegabytes = 2;

const postgresUser = 'suture';
const postgresDatabase = 'postgres';

/** Directory names inside the data directory. */
const clusterName = 'postgres';
const unfinishedName = 'postgres.new';

/** Where the files of the embedded PostgreSQL lie (its PGDATA). */
export function clusterDirectory(dataDirectory: string): string {
  return join(dataDirectory, clusterName);
}

/** Where a server on `port` is reached from this machine. */
export function postgresUrl(port: number, password: string): string {
  return `postgres://${postgresUser}:${password}@127.0.0.1:${port}/${postgresDatabase}`;
}

/** Connection facts of an embedded server that was started once on `dataDirectory`; undefined when there is none. */
export function readPostgresFacts(dataDirectory: string): PostgresFacts | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDirectory, 'postgres.json'), 'utf8')) as PostgresFacts;
  } catch {
    return undefined;
  }
}

/** Replaces `postgres.json` at once and durably: a crash leaves the old file or the new one. */
export function writePostgresFacts(dataDirectory: string, facts: PostgresFacts): void {
  const path = join(dataDirectory, 'postgres.json');
  const fd = openSync(`${path}.new`, 'w', 0o600);
  writeSync(fd, `${JSON.stringify(facts, null, 2)}\n`);
  fsyncSync(fd);
  closeSync(fd);
  renameSync(`${path}.new`, path);
}

/**
 * Makes the database files unless they exist, and gives them to `account`. A crash on the way leaves an unfinished
 * directory under another name, which the next start throws away. Returns the password of the server.
 */
export async function ensureCluster(
  dataDirectory: string,
  binaries: PostgresBinaries,
  account: PostgresAccount,
  lockFd: number,
): Promise<string> {
  const cluster = clusterDirectory(dataDirectory);
  const known = readPostgresFacts(dataDirectory);
  if (existsSync(cluster)) {
    if (known === undefined) {
      throw new EngineError(
        'misconfigured',
        'POSTGRES_FACTS_MISSING',
        `${cluster} exists, but ${join(dataDirectory, 'postgres.json')} with its password does not: restore that file from a backup.`,
      );
    }
    giveTo(account, cluster);
    return known.password;
  }
  const password = known?.password ?? randomBytes(24).toString('hex');
  writePostgresFacts(dataDirectory, {
    url: postgresUrl(known?.port ?? 0, password),
    port: known?.port ?? 0,
    password,
  });
  const unfinished = join(dataDirectory, unfinishedName);
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  giveTo(account, unfinished);
  await runInitdb(unfinished, password, binaries, account, lockFd);
  renameSync(unfinished, cluster);
  const parent = openSync(dataDirectory, 'r');
  fsyncSync(parent);
  closeSync(parent);
  return password;
}

/**
 * The environment and directory every PostgreSQL program gets. Under another account the path to the data directory may
 * be closed (a clone below /root), so the program finds it as its own working directory instead.
 */
export function programContext(binaries: PostgresBinaries, account: PostgresAccount, pgDirectory: string) {
  return {
    directory: account.kind === 'account' ? '/proc/self/cwd' : pgDirectory,
    options: {
      cwd: pgDirectory,
      env: {
        PATH: process.env['PATH'],
        TZ: 'UTC',
        LC_ALL: 'C',
        LD_LIBRARY_PATH: binaries.libraryPath.join(':'),
      },
      ...(account.kind === 'account' ? { uid: account.uid, gid: account.gid } : {}),
    },
  };
}

async function runInitdb(
  directory: string,
  password: string,
  binaries: PostgresBinaries,
  account: PostgresAccount,
  lockFd: number,
): Promise<void> {
  const passwordPath = `${directory}.password`;
  const passwordFd = openSync(passwordPath, 'w+', 0o600);
  writeSync(passwordFd, `${password}\n`);
  if (account.kind === 'account') fchownSync(passwordFd, account.uid, account.gid);
  const context = programContext(binaries, account, directory);
  const [program = '', ...args] = commandFor(account, [
    binaries.initdb,
    ...['-D', context.directory, '-U', postgresUser, '--pwfile=/dev/fd/3', '--auth=scram-sha-256'],
    ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    // The password has 192 random bits; hashing it thousands of times per connection would only cost start-up time.
    ...[
      '--no-instructions',
      '--data-checksums',
      '--set=scram_iterations=1',
      `--wal-segsize=${walSegmentMegabytes}`,
    ],
  ]);
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', passwordFd, lockFd];
  try {
    await new Promise<void>((done, fail) => {
      const child = spawn(program, args, { ...context.options, stdio });
      let output = '';
      const keep = (chunk: Buffer): void => {
        output = (output + chunk.toString('utf8')).slice(-2_000);
      };
      child.stdout?.on('data', keep);
      child.stderr?.on('data', keep);
      child.on('error', fail);
      child.on('close', (code) => {
        if (code === 0) done();
        else {
          const message = `making the embedded database failed (initdb, code ${String(code)}): ${output.trim()}`;
          fail(new EngineError('misconfigured', 'POSTGRES_INITDB_FAILED', message));
        }
      });
    });
  } finally {
    closeSync(passwordFd);
    rmSync(passwordPath, { force: true });
  }
}

/** PostgreSQL insists on owning its files; which account that is may change between two starts. */
function giveTo(account: PostgresAccount, directory: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = account.kind === 'account' ? account : { uid: 0, gid: 0 };
  if (statSync(directory).uid === uid) return;
  const visit = (path: string): void => {
    lchownSync(path, uid, gid);
    if (!lstatSync(path).isDirectory()) return;
    for (const name of readdirSync(path)) visit(join(path, name));
  };
  visit(directory);
  // The directory itself last would hide a half-done walk from the check above; so it is set again at the very end.
  chownSync(directory, uid, gid);
}
