import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { cpuOf, cpuOfEnded, readProc, residentOf } from './process-facts.js';

const READY_WITHIN_MS = 60_000;

/** One engine as a real process of its own, from the built files. */
export class EngineProcess {
  private peakBytes = 0;
  private readonly sampler: NodeJS.Timeout;

  private constructor(
    readonly child: ChildProcess,
    readonly httpPort: number,
  ) {
    this.sampler = setInterval(() => this.sample(), 100);
  }

  /** Starts `app` with `environment` and resolves when /ready says so. Its log goes to stderr of this process if asked. */
  static async start(
    app: string,
    environment: Record<string, string>,
    showLog = false,
  ): Promise<EngineProcess> {
    const main = fileURLToPath(new URL(`../../apps/${app}/src/main.js`, import.meta.url));
    const httpPort = Number(environment['SUTURE_HTTP_PORT'] ?? (await freePort()));
    const env = { ...process.env, ...environment, SUTURE_HTTP_PORT: String(httpPort) };
    const child = spawn(process.execPath, [main], {
      env,
      stdio: ['ignore', 'ignore', showLog ? 'inherit' : 'ignore'],
    });
    const engine = new EngineProcess(child, httpPort);
    await engine.ready();
    return engine;
  }

  private async ready(): Promise<void> {
    const deadlineMs = performance.now() + READY_WITHIN_MS;
    while (performance.now() < deadlineMs) {
      if (this.child.exitCode !== null)
        throw new Error(`the engine ended with ${this.child.exitCode} before it was ready`);
      const answer = await this.get('/ready').catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('the engine did not become ready');
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.httpPort}${path}`, { headers });
  }

  /** Entries in the ledger's tree, by its signed checkpoint (second line of the note). */
  async treeSize(): Promise<number> {
    const answer = await this.get('/ledger/checkpoint').catch(() => undefined);
    return answer?.ok ? Number((await answer.text()).split('\n')[1]) : 0;
  }

  /** CPU seconds so far: of the engine process, and of the PostgreSQL processes beneath it. */
  cpuSeconds(): { engine: number; database: number } {
    const family = descendants(this.child.pid ?? 0);
    const own = cpuOf(this.child.pid ?? 0);
    return { engine: own, database: family.reduce((sum, pid) => sum + cpuOf(pid) + cpuOfEnded(pid), 0) };
  }

  /** Highest resident memory of the engine process seen so far, in bytes. PostgreSQL is not counted. */
  get peakResidentBytes(): number {
    this.sample();
    return this.peakBytes;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    clearInterval(this.sampler);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.kill(signal);
    await ended;
  }

  private sample(): void {
    this.peakBytes = Math.max(this.peakBytes, residentOf(this.child.pid ?? 0));
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = readProc(Number(name), 'stat')
      .replace(/^.*\) /, '')
      .split(' ');
    parents.set(Number(name), Number(fields[1] ?? 0));
  }
  const found: number[] = [];
  const visit = (parent: number) => {
    for (const [pid, of] of parents) {
      if (of !== parent || pid === root) continue;
      found.push(pid);
      visit(pid);
    }
  };
  visit(root);
  return found;
}
