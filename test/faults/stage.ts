import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterDirectory, type EmbeddedPostgres, startEmbeddedPostgres } from '#platform';
import { freePort } from '../load/engine-process.js';
import { HttpSink } from '../load/http-sink.js';
import { PostgresVictim, RedisProcess, RoleProcess, type Victim } from './victims.js';

/** The distributed engine on this machine, with everything that the loop kills. */
export interface Stage {
  readonly directory: string;
  readonly ledgerDirectory: string;
  readonly postgres: EmbeddedPostgres;
  readonly roles: readonly RoleProcess[];
  readonly victims: readonly Victim[];
  readonly sink: HttpSink;
  readonly mllpPort: number;
}

const ROLES = ['ingest', 'transform', 'transform', 'deliver', 'anchor', 'api'];

/** A real PostgreSQL, a real Redis, every role as a process of its own, one channel, one receiver. Starts the roles. */
export async function setStage(showLog: boolean): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), 'suture-prove-'));
  const data = join(directory, 'data');
  const [mllpPort, redisPort] = [await freePort(), await freePort()];
  const sink = await HttpSink.open(0, true);
  const postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'database') });
  const redis = new RedisProcess(redisPort);
  writeFileSync(join(directory, 'prove.yaml'), channelFile(mllpPort, sink.port));
  const environment = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    SUTURE_CHANNELS: directory,
    SUTURE_DATA_DIR: data,
    SUTURE_HTTP_PORT: '0',
    SUTURE_LOG_LEVEL: showLog ? 'info' : 'error',
  };
  const roles = ROLES.map((role, n) => new RoleProcess(`${role} ${n}`, role, environment, showLog));
  const cluster = new PostgresVictim(clusterDirectory(join(directory, 'database')));
  const victims = [redis, ...roles, cluster];
  const stage = {
    directory,
    ledgerDirectory: join(data, 'ledger'),
    postgres,
    roles,
    victims,
    sink,
    mllpPort,
  };
  try {
    for (const victim of victims) await victim.restart();
  } catch (error) {
    await clearStage(stage);
    throw error;
  }
  return stage;
}

/** Ends everything, the roles first: they drain into a database that is still there. */
export async function clearStage({ roles, victims, postgres, sink, directory }: Stage): Promise<void> {
  await Promise.all(roles.map((role) => role.stop()));
  await Promise.all(victims.map((victim) => victim.stop()));
  await postgres.stop();
  await sink.close();
  rmSync(directory, { recursive: true, force: true });
}

function channelFile(mllpPort: number, sinkPort: number): string {
  return `channel: prove
source: { mllp: { listen: "127.0.0.1:${mllpPort}", accept: [ADT^A01, ADT^A04, ADT^A08, ORU^R01, VXU^V04] } }
transform: { mapping: hl7v2 }
routes: [{ to: receiver }]
destinations:
  receiver: { http: { url: "http://127.0.0.1:${sinkPort}/", timeout: 2s }, retry: { first_after: 50ms, at_most_every: 1s } }
`;
}
