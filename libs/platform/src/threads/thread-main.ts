import { parentPort } from 'node:worker_threads';
import { type Database, openDatabase } from '#database';
import { RecentPacks, receivePacks } from '#delivery';
import { assert } from '#kernel';
import { type Queues, relayedQueues } from '#queue';
import { type Log, Metrics, openLog } from '#telemetry';
import { ChannelCatalog } from '../channel-catalog.js';
import type { RoleServices } from '../services.js';
import { failureOf, type ThreadAnswer, type ThreadPlan, type ThreadQuestion } from './thread-protocol.js';
import { openRole, type ThreadRole } from './thread-roles.js';

/**
 * The program of a thread: opens services of its own from a plan, runs one role on them, answers questions. An error that
 * nobody caught ends the thread, and with it the process (`RoleThread.lost`).
 */
interface Running {
  readonly role: ThreadRole;
  readonly metrics: Metrics;
  readonly database: Database;
  readonly queues: Queues;
}

/** Connections of the thread's pool; the journal and the claims of deliveries have their own besides. */
const maxConnections = 4;

let running: Running | undefined;

async function start(plan: ThreadPlan): Promise<readonly string[]> {
  const log = openLog(plan.application, plan.settings.logLevel).with({ thread: plan.role });
  endOnBugs(log);
  const metrics = new Metrics(false);
  const database = openDatabase(plan.databaseUrl, {
    maxConnections,
    application: `suture-${plan.application}-${plan.role}`,
  });
  const queues = relayedQueues(plan.queuePort, (where, error) =>
    log.error('the queue has trouble', error, { where }),
  );
  await queues.ready([]);
  const { settings, installation } = plan;
  const channels = new ChannelCatalog(plan.channels, [], plan.destinations);
  const recent = new RecentPacks();
  if (plan.packPort !== undefined) receivePacks(plan.packPort, recent);
  const services: RoleServices = {
    settings,
    log,
    metrics,
    database,
    queues,
    channels,
    installation,
    recent,
  };
  const role = await openRole[plan.role](services);
  running = { role, metrics, database, queues };
  return role.start();
}

/** What is left of a start that failed half-way is closed as well. */
async function stop(): Promise<void> {
  if (running === undefined) return;
  const { role, queues, database } = running;
  await role.stop();
  await queues.close();
  await database.close();
}

function answer(question: ThreadQuestion): Promise<unknown> {
  switch (question.ask) {
    case 'start':
      return start(question.plan);
    case 'trouble':
      return Promise.resolve(running === undefined ? 'it has not started' : running.role.trouble());
    case 'metrics':
      return running?.metrics.text() ?? Promise.resolve('');
    case 'stop':
      return stop();
  }
}

function endOnBugs(log: Log): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.error('an error that nobody caught; the thread ends', error);
      process.exit(1);
    });
  }
}

const port = parentPort;
assert(port, 'THREAD_WITHOUT_PARENT');
port.on('message', (question: ThreadQuestion) => {
  const { id } = question;
  answer(question).then(
    (value) => port.postMessage({ id, value } satisfies ThreadAnswer),
    (error: unknown) => port.postMessage({ id, failure: failureOf(error) } satisfies ThreadAnswer),
  );
});
