import { openDatabase } from '#database';
import { audit } from '#ledger';
import { benchMessages } from '../load/bench-messages.js';
import { checkLogs, type StoreEntry, type Verdict } from './check-logs.js';
import { CheckpointWatch } from './checkpoint-watch.js';
import { leftToDo } from './left-to-do.js';
import { PersistentSender } from './persistent-sender.js';
import { randomFromSeed } from './random-from-seed.js';
import { readStore } from './read-store.js';
import { clearStage, type Stage, setStage } from './stage.js';

const SENDERS = 8;
const BETWEEN_KILLS_MS = { least: 300, most: 1_200 };
const DOWN_MS = { least: 0, most: 400 };
const RUNS_WITHIN_MS = 60_000;
/** After so many kills in a row it waits until senders get on, or a slow machine would do nothing but start. */
const KILLS_IN_A_ROW = 5;
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
  /** Roles that ended by themselves, with their last words; they were started again as a service manager would. */
  readonly gaveUp: readonly string[];
  /** Signed heads that a witness saw, and what the audit hashed again at the end. */
  readonly checkpoints: number;
  readonly audited: number;
  readonly seconds: number;
}

/**
 * Sends under load while random parts of the engine are killed with kill -9, then compares what the senders were promised,
 * what the receiver saw, what the store holds, and what the ledger signed on the way.
 */
export async function killLoop(options: KillLoopOptions): Promise<KillLoopResult> {
  const startMs = performance.now();
  const stage = await setStage(options.showLog);
  const watch = new CheckpointWatch(stage.ledgerDirectory);
  const senders = Array.from(
    { length: SENDERS },
    (_, n) => new PersistentSender(`PAT${n}`, stage.mllpPort, benchMessages().templates),
  );
  try {
    for (const sender of senders) sender.start();
    await allGetOn(senders);
    const kills = await killAtRandom(stage, senders, options);
    stage.sink.answer = () => 200;
    await Promise.all(senders.map((sender) => sender.stop()));
    const { store, report } = await settled(stage, options.say);
    const logs = senders.map((sender) => sender.log);
    const verdict = checkLogs(logs, stage.sink.received, store);
    const checkpoints = await watch.end();
    const findings = report.findings.map(({ code, detail }) => `audit: ${code} ${detail}`);
    const sum = (pick: (sender: PersistentSender) => number) =>
      senders.reduce((total, sender) => total + pick(sender), 0);
    return {
      ...verdict,
      breaches: [...verdict.breaches, ...checkpoints.breaches, ...findings],
      kills,
      resent: sum((sender) => sender.resent),
      refused: sum((sender) => sender.refused),
      gaveUp: stage.roles.flatMap((role) => role.gaveUp),
      checkpoints: checkpoints.seen,
      audited: report.messages,
      seconds: (performance.now() - startMs) / 1000,
    };
  } finally {
    for (const sender of senders) sender.close();
    await watch.end();
    await clearStage(stage);
  }
}

/** Resolves when every sender has got one more acknowledgment. */
async function allGetOn(senders: readonly PersistentSender[]): Promise<void> {
  const before = senders.map((sender) => sender.log.acknowledged.size);
  await until(RUNS_WITHIN_MS, 'an acknowledgment for every sender', () =>
    Promise.resolve(senders.every((sender, n) => sender.log.acknowledged.size > (before[n] ?? 0))),
  );
}

async function killAtRandom(
  stage: Stage,
  senders: readonly PersistentSender[],
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
    if (kill % KILLS_IN_A_ROW === 0) await allGetOn(senders);
    if (kill % 10 === 0)
      say(`${kill} of ${kills} kills; the receiver has ${stage.sink.stats.unique} messages`);
  }
  return counts;
}

/** Waits until nothing is left to do, then reads the store and lets the audit hash everything again. */
async function settled(
  stage: Stage,
  say: (text: string) => void,
): Promise<{ store: StoreEntry[]; report: Awaited<ReturnType<typeof audit>> }> {
  const database = openDatabase(stage.postgres.url, { maxConnections: 4, application: 'suture-prove' });
  let last = '';
  try {
    await until(
      SETTLES_WITHIN_MS,
      () => `the engine to finish what it took (${last})`,
      async () => {
        const left = await leftToDo(database).catch(() => undefined);
        last = JSON.stringify(left);
        return left !== undefined && left.messages + left.deliveries + left.entries === 0;
      },
    );
    say('settled; reading the store and hashing it again');
    return {
      store: await readStore(database),
      report: await audit({ database, directory: stage.ledgerDirectory }),
    };
  } finally {
    await database.close();
  }
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
