import type { Database } from '#database';
import { assert, type Clock, EngineError } from '#kernel';
import { type Checkpoint, type NoteVerifier, openCheckpoint, Tree, tileHashReader } from '#merkle';
import type { LedgerDirectory } from './ledger-directory.js';
import {
  assignedSize,
  entryMissing,
  type IndexRange,
  newestHead,
  rangesFrom,
  readEntries,
  recordedHeads,
  recordHead,
} from './ledger-tables.js';
import { openLogKey } from './log-key.js';
import { type KnownRoots, TreeWriter } from './tree-writer.js';

/** Ranges read at once while appending again: at most 1,000 entries each. */
const RANGES_PER_READ = 32;
const HEADS_PER_READ = 10_000;

interface LedgerParts {
  readonly database: Database;
  readonly directory: LedgerDirectory;
  readonly origin: string;
  readonly clock: Clock;
}

/**
 * Brings files and database together at start. The checkpoint is believed: what it covers must be there and unchanged;
 * what the database assigned beyond it is appended again, the same entries at the same leaves, and must lead through
 * every root that was ever signed. Otherwise it refuses, `misconfigured`, and says what to do. Call with the lock held.
 */
export async function recoverTree({ database, directory, origin, clock }: LedgerParts): Promise<TreeWriter> {
  const note = await directory.readCheckpoint();
  const newest = await newestHead(database, Number.MAX_SAFE_INTEGER);
  const signer = await openLogKey(directory, origin, note === undefined && newest === undefined);
  if (newest !== undefined) open(newest.note, signer.verifier, 'the newest checkpoint in the database');
  const checkpoint =
    note === undefined ? undefined : open(note, signer.verifier, `${directory.path}/checkpoint`);
  await refuseOlderDatabase(database, directory, checkpoint?.size ?? 0);
  const writer = await TreeWriter.restore(directory, signer, checkpoint);
  if (checkpoint !== undefined && note !== undefined) {
    await compareWithRecords(database, directory, checkpoint);
    await recordHead(database, { ...checkpoint, note }, clock.nowMs());
  }
  await appendAgain(database, writer, clock);
  return writer;
}

function open(note: string, key: NoteVerifier, what: string): Checkpoint {
  const opened = openCheckpoint(note, key);
  if (opened.opened) return opened.checkpoint;
  throw new EngineError(
    'misconfigured',
    'LEDGER_CHECKPOINT_INVALID',
    `${what} is not signed by this log's key (${opened.reason}). Restore the ledger's directory, key and checkpoint together, from a backup.`,
  );
}

async function refuseOlderDatabase(
  database: Database,
  directory: LedgerDirectory,
  size: number,
): Promise<void> {
  const assigned = await assignedSize(database);
  if (size <= assigned) return;
  throw new EngineError(
    'misconfigured',
    'LEDGER_AHEAD_OF_DATABASE',
    `the ledger in ${directory.path} has signed ${size} entries, the database knows ${assigned}: it was restored from an older backup, or belongs to another ledger. ` +
      'Restore a database backup at least as new as the ledger. To go on without the lost messages, keep this directory as evidence and start a new ledger in an empty one under a new origin name.',
  );
}

/** The tree in the files must contain the newest recorded head at or below its size. */
async function compareWithRecords(
  database: Database,
  directory: LedgerDirectory,
  { size, root }: Checkpoint,
): Promise<void> {
  const recorded = await newestHead(database, size);
  if (recorded === undefined) return;
  const read = tileHashReader(size, (...tile) => directory.readTile(...tile));
  const then = recorded.size === size ? root : (await Tree.restore(recorded.size, read)).root();
  if (then.equals(recorded.root)) return;
  throw new EngineError(
    'misconfigured',
    'LEDGER_TREE_DISAGREES',
    `the ledger in ${directory.path} and the database disagree about the tree of size ${recorded.size}: they belong to different ledgers, or one was changed. Run 'suture audit', and restore the two from backups that belong together.`,
  );
}

/** Entries with leaves beyond the checkpoint, in batches that end where ranges end. */
async function appendAgain(database: Database, writer: TreeWriter, clock: Clock): Promise<void> {
  for (;;) {
    const { size } = writer.head;
    const ranges = await rangesFrom(database, size, RANGES_PER_READ);
    if (ranges.length === 0) return;
    const entries = await entriesOf(database, size, ranges);
    const known = await knownRoots(database, size, size + entries.length);
    const head = await writer.append(entries, known);
    await recordHead(database, head, clock.nowMs());
  }
}

async function entriesOf(database: Database, size: number, ranges: readonly IndexRange[]): Promise<Buffer[]> {
  const runs = await readEntries(
    database,
    ranges.map(({ lane, partition, firstSeq, count }) => ({ lane, partition, seq: firstSeq, take: count })),
  );
  const entries: Buffer[] = [];
  let at = 0;
  for (const { firstIndex, lane, partition, firstSeq, count } of ranges) {
    if (firstIndex !== size + entries.length) {
      throw new EngineError(
        'misconfigured',
        'LEDGER_RANGES_DISAGREE',
        `table ledger_range has no row for leaf ${size + entries.length}. Restore the database from a backup.`,
      );
    }
    const run = runs[at];
    const found =
      run?.lane === lane && run.partition === partition && run.firstSeq === firstSeq ? run.entries : [];
    if (found.length > 0) at++;
    if (found.length < count) throw entryMissing({ lane, partition, seq: firstSeq + found.length });
    for (const entry of found) entries.push(entry);
  }
  return entries;
}

async function knownRoots(database: Database, over: number, upTo: number): Promise<KnownRoots> {
  const heads = await recordedHeads(database, over, upTo, HEADS_PER_READ);
  assert(heads.length < HEADS_PER_READ, 'LEDGER_TOO_MANY_HEADS');
  return new Map(heads.map(({ size, root }) => [size, root]));
}
