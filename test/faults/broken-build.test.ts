import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readMessageHeader } from '#hl7v2';
import { journalMigrations } from '#journal';
import { formatPosition, type Position } from '#kernel';
import { createTestDatabase, type TestDatabase } from '../../libs/database/testing/test-database.js';
import { repositoryRoot } from '../load/bench-messages.js';
import { freePort } from '../load/engine-process.js';
import { loadTemplates } from '../load/message-templates.js';
import { checkLogs, type ReceiverEntry, type StoreEntry } from './check-logs.js';
import { PersistentSender } from './persistent-sender.js';

// One template: the same number from another authority is another patient, whose order nobody promised.
const templates = loadTemplates(join(repositoryRoot, 'test/fixtures/hl7v2/oru-r01')).slice(0, 1);
const program = join(repositoryRoot, 'dist/test/faults/broken-ingest.js');

let fixture: TestDatabase;
const children: ChildProcess[] = [];
beforeAll(async () => {
  fixture = await createTestDatabase(journalMigrations);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await fixture.remove();
});

async function startIngest(variant: 'honest' | 'hasty', port: number): Promise<ChildProcess> {
  const env = { ...process.env, DATABASE_URL: fixture.url, VARIANT: variant, PORT: String(port) };
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the ingest ended with ${code}`)));
  });
  return child;
}

/** Runs `variant` through a power failure in the middle of a commit and says which promises the checker found broken. */
async function breachesOf(variant: 'honest' | 'hasty'): Promise<string[]> {
  const port = await freePort();
  const ingest = await startIngest(variant, port);
  const sender = new PersistentSender(`PAT-${variant}`, port, templates);
  const acknowledged = () => sender.log.acknowledged.size;
  sender.start();
  await until(() => Promise.resolve(acknowledged() >= 3));
  await failPowerInTheMiddleOfACommit(ingest, async () => {
    const before = acknowledged();
    // The mistake shows: an acknowledgment comes although nothing can be committed.
    if (variant === 'hasty') await until(() => Promise.resolve(acknowledged() > before));
  });
  const after = acknowledged();
  const again = await startIngest(variant, port);
  await until(() => Promise.resolve(acknowledged() > after));
  await sender.stop();
  sender.close();
  const stored = await storeOf(sender.log.patient);
  await end(again);
  // Nothing is delivered here: a receiver that has everything that is stored, in order, isolates what intake did.
  const received = stored.map(
    ({ position }, index): ReceiverEntry => ({ stream: 's', number: index + 1, position }),
  );
  return checkLogs([sender.log], received, stored).breaches.map((text) => text.split(':')[0] ?? '');
}

/** Holds the commit up at its last step, then ends the process and, as its machine would, its work in the database. */
async function failPowerInTheMiddleOfACommit(
  ingest: ChildProcess,
  meanwhile: () => Promise<void>,
): Promise<void> {
  await fixture.database.transaction(async (tx) => {
    await tx.query('SELECT 1 FROM journal_head FOR UPDATE');
    await until(async () => (await blockedCommits()) > 0);
    await meanwhile();
    await end(ingest);
    await fixture.database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${COMMIT_WAITS}`,
    );
    await until(async () => (await blockedCommits()) === 0);
  });
}

const COMMIT_WAITS = `datname = current_database() AND application_name = 'suture-kill-proof' AND wait_event_type = 'Lock'`;

async function blockedCommits(): Promise<number> {
  return (await fixture.database.query(`SELECT 1 FROM pg_stat_activity WHERE ${COMMIT_WAITS}`)).length;
}

async function storeOf(patient: string): Promise<StoreEntry[]> {
  const rows = await fixture.database.query<Position & { raw: Buffer }>(
    'SELECT lane, partition, seq, raw FROM journal ORDER BY lane, partition, seq',
  );
  return rows
    .map((row) => ({
      position: formatPosition(row),
      controlId: readMessageHeader(row.raw).controlId,
      hasOutcome: true,
    }))
    .filter((entry) => entry.controlId.startsWith(`${patient}-`));
}

async function end(child: ChildProcess): Promise<void> {
  child.removeAllListeners('exit');
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a build that acknowledges before the commit', () => {
  test('is caught: the checker says that an acknowledged message is lost', async () => {
    // What a broken build reorders besides depends on the moment of the kill.
    expect(await breachesOf('hasty')).toContain('lost');
  });

  test('and the honest build survives the same power failure without a breach', async () => {
    expect(await breachesOf('honest')).toEqual([]);
  });
});
