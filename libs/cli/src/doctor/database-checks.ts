import { type Database, requireDurableCommits } from '#database';
import { DeliveryTrace } from '#delivery';
import { JournalTrace } from '#journal';
import { isEngineError } from '#kernel';
import { LedgerTrace } from '#ledger';
import { StoreTrace } from '#store';
import { SubscriptionTrace } from '#subscriptions';
import { openEngineDatabase } from '../open-database.js';
import type { CommandSettings } from '../settings.js';
import { counted, durationText } from '../time-text.js';
import { type Finding, fail, ok, warn } from './finding.js';

/** What is normal between two rounds of the workers; older than this wants a look. */
const FRESH_MS = 10_000;
const DAY_MS = 86_400_000;

/** The database and everything it knows about the state of the engine. */
export async function checkDatabase(settings: CommandSettings): Promise<Finding[]> {
  let database: Database;
  try {
    database = await openEngineDatabase(settings);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    return [fail('database', error.message, 'the rest of the state cannot be checked without it')];
  }
  try {
    return [
      await checkDurability(database, settings),
      ...(await checkJournal(database)),
      await checkDeadLetters(database),
      ...(await checkDeliveries(database)),
      await checkLedger(database),
    ];
  } finally {
    await database.close();
  }
}

async function checkDurability(database: Database, settings: CommandSettings): Promise<Finding> {
  const [row] = await database.query<{ version: string; bytes: number }>(
    "SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes",
  );
  const where = settings.databaseUrl === undefined ? 'embedded' : 'external';
  const facts = `${where} PostgreSQL ${row?.version ?? ''}, ${Math.round((row?.bytes ?? 0) / 1024 ** 2)} MiB`;
  try {
    await requireDurableCommits(database);
    return ok('database', `${facts}, commits are durable`);
  } catch (error) {
    if (!isEngineError(error, 'misconfigured')) throw error;
    return fail('database', facts, error.message);
  }
}

async function checkJournal(database: Database): Promise<Finding[]> {
  const journal = new JournalTrace(database);
  const { waiting, oldestMs, writers } = await journal.backlog();
  const ageMs = oldestMs === undefined ? 0 : Math.max(0, Date.now() - oldestMs);
  const lag = `${counted(waiting, 'message')} to be transformed, the oldest since ${durationText(ageMs)}`;
  const findings = [
    writers > 0
      ? ok('intake', `${counted(writers, 'writer')} of the journal at work`)
      : warn('intake', 'nothing writes the journal', 'start the engine (npm start) or its ingest process'),
    waiting === 0
      ? ok('backlog', 'nothing waits to be transformed')
      : ageMs < FRESH_MS
        ? ok('backlog', lag)
        : warn(
            'backlog',
            lag,
            'if it does not shrink: does a transform process run, and what does its log say?',
          ),
  ];
  const refusals = await journal.refusals(Date.now() - DAY_MS);
  const refused = refusals.reduce((sum, { count }) => sum + count, 0);
  if (refused === 0) return [...findings, ok('refusals', 'none in the last 24 hours')];
  const most = refusals
    .slice(0, 3)
    .map(({ channel, code, count }) => `${count} ${code} at ${channel || 'no channel'}`);
  const detail = `${refused} in the last 24 hours: ${most.join(', ')}`;
  return [...findings, warn('refusals', detail, 'the senders were told; docs/errors.md explains the codes')];
}

async function checkDeadLetters(database: Database): Promise<Finding> {
  const counts = await new StoreTrace(database).deadLetterCounts();
  const dead = counts.reduce((sum, { count }) => sum + count, 0);
  if (dead === 0) return ok('dead letters', 'none');
  const most = counts.slice(0, 3).map(({ code, count }) => `${count} ${code}`);
  return warn(
    'dead letters',
    `${dead}: ${most.join(', ')}`,
    'suture replay --dead --dry-run lists them; mend the cause, then suture replay --dead',
  );
}

async function checkDeliveries(database: Database): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const lag of await new DeliveryTrace(database).lags()) {
    const check = `to ${lag.destination}`;
    const waiting = `${counted(lag.waiting, 'delivery').replace('deliverys', 'deliveries')} waiting`;
    if (lag.lastError !== null)
      findings.push(
        warn(
          check,
          `${waiting}, ${counted(lag.attempts, 'attempt')}: ${lag.lastError}`,
          'check the receiver; it is tried again until it takes them, in order',
        ),
      );
    else if (lag.dead > 0)
      findings.push(
        warn(
          check,
          `${lag.dead} given up, ${waiting}`,
          'suture trace shows why; suture replay sends a message again',
        ),
      );
    else findings.push(ok(check, waiting));
  }
  for (const { subscription, waiting, attempts, lastError } of await new SubscriptionTrace(
    database,
  ).troubled())
    findings.push(
      warn(
        `subscription ${subscription}`,
        `${counted(waiting, 'event')} waiting, ${counted(attempts, 'attempt')}: ${lastError}`,
        'check its endpoint; it catches up by itself',
      ),
    );
  return findings;
}

async function checkLedger(database: Database): Promise<Finding> {
  const { size, atMs, waiting } = await new LedgerTrace(database).state();
  const newest =
    atMs === undefined
      ? 'no checkpoint yet'
      : `checkpoint of size ${size}, ${durationText(Math.max(0, Date.now() - atMs))} old`;
  if (waiting === 0 || (atMs !== undefined && Date.now() - atMs < FRESH_MS)) return ok('ledger', newest);
  return warn(
    'ledger',
    `${newest}; ${counted(waiting, 'message')} not in it`,
    'does the anchor process run, and what does its log say? Nothing else waits for it',
  );
}
