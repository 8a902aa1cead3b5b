import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EngineError } from '#kernel';

export interface FileToWrite {
  /** Absolute. */
  readonly path: string;
  readonly bytes: Buffer | string;
}

/** Files written at the same time: enough to keep the disk busy, few enough for the thread pool of the process. */
const CONCURRENT_WRITES = 4;
const MODE = 0o644;

/**
 * Writes all files and resolves when they survive a power cut: contents and names are on the disk. Until then, and after
 * a crash, each may be there whole, in part or not at all: only for files that nothing refers to yet.
 */
export async function writeDurably(files: readonly FileToWrite[]): Promise<void> {
  const directories = new Set<string>();
  const waiting = files[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const { path, bytes } of waiting) await writeSynced(path, bytes, MODE, directories);
  };
  await settled(Array.from({ length: CONCURRENT_WRITES }, worker));
  await settled([...directories].map(syncDirectory));
}

/**
 * Replaces one file, durably when it resolves. A reader, also after a crash, finds the old or the new content, never a
 * part. `beforeRename` runs at the last moment at which nothing has changed; what it throws stops the replacement.
 */
export async function replaceDurably(
  { path, bytes }: FileToWrite,
  { mode = MODE, beforeRename = () => {} }: { mode?: number; beforeRename?: () => void } = {},
): Promise<void> {
  const directories = new Set<string>();
  const replace = async (): Promise<void> => {
    await writeSynced(`${path}.new`, bytes, mode, directories);
    beforeRename();
    await rename(`${path}.new`, path);
  };
  await settled([replace()]);
  await settled([...directories].map(syncDirectory));
}

/** Notes in `directories` each directory whose list of names has changed. */
async function writeSynced(
  path: string,
  bytes: Buffer | string,
  mode: number,
  directories: Set<string>,
): Promise<void> {
  const file = await openNew(path, mode, directories);
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
  directories.add(dirname(path));
}

/** Makes the directory only when it is missing: hardly ever, and asking costs as much as opening. */
async function openNew(path: string, mode: number, directories: Set<string>): Promise<FileHandle> {
  try {
    return await open(path, 'w', mode);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
  const directory = dirname(path);
  const firstMade = await mkdir(directory, { recursive: true });
  if (firstMade !== undefined) {
    for (let made = directory; made.length >= firstMade.length; made = dirname(made))
      directories.add(dirname(made));
  }
  return open(path, 'w', mode);
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

/** Waits for all, also when one fails: whoever tries again must not meet a write of the failed attempt. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work))
    if (outcome.status === 'rejected') throw asDiskError(outcome.reason);
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
