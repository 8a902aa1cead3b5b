import type { ChildProcess } from 'node:child_process';

/** A role that dies is started again after this, doubling up to the longest; a minute of life sets it back. */
const firstPauseMs = 250;
const longestPauseMs = 10_000;
const longLifeMs = 60_000;
/** Deaths in a row, each soon after its start: more is no accident. */
const maxDeaths = 10;
/** Sources first, so that nothing new comes in while the others finish. */
const firstStopMs = 10_000;
const lastStopMs = 30_000;
/** How an app says that a person must change something; starting it again would not help. */
const misconfiguredCode = 2;

type Start = (name: string, role: string, environment: NodeJS.ProcessEnv) => ChildProcess;

interface Running {
  readonly name: string;
  readonly role: string;
  readonly environment: NodeJS.ProcessEnv;
  child: ChildProcess;
  ended: Promise<void>;
  startedMs: number;
  deaths: number;
  pause: NodeJS.Timeout | undefined;
}

/** Keeps processes alive, one per role or several, and stops them in order. */
export class RoleProcesses {
  /** Settles, with a sentence, when one cannot be kept alive. */
  readonly failed: Promise<string>;
  private readonly running: Running[] = [];
  private fail: (reason: string) => void = () => {};
  private stopping = false;

  constructor(
    private readonly environment: NodeJS.ProcessEnv,
    private readonly start: Start,
    private readonly say: (text: string) => void,
  ) {
    this.failed = new Promise((fail) => {
      this.fail = fail;
    });
  }

  /** Starts a process of `role` under `name`, with `own` settings over those of all. */
  add(name: string, role: string, own: NodeJS.ProcessEnv): void {
    const environment = { ...this.environment, ...own };
    const started = this.launch(name, role, environment);
    this.running.push({ name, role, environment, ...started, deaths: 0, pause: undefined });
    const last = this.running.at(-1);
    if (last) this.watch(last);
  }

  /** Process numbers by name, of those that live. */
  pids(): Record<string, number> {
    const living = this.running.filter(({ child }) => isAlive(child));
    return Object.fromEntries(living.map(({ name, child }) => [name, child.pid ?? 0]));
  }

  /** SIGTERM to the sources, then to all others; SIGKILL to what does not end in time. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const one of this.running) clearTimeout(one.pause);
    await this.end(
      this.running.filter(({ role }) => role === 'ingest'),
      firstStopMs,
    );
    await this.end(this.running, lastStopMs);
  }

  private launch(name: string, role: string, environment: NodeJS.ProcessEnv) {
    const child = this.start(name, role, environment);
    const ended = new Promise<void>((done) => {
      child.once('exit', () => done());
      child.once('error', () => done());
    });
    return { child, ended, startedMs: Date.now() };
  }

  private watch(one: Running): void {
    void one.ended.then(() => {
      if (this.stopping) return;
      const { exitCode, signalCode } = one.child;
      if (exitCode === misconfiguredCode) {
        this.fail(`${one.name} is misconfigured; it says why above`);
        return;
      }
      one.deaths = Date.now() - one.startedMs > longLifeMs ? 1 : one.deaths + 1;
      if (one.deaths > maxDeaths) {
        this.fail(`${one.name} died ${maxDeaths} times in a row`);
        return;
      }
      const pauseMs = Math.min(firstPauseMs * 2 ** (one.deaths - 1), longestPauseMs);
      this.say(`${one.name} ended (${signalCode ?? String(exitCode)}); it starts again in ${pauseMs} ms`);
      one.pause = setTimeout(() => {
        Object.assign(one, this.launch(one.name, one.role, one.environment));
        this.watch(one);
      }, pauseMs);
    });
  }

  private async end(processes: readonly Running[], withinMs: number): Promise<void> {
    const living = processes.filter(({ child }) => isAlive(child));
    for (const { child } of living) child.kill('SIGTERM');
    const hard = setTimeout(() => {
      for (const { child } of living) child.kill('SIGKILL');
    }, withinMs);
    await Promise.all(living.map(({ ended }) => ended));
    clearTimeout(hard);
  }
}

function isAlive({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}
