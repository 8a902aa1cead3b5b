import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** False where `redis-server` is not installed; tests that need it say so and are skipped. */
export const redisInstalled = spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;

/** A Redis without persistence on a free loopback port: every start is a total loss of data. */
export class RedisServer {
  private child: ChildProcess | undefined;
  private readonly directory = mkdtempSync(join(tmpdir(), 'suture-redis-'));

  private constructor(readonly port: number) {}

  static async start(policy = 'noeviction'): Promise<RedisServer> {
    const server = new RedisServer(await freePort());
    await server.launch(policy);
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts again on the same port, empty. */
  async launch(policy = 'noeviction'): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const child = spawn('redis-server', [...args, '--maxmemory-policy', policy, '--dir', this.directory], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.child = child;
    for await (const chunk of child.stdout as NonNullable<typeof child.stdout>) {
      if (String(chunk).includes('Ready to accept connections')) break;
    }
    child.stdout?.destroy();
  }

  async kill(): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
