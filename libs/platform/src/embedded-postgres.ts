import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '#kernel';
import { type DataDirectoryLock, lockDataDirectory } from './data-directory-lock.js';
import { choosePostgresAccount, commandFor, type PostgresAccount } from './postgres-account.js';
import { findPostgresBinaries, type PostgresBinaries, reachableBinaries } from './postgres-binaries.js';
import {
  clusterDirectory,
  ensureCluster,
  postgresUrl,
  programContext,
  readPostgresFacts,
  writePostgresFacts,
} from './postgres-cluster.js';
import { postgresSettings } from './postgres-settings.js';
import { postmasterOf, readPostmasterFile } from './postmaster.js';

/** A start includes crash recovery, which reads at most `max_wal_size` of log. */
const startTimeoutMs = 120_000;
const readyPollMs = 5;
const orphanPollMs = 50;
const portAttempts = 5;
/** A server that dies more often than this within the window is beyond help; then the engine ends too. */
const maxRestarts = 10;
const restartWindowMs = 60_000;
const restartPauseMs = 100;
const maxLogBytes = 16 * 1024 * 1024;

/**
 * Holds the server's life to the engine's: when the engine goes, however it goes, its end of the pipe closes, `read`
 * returns, and the server shuts down fast (at once, if that takes more than 20 s). Ends with the server's exit code.
 */
const supervisor = `exec 4<&0
"$@" </dev/null 4<&- &
server=$!
( read -r _ <&4
  kill -INT $server
  waited=0
  while kill -0 $server 2>/dev/null && [ $waited -lt 100 ]; do sleep 0.2; waited=$((waited + 1)); done
  kill -QUIT $server ) 2>/dev/null &
watcher=$!
exec 4<&-
wait $server
code=$?
kill $watcher 2>/dev/null
exit $code`;

export interface EmbeddedPostgres {
  /** Stays the same over restarts of the server within one engine. */
  readonly url: string;
  /** Settles only when the server is lost for good; its value says why. Never rejects. */
  readonly lost: Promise<EngineError>;
  /** Shuts the server down and resolves when nothing of it is left. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  readonly dataDirectory: string;
  /** Told, in one sentence, what takes long or went wrong. */
  readonly onNotice?: (notice: string) => void;
}

/**
 * Starts the PostgreSQL that npm ships on `<dataDirectory>/postgres`, making the database at the first start, on a free
 * loopback port that `<dataDirectory>/postgres.json` tells. Works as root and as an ordinary user. A server that dies is
 * started again; when this process dies, the server stops by itself.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDirectory = resolve(options.dataDirectory);
  const lock = await lockDataDirectory(dataDirectory);
  try {
    const account = choosePostgresAccount();
    const found = findPostgresBinaries(dataDirectory);
    const binaries = account.kind === 'account' ? reachableBinaries(found) : found;
    const password = await ensureCluster(dataDirectory, binaries, account, lock.fd);
    // The lock proves that no process uses the directory, so a leftover file with a reused number must not stop the start.
    if (lock.exclusive) rmSync(join(clusterDirectory(dataDirectory), 'postmaster.pid'), { force: true });
    const server = new EmbeddedServer(dataDirectory, binaries, account, lock, options.onNotice ?? (() => {}));
    await server.start(password);
    return server;
  } catch (error) {
    lock.release();
    throw error;
  }
}

class EmbeddedServer implements EmbeddedPostgres {
  url = '';
  readonly lost: Promise<EngineError>;
  private reportLost: (error: EngineError) => void = () => {};
  private state: 'running' | 'stopping' = 'running';
  private child: ChildProcess | undefined;
  private exited: Promise<number | null> = Promise.resolve(0);
  private supervision: Promise<void> = Promise.resolve();
  private readonly cluster: string;

  constructor(
    private readonly dataDirectory: string,
    private readonly binaries: PostgresBinaries,
    private readonly account: PostgresAccount,
    private readonly lock: DataDirectoryLock,
    private readonly notice: (text: string) => void,
  ) {
    this.cluster = clusterDirectory(dataDirectory);
    this.lost = new Promise((report) => {
      this.reportLost = report;
    });
  }

  /** Tries the port of the last start first, so that what remembered it still works. */
  async start(password: string): Promise<void> {
    const preferred = readPostgresFacts(this.dataDirectory)?.port ?? 0;
    for (let attempt = 1; ; attempt++) {
      const port = await freePort(attempt === 1 ? preferred : 0);
      try {
        await this.launch(port);
        this.url = postgresUrl(port, password);
        writePostgresFacts(this.dataDirectory, { url: this.url, port, password });
        this.supervision = this.superviseOn(port);
        return;
      } catch (error) {
        // Somebody may have taken the port between our look and the server's start.
        if (attempt === portAttempts || !this.logTail().includes('could not bind')) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    this.state = 'stopping';
    this.child?.stdin?.end();
    await this.exited;
    await this.supervision;
    this.lock.release();
  }

  private async superviseOn(port: number): Promise<void> {
    const restartsMs: number[] = [];
    for (;;) {
      const code = await this.exited;
      if (this.state === 'stopping') return;
      this.notice(`PostgreSQL ended unexpectedly (code ${String(code)}); starting it again`);
      while (restartsMs[0] !== undefined && restartsMs[0] < Date.now() - restartWindowMs) restartsMs.shift();
      restartsMs.push(Date.now());
      if (restartsMs.length > maxRestarts) {
        this.reportLost(startFailure('keeps ending', this.logTail()));
        return;
      }
      await sleep(restartPauseMs * restartsMs.length);
      if ((this.state as string) === 'stopping') return;
      // A failed start is an exit like any other: the next round counts it.
      await this.launch(port).catch((error: unknown) => this.notice(String(error)));
    }
  }

  /** Starts the server once and resolves when it takes connections. */
  private async launch(port: number): Promise<void> {
    await this.endOrphan();
    const stalePid = readPostmasterFile(this.cluster)?.pid;
    const context = programContext(this.binaries, this.account, this.cluster);
    const server = [this.binaries.postgres, '-D', context.directory, ...postgresSettings(port)];
    const [program = '', ...args] = commandFor(this.account, [
      'sh',
      '-c',
      supervisor,
      'suture-postgres',
      ...server,
    ]);
    const log = this.openLog();
    // A group of its own: Ctrl-C in the terminal must reach the engine, which stops the server when it is done with it.
    const stdio = ['pipe', log, log, this.lock.fd] as const;
    const child = spawn(program, args, { ...context.options, stdio: [...stdio], detached: true });
    closeSync(log);
    child.stdin?.on('error', () => {});
    this.child = child;
    // Told to stop while there was none: this one must not be awaited in vain.
    if (this.state === 'stopping') child.stdin?.end();
    let ended = false;
    this.exited = new Promise((done) => {
      const end = (code: number | null): void => {
        ended = true;
        done(code);
      };
      child.on('error', () => end(null));
      child.on('exit', end);
    });
    const deadlineMs = Date.now() + startTimeoutMs;
    for (;;) {
      const file = readPostmasterFile(this.cluster);
      if (file?.ready === true && file.pid !== stalePid) return;
      if (ended) throw startFailure('did not start', this.logTail());
      if (Date.now() > deadlineMs) {
        child.stdin?.end();
        throw startFailure(`was not ready after ${startTimeoutMs / 1000} s`, this.logTail());
      }
      await sleep(readyPollMs);
    }
  }

  /** The supervisor can be killed without the server: then the server must go before another one starts. */
  private async endOrphan(): Promise<void> {
    for (let orphan = postmasterOf(this.cluster); orphan !== undefined; orphan = postmasterOf(this.cluster)) {
      process.kill(orphan, 'SIGQUIT');
      await sleep(orphanPollMs);
    }
  }

  private get logPath(): string {
    return join(this.dataDirectory, 'postgres.log');
  }

  private openLog(): number {
    try {
      if (statSync(this.logPath).size > maxLogBytes) renameSync(this.logPath, `${this.logPath}.1`);
    } catch {
      // No log yet.
    }
    return openSync(this.logPath, 'a', 0o600);
  }

  private logTail(): string {
    try {
      return readFileSync(this.logPath, 'utf8').trimEnd().split('\n').slice(-5).join(' | ');
    } catch {
      return '';
    }
  }
}

function startFailure(what: string, log: string): EngineError {
  return new EngineError('unavailable', 'POSTGRES_START_FAILED', `the embedded PostgreSQL ${what}: ${log}`);
}

/** `preferred` if it is free, else any free loopback port. */
async function freePort(preferred: number): Promise<number> {
  const probe = (port: number): Promise<number> =>
    new Promise((done, fail) => {
      const server = createServer();
      server.once('error', fail);
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => done(address !== null && typeof address === 'object' ? address.port : port));
      });
    });
  if (preferred === 0) return probe(0);
  return probe(preferred).catch(() => probe(0));
}
