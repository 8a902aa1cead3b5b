import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openDatabase } from '#database';
import { readMessageHeader } from '#hl7v2';
import { formatPosition, type Position } from '#kernel';
import { clusterDirectory, type EmbeddedPostgres, startEmbeddedPostgres } from '#platform';
import { benchMessages } from '../load/bench-messages.js';
import { freePort } from '../load/engine-process.js';
import { HttpSink } from '../load/http-sink.js';
import { checkLogs, type StoreEntry, type Verdict } from './check-logs.js';
import { PersistentSender } from './persistent-sender.js';
import { randomFromSeed } from './random-from-seed.js';
import { PostgresVictim, RedisProcess, RoleProcess, type Victim } from './victims.js';

const SENDERS = 8;
const BETWEEN_KILLS_MS = { least: 300, most: 1_200 };
const DOWN_MS = { least: 0, most: 400 };
const RUNS_WITHIN_MS = 60_000;
const SETTLES_WITHIN_MS = 120_000;
/** Share of the time between kills in which the receiver refuses everything. */
const RECEIVER_DOWN_SHARE = 0.15;

export interface KillLoopOptions {
  readonly seed: number;
  readonly kills: number;
  readonly showLog: boolean;
  readonly say: (text: string) => void;
}

export interface KillLoopResult extends Verdict {
  readonly kills: Readonly<Record<string, number>>;
  readonly resent: number;
  readonly refused: number;
  readonly seconds: number;
}

/** The distributed engine on this machine, with everything that the loop kills. */
interface Stage {
  readonly directory: string;
  readonly postgres: EmbeddedPostgres;
  readonly redis: RedisProcess;
  readonly victims: readonly Victim[];
  readonly sink: HttpSink;
  readonly mllpPort: number;
}

/**
 * Sends under load while random parts of the engine are killed with kill -9, then compares what the senders were promised,
 * what the receiver saw, and what the store holds.
 */
export async function killLoop(options: KillLoopOptions): Promise<KillLoopResult> {
  const stage = await setStage(options);
  const startMs = performance.now();
  const senders = Array.from(
    { length: SENDERS },
    (_, n) => new PersistentSender(`PAT${n}`, stage.mllpPort, benchMessages().templates),
  );
  try {
    for (const victim of stage.victims) await victim.restart();
    for (const sender of senders) sender.start();
    await until(RUNS_WITHIN_MS, 'the first acknowledgment of every sender', () =>
      Promise.resolve(senders.every((sender) => sender.log.acknowledged.size > 0)),
    );
    const kills = await killAtRandom(stage, options);
    stage.sink.answer = () => 200;
    await Promise.all(senders.map((sender) => sender.stop()));
    const store = await settled(stage, options.say);
    const verdict = checkLogs(
      senders.map((sender) => sender.log),
      stage.sink.received,
      store,
    );
    const sum = (pick: (sender: PersistentSender) => number) =>
      senders.reduce((n, sender) => n + pick(sender), 0);
    const seconds = (performance.now() - startMs) / 1000;
    return { ...verdict, kills, resent: sum((s) => s.resent), refused: sum((s) => s.refused), seconds };
  } finally {
    for (const sender of senders) sender.close();
    await clearStage(stage);
  }
}

async function setStage({ showLog }: KillLoopOptions): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), 'suture-prove-'));
  const data = join(directory, 'data');
  const [mllpPort, redisPort, httpPort] = [await freePort(), await freePort(), await freePort()];
  const sink = await HttpSink.open(0, true);
  const postgres = await startEmbeddedPostgres({ dataDirectory: join(directory, 'database') });
  const redis = new RedisProcess(redisPort);
  writeFileSync(
    join(directory, 'prove.yaml'),
    `channel: prove
source: { mllp: { listen: "127.0.0.1:${mllpPort}", accept: [ADT^A01, ADT^A04, ADT^A08, ORU^R01, VXU^V04] } }
transform: { mapping: hl7v2 }
routes: [{ to: receiver }]
destinations:
  receiver: { http: { url: "http://127.0.0.1:${sink.port}/", timeout: 2s }, retry: { first_after: 50ms, at_most_every: 1s } }
`,
  );
  const environment = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    SUTURE_CHANNELS: directory,
    SUTURE_DATA_DIR: data,
    SUTURE_HTTP_PORT: String(httpPort),
    SUTURE_LOG_LEVEL: showLog ? 'info' : 'fatal',
  };
  const roles = ['ingest', 'transform', 'transform', 'deliver', 'anchor', 'api'];
  const processes = roles.map((role, n) => new RoleProcess(`${role} ${n}`, role, environment, showLog));
  const postgresVictim = new PostgresVictim(clusterDirectory(join(directory, 'database')));
  return { directory, postgres, redis, victims: [redis, ...processes, postgresVictim], sink, mllpPort };
}

async function clearStage({ victims, postgres, sink, directory }: Stage): Promise<void> {
  await Promise.all(victims.map((victim) => victim.stop()));
  await postgres.stop();
  await sink.close();
  rmSync(directory, { recursive: true, force: true });
}

async function killAtRandom(
  stage: Stage,
  { seed, kills, say }: KillLoopOptions,
): Promise<Record<string, number>> {
  const random = randomFromSeed(seed);
  const between = ({ least, most }: { least: number; most: number }) => least + random() * (most - least);
  const counts: Record<string, number> = {};
  for (let kill = 1; kill <= kills; kill++) {
    const receiverDown = random() < RECEIVER_DOWN_SHARE;
    stage.sink.answer = () => (receiverDown ? 503 : 200);
    await pause(between(BETWEEN_KILLS_MS));
    const victim = stage.victims[Math.floor(random() * stage.victims.length)];
    if (victim === undefined) throw new Error('nobody to kill');
    await victim.kill();
    counts[victim.name] = (counts[victim.name] ?? 0) + 1;
    await pause(between(DOWN_MS));
    await victim.restart();
    if (kill % 10 === 0)
      say(`${kill} of ${kills} kills; the receiver has ${stage.sink.stats.unique} messages`);
  }
  return counts;
}

/** Waits until nothing is left to do, then reads the store. */
async function settled(stage: Stage, say: (text: string) => void): Promise<StoreEntry[]> {
  const database = openDatabase(stage.postgres.url, { maxConnections: 2, application: 'suture-prove' });
  let last = '';
  try {
    await until(
      SETTLES_WITHIN_MS,
      () => `the engine to finish what it took (${last})`,
      async () => {
        const left = await database
          .query<{ journal: number; deliveries: number; entries: number }>(LEFT_TO_DO)
          .catch(() => []);
        last = JSON.stringify(left[0]);
        return left[0] !== undefined && Object.values(left[0]).every((n) => Number(n) === 0);
      },
    );
    say('settled; reading the store');
    return await dump(database);
  } finally {
    await database.close();
  }
}

const LEFT_TO_DO = `
SELECT (SELECT coalesce(sum(h.seq - c.seq), 0) FROM journal_head h JOIN cursor c USING (lane, partition)) AS journal,
       (SELECT coalesce(sum(h.number - coalesce(c.number, 0)), 0)
        FROM delivery_head h LEFT JOIN delivery_cursor c USING (destination, partition)) AS deliveries,
       (SELECT count(*) FROM pack) - (SELECT coalesce(max(size), 0) FROM ledger_checkpoint) AS entries`;

async function dump(database: Database): Promise<StoreEntry[]> {
  const rows = await database.query<Position & { raw: Buffer; done: boolean }>(
    `SELECT j.lane, j.partition, j.seq, j.raw, p.seq IS NOT NULL AS done
     FROM journal j LEFT JOIN pack p USING (lane, partition, seq) WHERE j.kind = 0`,
  );
  return rows.map((row) => ({
    position: formatPosition(row),
    controlId: readMessageHeader(row.raw).controlId,
    hasOutcome: row.done,
  }));
}

async function until(
  withinMs: number,
  what: string | (() => string),
  condition: () => Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs)
      throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`);
    await pause(50);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
