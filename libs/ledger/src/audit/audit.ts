import type { Database } from '#database';
import { EngineError, formatPosition, type Position } from '#kernel';
import { type Checkpoint, NoteVerifier, openCheckpoint, TILE_WIDTH, Tree } from '#merkle';
import { LedgerDirectory } from '../ledger-directory.js';
import { messageOf, newestHead } from '../ledger-tables.js';
import { PUBLIC_KEY_FILE } from '../log-key.js';
import { AuditLog, type AuditReport, type Finding } from './audit-report.js';
import { HeadAudit } from './head-audit.js';
import { LeafPositions } from './leaf-positions.js';
import { type LedgeredMessage, MessageAudit } from './message-audit.js';
import { TileAudit } from './tile-audit.js';

const LEVELS_PER_TILE = 8;
/** Messages outside the tree that are checked at once. */
const PAGE = 256;

export interface AuditOptions {
  readonly database: Database;
  /** The ledger's directory. */
  readonly directory: string;
  /** The log's verifier key as known from elsewhere; without it the directory's own is used. */
  readonly trustedKey?: string;
  readonly onProgress?: (done: number, total: number) => void;
  /** Called for every finding as it is made. */
  readonly onFinding?: (finding: Finding) => void;
}

/**
 * Hashes everything stored again: raw and FHIR bytes of every message against its entry, every entry against bundle,
 * tile and tree, every tile against the ones below, every signed head against tree and key, every stream for gaps.
 * Never compares roots alone. Reads only, also while the engine runs; memory does not grow with the ledger.
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const { database, onProgress = () => {}, onFinding = () => {} } = options;
  const log = new AuditLog(onFinding);
  const directory = new LedgerDirectory(options.directory);
  const key = await verifierKey(directory, options.trustedKey);
  const checkpoint = await signedHead(directory, key);
  // Without a usable checkpoint the tree is judged by the heads that the database has recorded.
  const size = checkpoint?.size ?? (await newestHead(database, Number.MAX_SAFE_INTEGER))?.size ?? 0;
  if (checkpoint === undefined && size > 0)
    log.add({ code: 'HEAD_INVALID', file: 'checkpoint', detail: `missing, or not signed by the log's key` });
  const messages = new MessageAudit(database, log);
  const heads = new HeadAudit(database, key, log);
  await auditTree({ database, directory, size, log, messages, heads, onProgress });
  if (checkpoint !== undefined) heads.compare(checkpoint, 'checkpoint');
  await heads.beyond(size);
  await auditWaiting(database, messages, log);
  await auditCursors(database, log);
  return log.report(size);
}

async function verifierKey(
  directory: LedgerDirectory,
  trustedKey: string | undefined,
): Promise<NoteVerifier> {
  const text = trustedKey ?? (await directory.read(PUBLIC_KEY_FILE))?.toString('utf8');
  const key = NoteVerifier.parse(text?.trim() ?? '');
  if (key !== undefined) return key;
  throw new EngineError(
    'misconfigured',
    'LEDGER_KEY_UNFIT',
    trustedKey === undefined
      ? `${directory.path}/${PUBLIC_KEY_FILE} is missing or no verifier key: give the log's key, or restore the file`
      : 'the given key is no verifier key (name+id+key)',
  );
}

async function signedHead(directory: LedgerDirectory, key: NoteVerifier): Promise<Checkpoint | undefined> {
  const opened = openCheckpoint((await directory.readCheckpoint()) ?? '', key);
  return opened.opened ? opened.checkpoint : undefined;
}

interface TreeParts {
  readonly database: Database;
  readonly directory: LedgerDirectory;
  readonly size: number;
  readonly log: AuditLog;
  readonly messages: MessageAudit;
  readonly heads: HeadAudit;
  readonly onProgress: (done: number, total: number) => void;
}

/** One pass over all leaves, a bundle at a time. */
async function auditTree({
  database,
  directory,
  size,
  log,
  messages,
  heads,
  onProgress,
}: TreeParts): Promise<void> {
  const tiles = new TileAudit(directory, size, log, (leaf) => messageOf(database, leaf));
  const positions = new LeafPositions(database);
  const upper: { level: number; index: number; hash: Buffer }[] = [];
  const tree = new Tree((level, index, hash) => {
    if (level > 0 && level % LEVELS_PER_TILE === 0)
      upper.push({ level: level / LEVELS_PER_TILE, index, hash });
  });
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const end = Math.min(size, first + TILE_WIDTH);
    const assigned = await positions.of(first, end);
    noteUnassigned(assigned, first, log);
    const known = assigned.filter((position) => position !== undefined);
    const stored = await messages.read(known);
    const rows = new Map(stored.map((row) => [formatPosition(row.position), row.pack?.entry]));
    const index = first / TILE_WIDTH;
    const filed = await tiles.read(index);
    const chosen = await tiles.choose(
      index,
      filed,
      assigned.map((position) => position && rows.get(formatPosition(position))),
    );
    const ledgered: LedgeredMessage[] = [];
    for (const [at, { hash, entry }] of chosen.entries()) {
      tree.append(hash ?? Buffer.alloc(32));
      await heads.passed(tree);
      const position = assigned[at];
      if (position === undefined) continue;
      ledgered.push({ position, ...(hash && { leafHash: hash }), ...(entry && { entry }) });
    }
    for (const node of upper.splice(0)) await tiles.compareUpper(node.level, node.index, node.hash);
    await messages.check(ledgered, stored);
    onProgress(end, size);
  }
  heads.end(tree);
}

function noteUnassigned(assigned: readonly (Position | undefined)[], first: number, log: AuditLog): void {
  const missing = assigned.flatMap((position, at) => (position === undefined ? [first + at] : []));
  const [from] = missing;
  const to = missing.at(-1);
  if (from === undefined || to === undefined) return;
  log.add({
    code: 'LEAVES_UNASSIGNED',
    leaves: [from, to],
    detail: `no row of ledger_range names the messages of ${missing.length} leaves in between`,
  });
}

/** Messages that were transformed but are not in a signed tree yet: their entries bind them already. */
async function auditWaiting(database: Database, messages: MessageAudit, log: AuditLog): Promise<void> {
  const cursors = await database.query<Position>(
    'SELECT lane, partition, seq FROM cursor ORDER BY lane, partition',
  );
  for (const { lane, partition, seq: last } of cursors) {
    for (let seq = messages.lastOf(lane, partition) + 1; seq <= last; seq += PAGE) {
      const wanted = Array.from({ length: Math.min(PAGE, last - seq + 1) }, (_, at) => ({
        lane,
        partition,
        seq: seq + at,
      }));
      await messages.check(
        wanted.map((position) => ({ position })),
        await messages.read(wanted),
      );
      log.waiting += wanted.length;
    }
  }
}

/** A cursor beyond the assigned messages would keep the messages in between out of the tree for ever. */
async function auditCursors(database: Database, log: AuditLog): Promise<void> {
  const rows = await database.query<Position & { assigned: number }>(
    `SELECT c.lane, c.partition, c.seq, coalesce(r.last, 0) AS assigned FROM ledger_cursor c LEFT JOIN LATERAL (
       SELECT first_seq + count - 1 AS last FROM ledger_range r
       WHERE r.lane = c.lane AND r.partition = c.partition ORDER BY first_seq DESC LIMIT 1) AS r ON true
     WHERE c.seq <> coalesce(r.last, 0)`,
  );
  for (const { lane, partition, seq, assigned } of rows) {
    log.add({
      code: 'CURSOR_AHEAD',
      message: { lane, partition, seq: assigned + 1 },
      detail: `ledger_cursor says ${seq}, but the leaves of this stream end with message ${assigned}`,
    });
  }
}
