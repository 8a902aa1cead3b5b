import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '#kernel';
import { type Checkpoint, openCheckpoint } from '#merkle';
import { LedgerDirectory } from '../src/ledger-directory.js';
import { openLogKey } from '../src/log-key.js';
import { TreeWriter } from '../src/tree-writer.js';

const BATCH = 1_000;

/**
 * A log in `path` without a database, with a restart before each of `sizes`, entries of the real length. Each head of
 * those sizes is kept in heads/SIZE and returned with its note.
 */
export async function growFileLog(
  path: string,
  sizes: readonly number[],
): Promise<(Checkpoint & { note: string })[]> {
  const directory = new LedgerDirectory(path);
  await directory.own(systemRandom);
  const signer = await openLogKey(directory, 'log.example/conformance', true);
  mkdirSync(join(path, 'heads'));
  const heads: (Checkpoint & { note: string })[] = [];
  for (const size of sizes) {
    const opened = openCheckpoint((await directory.readCheckpoint()) ?? '', signer.verifier);
    const writer = await TreeWriter.restore(directory, signer, opened.opened ? opened.checkpoint : undefined);
    while (writer.head.size < size) {
      const first = writer.head.size;
      const count = Math.min(BATCH, size - first);
      const head = await writer.append(Array.from({ length: count }, (_, at) => entryOf(first + at)));
      if (head.size !== size) continue;
      heads.push(head);
      writeFileSync(join(path, 'heads', String(size)), head.note);
    }
  }
  return heads;
}

function entryOf(index: number): Buffer {
  const entry = Buffer.alloc(152, index & 0xff);
  entry.writeUInt32BE(index, 0);
  return entry;
}
