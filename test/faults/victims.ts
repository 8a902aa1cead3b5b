import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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

/** One role of the engine as a process of its own. */
export class RoleProcess implements Victim {
  private child: ChildProcess | undefined;

  constructor(
    readonly name: string,
    private readonly role: string,
    private readonly environment: Record<string, string>,
    private readonly showLog: boolean,
  ) {}

  async restart(): Promise<void> {
    const main = fileURLToPath(new URL(`../../apps/${this.role}/src/main.js`, import.meta.url));
    const env = { ...process.env, ...this.environment };
    this.child = spawn(process.execPath, [main], {
      env,
      stdio: ['ignore', 'ignore', this.showLog ? 'inherit' : 'ignore'],
    });
    return Promise.resolve();
  }

  async kill(): Promise<void> {
    this.child?.kill('SIGKILL');
    if (this.child) await ended(this.child);
  }

  async stop(): Promise<void> {
    this.child?.kill('SIGTERM');
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

  stop(): Promise<void> {
    return this.kill();
  }
}

/** The postmaster of the embedded server; its supervisor starts it again by itself, as systemd would. */
export class PostgresVictim implements Victim {
  readonly name = 'postgresql';

  constructor(private readonly dataDirectory: string) {}

  kill(): Promise<void> {
    const pid = Number(readFileSync(join(this.dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGKILL');
    return Promise.resolve();
  }

  restart(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
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
