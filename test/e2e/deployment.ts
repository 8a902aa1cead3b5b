import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from '#database';
import { createTestDatabase } from '../../libs/database/testing/test-database.js';
import { RedisProcess } from '../faults/victims.js';
import { freePort } from '../load/engine-process.js';
import { AppProcess } from './app-process.js';
import type { Workspace } from './workspace.js';

/** What must run beside the apps: nothing, or PostgreSQL and Redis. */
interface Outside {
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** How the engine is run. */
export interface Mode {
  readonly name: string;
  readonly apps: readonly string[];
  open(): Promise<Outside>;
}

export const oneProcess: Mode = {
  name: 'one process with embedded PostgreSQL',
  apps: ['engine'],
  open: () => Promise.resolve({ environment: {}, close: () => Promise.resolve() }),
};

export const distributed: Mode = {
  name: 'a process per role, PostgreSQL and Redis',
  apps: ['ingest', 'transform', 'transform', 'deliver', 'anchor', 'api'],
  open: async () => {
    const redis = new RedisProcess(await freePort());
    await redis.restart();
    const database = await createTestDatabase();
    return {
      environment: { DATABASE_URL: database.url, REDIS_URL: redis.url },
      close: async () => {
        await database.remove();
        await redis.stop();
      },
    };
  },
};

/** A whole engine on this machine: real processes over one workspace, however many they are. */
export class Deployment {
  private processes: AppProcess[] = [];
  private opened: Database | undefined;

  private constructor(
    readonly workspace: Workspace,
    private readonly mode: Mode,
    private readonly outside: Outside,
  ) {}

  static async of(mode: Mode, workspace: Workspace): Promise<Deployment> {
    return new Deployment(workspace, mode, await mode.open());
  }

  get environment(): Record<string, string> {
    return { ...this.workspace.environment, ...this.outside.environment };
  }

  /** Starts every app and resolves when all are ready. */
  async start(): Promise<void> {
    this.processes = this.mode.apps.map(
      (app) => new AppProcess(app, this.environment, this.workspace.directory),
    );
    await Promise.all(this.processes.map((app) => app.ready()));
  }

  /** SIGTERM to all; resolves with their exit codes. */
  async stop(): Promise<(number | null)[]> {
    await this.closeDatabase();
    return Promise.all(this.processes.map((app) => app.stop()));
  }

  /** kill -9 to all. */
  async kill(): Promise<void> {
    await this.closeDatabase();
    await Promise.all(this.processes.map((app) => app.kill()));
  }

  async close(): Promise<void> {
    await this.kill();
    await eventually('what the engine started ends with it', () => this.survivors().length === 0);
    await this.outside.close();
    this.workspace.remove();
  }

  /** What the apps print for a person. */
  get printed(): string {
    return this.processes.map((app) => app.printed).join('');
  }

  get log(): string {
    return this.processes.map((app) => app.log).join('');
  }

  get httpUrl(): string {
    const app = this.processes.find(({ app: name }) => name === 'engine' || name === 'api');
    return /^ +http +(http:\S+)$/m.exec(app?.printed ?? '')?.[1] ?? '';
  }

  get accessToken(): string {
    return readFileSync(join(this.workspace.data, 'access-token'), 'utf8').trim();
  }

  /** The database behind the running engine, for what no interface shows. */
  get database(): Database {
    this.opened ??= openDatabase(this.databaseUrl, { maxConnections: 2, application: 'suture-e2e' });
    return this.opened;
  }

  private get databaseUrl(): string {
    const given = this.outside.environment['DATABASE_URL'];
    if (given !== undefined) return given;
    const facts: unknown = JSON.parse(readFileSync(join(this.workspace.data, 'postgres.json'), 'utf8'));
    return (facts as { url: string }).url;
  }

  private async closeDatabase(): Promise<void> {
    await this.opened?.close();
    this.opened = undefined;
  }

  /** Processes that have to do with our workspace, whoever started them; only Linux tells, elsewhere there are none to see. */
  survivors(): string[] {
    const { directory } = this.workspace;
    if (!existsSync('/proc/self/environ')) return [];
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
      try {
        const isOurs =
          readlinkSync(`/proc/${name}/cwd`).startsWith(directory) ||
          readFileSync(`/proc/${name}/environ`, 'utf8').includes(`SUTURE_DATA_DIR=${directory}`);
        return isOurs ? [readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')] : [];
      } catch {
        return []; // it has just ended, or is not ours
      }
    });
  }
}

const PATIENCE_MS = 40_000;

/** Waits until `condition` holds; fails with what was awaited. `condition` may answer why not, as a text. */
export async function eventually(
  what: string,
  condition: () => boolean | string | Promise<boolean | string>,
): Promise<void> {
  const deadlineMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await condition();
    if (found === true) return;
    if (Date.now() > deadlineMs) throw new Error(`waited in vain: ${what} (${String(found)})`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
