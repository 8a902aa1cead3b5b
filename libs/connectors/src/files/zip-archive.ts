import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  type Entry,
  fromBufferPromise,
  getFileNameLowLevel,
  openPromise,
  validateFileName,
  type ZipFile,
} from 'yauzl';
import { EngineError } from '#kernel';
import { type FileBytes, piecesOfStream } from './file-pieces.js';

/** What an archive may hold at most. */
export interface ZipLimits {
  readonly entriesMax: number;
  /** Of all files in it, unpacked. */
  readonly totalBytesMax: number;
  /** How many times larger than packed it may be, unpacked. */
  readonly ratioMax: number;
}

export const zipDefaults: ZipLimits = {
  entriesMax: 10_000,
  totalBytesMax: 2 * 1024 ** 3,
  ratioMax: 200,
};

/** Below this any ratio is harmless: a small text of blanks packs a thousandfold. */
const ratioFreeBytes = 1024 * 1024;

/** Whether a file that begins so is a zip archive (local file header, or the end record of an empty one). */
export function isZip(start: Buffer): boolean {
  return (
    start.length >= 4 && start.readUInt16BE(0) === 0x504b && [0x0304, 0x0506].includes(start.readUInt16BE(2))
  );
}

/**
 * A zip archive whose directory has been checked against the limits before anything of it is unpacked. Throws `rejected`
 * ZIP_* for what is damaged, encrypted, too large, or has names that lead out of a folder.
 */
export class ZipArchive {
  private constructor(
    private readonly zip: ZipFile,
    private readonly entries: readonly Entry[],
  ) {}

  static async open(bytes: FileBytes, limits: ZipLimits): Promise<ZipArchive> {
    // Names are decoded and checked here, so that each refusal has its code.
    const options = { lazyEntries: true, autoClose: false, decodeStrings: false };
    const zip = await ('path' in bytes
      ? openPromise(bytes.path, options)
      : fromBufferPromise(bytes.buffer, options)
    ).catch(damaged);
    try {
      return new ZipArchive(zip, await checkedEntries(zip, bytes.size, limits));
    } catch (error) {
      zip.close();
      throw error;
    }
  }

  get count(): number {
    return this.entries.length;
  }

  /** Unpacks everything once and keeps nothing: after it nothing of the archive can turn out to be damaged. */
  async verify(): Promise<void> {
    for (const [index, entry] of this.entries.entries()) {
      let sum = 0;
      let start: Buffer | undefined;
      for await (const piece of this.pieces(index)) {
        start ??= piece;
        sum = crc32(piece, sum);
      }
      if (start !== undefined && isZip(start))
        throw new EngineError(
          'rejected',
          'ZIP_NESTED',
          `file ${index + 1} of the archive is an archive itself`,
        );
      if (sum !== entry.crc32) throw damagedError(`the checksum of file ${index + 1} is wrong`);
    }
  }

  /** The bytes of a file by its place, from 0. */
  async *pieces(index: number): AsyncGenerator<Buffer> {
    const entry = this.entries[index];
    if (entry === undefined) return;
    const stream: Readable = await this.zip.openReadStreamPromise(entry).catch(damaged);
    try {
      yield* piecesOfStream(stream);
    } catch (error) {
      damaged(error);
    } finally {
      stream.destroy();
    }
  }

  close(): void {
    this.zip.close();
  }
}

async function checkedEntries(zip: ZipFile, packedBytes: number, limits: ZipLimits): Promise<Entry[]> {
  const { entriesMax, totalBytesMax, ratioMax } = limits;
  if (zip.entryCount > entriesMax)
    throw new EngineError(
      'rejected',
      'ZIP_TOO_MANY_FILES',
      `the archive holds ${zip.entryCount} files, at most ${entriesMax} are taken`,
    );
  const entries: Entry[] = [];
  let total = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      const number = entries.length + 1;
      const name = getFileNameLowLevel(
        entry.generalPurposeBitFlag,
        entry.fileNameRaw,
        entry.extraFields,
        true,
      );
      if (validateFileName(name) !== null)
        throw new EngineError(
          'rejected',
          'ZIP_NAME_UNSAFE',
          `the name of file ${number} of the archive leads out of its folder`,
        );
      if (entry.isEncrypted())
        throw new EngineError('rejected', 'ZIP_ENCRYPTED', `file ${number} of the archive is encrypted`);
      total += entry.uncompressedSize;
      if (total > totalBytesMax)
        throw new EngineError(
          'rejected',
          'ZIP_TOO_LARGE',
          `unpacked, the archive is larger than ${totalBytesMax} bytes`,
        );
      if (total > ratioFreeBytes && total > packedBytes * ratioMax)
        throw new EngineError(
          'rejected',
          'ZIP_RATIO',
          `unpacked, the archive is more than ${ratioMax} times as large`,
        );
      if (!isLeftOut(name)) entries.push(entry);
    }
  } catch (error) {
    damaged(error);
  }
  if (entries.length === 0) throw new EngineError('rejected', 'ZIP_EMPTY', 'the archive holds no file');
  return entries;
}

/** Folders, and what file managers add for themselves. */
function isLeftOut(name: string): boolean {
  const parts = name.split('/');
  return name.endsWith('/') || parts[0] === '__MACOSX' || (parts.at(-1) ?? '').startsWith('.');
}

function damagedError(detail: string, cause?: unknown): EngineError {
  return new EngineError('rejected', 'ZIP_DAMAGED', `the archive is damaged: ${detail}`, { cause });
}

/** The texts of the library may hold names; what is not of its own making, as a disk that fails, goes on unchanged. */
function damaged(error: unknown): never {
  if (error instanceof EngineError) throw error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== undefined && /^E[A-Z]+$/.test(code)) throw error;
  throw damagedError('it cannot be read', error);
}
