import { type Dirent, type Stats } from 'node:fs';
import { lstat, mkdir, open, opendir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '#kernel';
import { checksumAlgorithms, checksumIn, namesFor, namesLike } from '../files/folder-names.js';
import type { Destiny, FolderFile, PolledFolder } from '../files/polled-folder.js';

/** Of a folder so many files are seen at one look; the others when these are gone. */
const filesMax = 100_000;
const checksumFileMaxBytes = 4_096;

export interface LocalFolderOptions {
  readonly path: string;
  readonly pattern: string;
  /** Folders on the same file system. */
  readonly claimed: string;
  readonly archive: string;
  readonly error: string;
  /** A file waits until its checksum is beside it. */
  readonly needsChecksum: boolean;
}

/**
 * A folder of this machine. Every move is a rename, which either happened or did not; reports are on disk before the file that
 * they tell of moves. Links, folders and special files are not followed.
 */
export class LocalFolder implements PolledFolder {
  readonly address: string;
  private readonly isAsked: (name: string) => boolean;
  private isOpen = false;

  constructor(private readonly options: LocalFolderOptions) {
    this.address = `directory ${options.path}`;
    this.isAsked = namesLike(options.pattern);
  }

  async claimed(): Promise<readonly FolderFile[]> {
    await this.open();
    return this.filesIn(this.options.claimed);
  }

  async list(): Promise<readonly FolderFile[]> {
    await this.open();
    return this.filesIn(this.options.path);
  }

  async claim(name: string): Promise<boolean> {
    const { path, claimed, needsChecksum } = this.options;
    if (await exists(join(claimed, name))) return false;
    const sums = checksumAlgorithms.map((algorithm) => `${name}.${algorithm}`);
    let hasSum = false;
    for (const sum of sums) hasSum ||= (await isFile(join(path, sum))) || (await isFile(join(claimed, sum)));
    if (needsChecksum && !hasSum) return false;
    // The checksum first: a claimed file has all that belongs to it.
    for (const sum of sums) await moved(join(path, sum), join(claimed, sum));
    if (!(await moved(join(path, name), join(claimed, name)))) return false;
    // What took its place since it was listed may be a link.
    if (await isFile(join(claimed, name))) return true;
    throw new EngineError(
      'unavailable',
      'FILE_NOT_REGULAR',
      'what was claimed is no regular file; remove it',
    );
  }

  async fetch(name: string) {
    const path = join(this.options.claimed, name);
    const bytes = { path, size: (await stat(path)).size };
    for (const algorithm of checksumAlgorithms) {
      if (!(await isFile(`${path}.${algorithm}`))) continue;
      const file = await stat(`${path}.${algorithm}`);
      const text = file.size > checksumFileMaxBytes ? '' : await readFile(`${path}.${algorithm}`, 'latin1');
      return { bytes, checksum: { algorithm, hex: checksumIn(text, algorithm) ?? 'none' } };
    }
    return { bytes };
  }

  async finish(name: string, destiny: Destiny, report: string): Promise<void> {
    const { claimed } = this.options;
    const folder = this.options[destiny];
    const kept = await freeName(folder, name);
    await writeDurably(join(folder, `${kept}.report.json`), report);
    for (const algorithm of checksumAlgorithms)
      await moved(join(claimed, `${name}.${algorithm}`), join(folder, `${kept}.${algorithm}`));
    await rename(join(claimed, name), join(folder, kept));
    await syncFolder(folder);
    await syncFolder(claimed);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async open(): Promise<void> {
    if (this.isOpen) return;
    const { path, claimed, archive, error } = this.options;
    const main = await stat(path).catch((cause: unknown) => unusable(path, cause));
    if (!main.isDirectory()) unusable(path, { code: 'ENOTDIR' });
    for (const folder of [claimed, archive, error]) {
      await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) =>
        unusable(folder, cause),
      );
      if ((await stat(folder)).dev !== main.dev)
        throw new EngineError(
          'misconfigured',
          'FOLDER_ELSEWHERE',
          `${folder} is on another file system than ${path}, so files cannot be moved at once; name a folder beside it`,
        );
    }
    this.isOpen = true;
  }

  private async filesIn(folder: string): Promise<FolderFile[]> {
    const files: FolderFile[] = [];
    const entries: AsyncIterable<Dirent> = await opendir(folder).catch((cause: unknown) =>
      unusable(folder, cause),
    );
    for await (const entry of entries) {
      if (!entry.isFile() || !this.isAsked(entry.name)) continue;
      const facts = await lstat(join(folder, entry.name)).catch(gone);
      if (facts?.isFile() !== true) continue;
      files.push({ name: entry.name, size: facts.size, modifiedMs: facts.mtimeMs });
      if (files.length >= filesMax) break;
    }
    return files;
  }
}

function unusable(folder: string, cause: unknown): never {
  const { code = 'unknown' } = cause as NodeJS.ErrnoException;
  const what =
    code === 'ENOENT' ? 'make the folder, or correct path' : 'give the engine the right to read and write it';
  throw new EngineError('misconfigured', 'FOLDER_UNUSABLE', `cannot use ${folder} (${code}); ${what}`, {
    cause,
  });
}

function gone(error: NodeJS.ErrnoException): Stats | undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(gone)) !== undefined;
}

async function isFile(path: string): Promise<boolean> {
  return (await lstat(path).catch(gone))?.isFile() === true;
}

/** False when there is nothing to move. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    gone(error as NodeJS.ErrnoException);
    return false;
  }
}

/** Nobody else writes into the folder, so a name that is free stays free. A report alone is one of a move that did not happen. */
async function freeName(folder: string, name: string): Promise<string> {
  for (const candidate of namesFor(name, Date.now()))
    if (!(await exists(join(folder, candidate)))) return candidate;
  throw new EngineError(
    'unavailable',
    'FOLDER_NAMES_TAKEN',
    `every name for a file in ${folder} is taken; empty it`,
  );
}

async function writeDurably(path: string, text: string): Promise<void> {
  const half = `${path}.tmp`;
  const file = await open(half, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(half, path);
}

/** So that a rename outlives a power failure. Some network file systems cannot, and say so. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await folder.close();
  }
}
