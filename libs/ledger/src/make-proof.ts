import type { Database } from '#database';
import { readMessage } from '#journal';
import { EngineError, formatPosition, type Position } from '#kernel';
import { formatTlogProof, NoteVerifier, openCheckpoint, proveInclusion, tileHashReader } from '#merkle';
import { PackUnfolder } from '#store';
import { verifyProof, writeProofFile } from '#verify';
import { LedgerDirectory } from './ledger-directory.js';
import { leafOf } from './ledger-tables.js';
import { PUBLIC_KEY_FILE } from './log-key.js';

const WAIT_MS = 5_000;
const LOOK_EVERY_MS = 100;

interface ProofRequest {
  readonly database: Database;
  /** The ledger's directory. */
  readonly directory: string;
  readonly position: Position;
  /** How long a message may still take to get into a signed tree. */
  readonly waitMs?: number;
}

/**
 * The text of a proof file for one message (`verifyProof` reads it). `rejected` LEDGER_MESSAGE_UNKNOWN: there is no such
 * message. `unavailable` LEDGER_NOT_YET: it is not in a signed tree yet. `misconfigured` LEDGER_PROOF_BROKEN: what is
 * stored is not what was ledgered; the audit names it.
 */
export async function makeProof({
  database,
  directory,
  position,
  waitMs = WAIT_MS,
}: ProofRequest): Promise<string> {
  const files = new LedgerDirectory(directory);
  await refuseUnknown(database, position);
  const { index, size, note, key } = await signedPlace(database, files, position, waitMs);
  const message = await readMessage(database, position);
  const [pack] = await database.query<{ salt: Buffer; entry: Buffer; folded: Buffer }>(
    'SELECT salt, entry, folded FROM folded_pack WHERE lane = $1 AND partition = $2 AND seq = $3',
    [position.lane, position.partition, position.seq],
  );
  if (message === undefined || pack === undefined) throw broken(position, ['its rows are gone']);
  const read = tileHashReader(size, (...tile) => files.readTile(...tile));
  const text = writeProofFile({
    message: formatPosition(position),
    entry: pack.entry,
    salt: pack.salt,
    raw: message.raw,
    fhir: plainBytes(position, pack.folded),
    inclusion: formatTlogProof({ index, hashes: await proveInclusion(index, size, read), checkpoint: note }),
    key: key.toString(),
  });
  const verification = verifyProof(text, key.toString());
  if (verification.outcome !== 'verified') throw broken(position, verification.reasons);
  return text;
}

async function refuseUnknown(database: Database, { lane, partition, seq }: Position): Promise<void> {
  const rows = await database.query(
    `SELECT 1 FROM journal WHERE lane = $1 AND partition = $2 AND seq = $3
     UNION ALL SELECT 1 FROM pack WHERE lane = $1 AND partition = $2 AND seq = $3 LIMIT 1`,
    [lane, partition, seq],
  );
  if (rows.length > 0) return;
  const name = formatPosition({ lane, partition, seq });
  throw new EngineError('rejected', 'LEDGER_MESSAGE_UNKNOWN', `there is no message ${name}`);
}

interface SignedPlace {
  readonly index: number;
  readonly size: number;
  readonly note: string;
  readonly key: NoteVerifier;
}

/** Waits until a signed tree holds the message. */
async function signedPlace(
  database: Database,
  files: LedgerDirectory,
  position: Position,
  waitMs: number,
): Promise<SignedPlace> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const index = await leafOf(database, position);
    const head = index === undefined ? undefined : await readHead(files);
    if (index !== undefined && head !== undefined && head.size > index) return { index, ...head };
    if (Date.now() >= deadline) {
      throw new EngineError(
        'unavailable',
        'LEDGER_NOT_YET',
        `message ${formatPosition(position)} is not in a signed tree yet: it waits for the transformer or for the ledger. Try again when both run.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function readHead(
  files: LedgerDirectory,
): Promise<{ size: number; note: string; key: NoteVerifier } | undefined> {
  const note = await files.readCheckpoint();
  const key = NoteVerifier.parse((await files.read(PUBLIC_KEY_FILE))?.toString('utf8').trim() ?? '');
  if (note === undefined || key === undefined) return undefined;
  const opened = openCheckpoint(note, key);
  return opened.opened ? { size: opened.checkpoint.size, note, key } : undefined;
}

function plainBytes(position: Position, folded: Buffer): Buffer {
  try {
    return new PackUnfolder().unfold(folded);
  } catch {
    // Damaged deflate data says nothing of use, and its text could hold content.
    throw broken(position, ['its FHIR bytes do not unfold']);
  }
}

function broken(position: Position, reasons: readonly string[]): EngineError {
  return new EngineError(
    'misconfigured',
    'LEDGER_PROOF_BROKEN',
    `what is stored for message ${formatPosition(position)} is not what was ledgered (${reasons.join('; ')}). 'suture audit' names everything that was changed.`,
  );
}
