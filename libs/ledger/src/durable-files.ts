import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EngineError } from '#kernel';

export interface FileToWrite {
  /** Absolute. */
  readonly path: string;
  readonly bytes: Buffer | string;
  /** Permission bits; 0o644 unless told. */
  readonly mode?: number;
}

/** Files written at the same time: enough to keep the disk busy, few enough for the thread pool of the process. */
const CONCURRENT_WRITES = 4;

/**
 * Writes all files and resolves when they survive a power cut: contents and names are on the disk. Each appears under
 * its name complete or not at all. `beforeRename` runs at the last moment at which nothing is visible yet; what it
 * throws stops the write.
 */
export async function writeDurably(
  files: readonly FileToWrite[],
  beforeRename: () => void = () => {},
): Promise<void> {
  const directories = new Set<string>();
  const waiting = files[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const file of waiting) {
      await makeDirectories(dirname(file.path), directories);
      await writeFile(`${file.path}.new`, file);
      beforeRename();
      await rename(`${file.path}.new`, file.path);
    }
  };
  await settled(Array.from({ length: CONCURRENT_WRITES }, worker));
  await settled([...directories].map(syncDirectory));
}

/** Waits for all, also when one fails: whoever tries again must not meet a write of the failed attempt. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work))
    if (outcome.status === 'rejected') throw asDiskError(outcome.reason);
}

async function writeFile(path: string, { bytes, mode = 0o644 }: FileToWrite): Promise<void> {
  const file = await open(path, 'w', mode);
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes the directory; notes every directory whose list of names changed or will change. */
async function makeDirectories(path: string, changed: Set<string>): Promise<void> {
  if (changed.has(path)) return;
  changed.add(path);
  const firstMade = await mkdir(path, { recursive: true });
  if (firstMade === undefined) return;
  for (let made = path; made.length >= firstMade.length; made = dirname(made)) changed.add(dirname(made));
}

/** The names in a directory are durable only when the directory itself is (fsync(2), notes). */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The name of a system error ('ENOSPC'); undefined when `error` is none. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || error instanceof EngineError) return undefined;
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function asDiskError(error: unknown): unknown {
  const code = systemErrorCode(error);
  if (code === undefined) return error;
  return new EngineError('unavailable', 'LEDGER_DISK', `writing the ledger's files: ${code}`, {
    cause: error,
  });
}
