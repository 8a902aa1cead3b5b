import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../load/bench-messages.js';

const READY_WITHIN_MS = 60_000;
/** What an app prints last of its facts once it runs. */
const READY = /is ready after[^]*\n +queue +.*\n/;

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of a child: ours without what belongs to the test runner or to another engine. */
export function cleanEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(SUTURE_|DATABASE_URL|REDIS_URL|NODE_OPTIONS|JEST_)/.test(entry[0]),
  );
  return Object.fromEntries(own);
}

/** One deployable as a real process, from the built files. */
export class AppProcess {
  /** What it printed for a person, and its log. */
  printed = '';
  log = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;

  constructor(
    readonly app: string,
    environment: Environment,
    workingDirectory: string,
  ) {
    const child = spawn(process.execPath, [join(repositoryRoot, `dist/apps/${app}/src/main.js`)], {
      cwd: workingDirectory,
      env: { ...cleanEnvironment(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.on('data', (chunk: Buffer) => {
      this.printed += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    this.ended = new Promise((resolve) => child.once('exit', resolve));
    this.child = child;
  }

  /** Resolves when it says that it is ready; rejects with its last words when it ends before. */
  async ready(): Promise<void> {
    const deadlineMs = Date.now() + READY_WITHIN_MS;
    while (!READY.test(this.printed)) {
      if (this.child.exitCode !== null || Date.now() > deadlineMs)
        throw new Error(`${this.app} did not become ready:\n${this.printed}\n${this.log.slice(-4_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Asks it to drain; resolves with its exit code. */
  stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.ended;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Its exit code when it ends by itself. */
  end(): Promise<number | null> {
    return this.ended;
  }
}
