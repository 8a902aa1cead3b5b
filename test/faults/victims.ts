import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../load/bench-messages.js';

/** Something that can be killed at any moment and started again. */
export interface Victim {
  readonly name: string;
  /** kill -9. Resolves when it is dead. */
  kill(): Promise<void>;
  /** Resolves at once or when it is up; whoever needs it waits by himself. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => child.once('exit', () => resolve()));
}

/** How long a service manager waits before it starts again what ended by itself. */
const START_AGAIN_AFTER_MS = 300;
const MAX_LAST_WORDS = 4_000;
const DRAINS_WITHIN_MS = 40_000;

/** One role of the engine as a process of its own; when it ends by itself it is started again, as systemd would. */
export class RoleProcess implements Victim {
  private child: ChildProcess | undefined;
  private wanted = false;
  /** What it said last, each time when it ended by itself. */
  readonly gaveUp: string[] = [];

  constructor(
    readonly name: string,
    private readonly role: string,
    private readonly environment: Record<string, string>,
    private readonly showLog: boolean,
  ) {}

  restart(): Promise<void> {
    this.wanted = true;
    const main = join(repositoryRoot, `dist/apps/${this.role}/src/main.js`);
    const child = spawn(process.execPath, [main], {
      cwd: repositoryRoot,
      env: { ...process.env, ...this.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let words = '';
    child.stderr.on('data', (chunk: Buffer) => {
      words = (words + chunk.toString()).slice(-MAX_LAST_WORDS);
      if (this.showLog) process.stderr.write(chunk);
    });
    child.once('close', (code) => {
      if (!this.wanted || this.child !== child) return;
      const last = words.trimEnd().split('\n').at(-1) ?? '';
      this.gaveUp.push(`${this.name} ended by itself (${String(code)}): ${last}`);
      setTimeout(() => {
        if (this.wanted && this.child === child) void this.restart();
      }, START_AGAIN_AFTER_MS);
    });
    this.child = child;
    return Promise.resolve();
  }

  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** Drains; what does not end in time is killed. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.child?.kill('SIGKILL'), DRAINS_WITHIN_MS);
    await this.end('SIGTERM');
    clearTimeout(timer);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    this.wanted = false;
    this.child?.kill(signal);
    if (this.child) await ended(this.child);
  }
}

/** A real Redis that keeps nothing on disk: killing it loses everything that it held. */
export class RedisProcess implements Victim {
  readonly name = 'redis (loses everything)';
  private child: ChildProcess | undefined;
  private readonly directory = mkdtempSync(join(tmpdir(), 'suture-redis-'));

  constructor(readonly port: number) {}

  static isInstalled(): boolean {
    return spawnSync('redis-server', ['--version']).status === 0;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async restart(): Promise<void> {
    const options = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--dir',
      this.directory,
      '--save',
      '',
    ];
    this.child = spawn(
      'redis-server',
      [...options, '--appendonly', 'no', '--maxmemory-policy', 'noeviction'],
      {
        stdio: 'ignore',
      },
    );
    for (let attempt = 0; attempt < 500; attempt++) {
      if (await answers(this.port)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error('redis-server does not listen');
  }

  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    if (this.child) await ended(this.child);
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The postmaster of the embedded server; its supervisor starts it again by itself, as systemd would. */
export class PostgresVictim implements Victim {
  readonly name = 'postgresql';

  constructor(private readonly dataDirectory: string) {}

  async kill(): Promise<void> {
    for (let attempt = 0; attempt < 1_000; attempt++) {
      if (this.killNow()) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error('there is no PostgreSQL to kill');
  }

  restart(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  /** False while it is just being started again after the last time. */
  private killNow(): boolean {
    try {
      const file = readFileSync(join(this.dataDirectory, 'postmaster.pid'), 'utf8');
      process.kill(Number(file.split('\n')[0]), 'SIGKILL');
      return true;
    } catch {
      return false; // no file, or one of a server that is gone
    }
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
