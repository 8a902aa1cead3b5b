import { readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, EngineError, type Random } from '#kernel';
import { decodeBundle, HASH_BYTES, TILE_WIDTH, tilePath } from '#merkle';
import { type FileToWrite, replaceDurably, systemErrorCode, writeDurably } from './durable-files.js';

const CHECKPOINT = 'checkpoint';
const OWNER = 'owner';
const OWNER_TOKEN_BYTES = 16;

/**
 * The ledger's files, laid out as C2SP tlog-tiles: checkpoint, tile/<level>/<index>, tile/entries/<index>. Anyone may
 * read them at any time, also from another process; only the owner writes. What the checkpoint covers is never
 * written again; what lies beyond it after a crash means nothing.
 */
export class LedgerDirectory {
  private ownerToken = '';

  constructor(readonly path: string) {}

  /**
   * Takes the directory for this process. Nothing is ever left locked: a later owner, who must hold the database lock,
   * overwrites the token, and who finds another's token writes no checkpoint any more.
   */
  async own(random: Random): Promise<void> {
    this.ownerToken = random.bytes(OWNER_TOKEN_BYTES).toString('hex');
    await replaceDurably({ path: join(this.path, OWNER), bytes: this.ownerToken });
  }

  /** The signed note of the newest tree head; undefined before the first. */
  async readCheckpoint(): Promise<string | undefined> {
    return (await this.read(CHECKPOINT))?.toString('utf8');
  }

  /** Replaces the checkpoint, atomically and durably. `unavailable` LEDGER_TAKEN_OVER if another process owns the directory. */
  async writeCheckpoint(note: string): Promise<void> {
    const file = { path: join(this.path, CHECKPOINT), bytes: note };
    await replaceDurably(file, { beforeRename: () => this.assertOwned() });
  }

  /** Replaces a small file beside the tree, atomically and durably. */
  async write(name: string, text: string, mode?: number): Promise<void> {
    await replaceDurably({ path: join(this.path, name), bytes: text }, mode === undefined ? {} : { mode });
  }

  /** Writes tiles and bundles beyond the checkpoint (paths relative, with slashes), all durable when it resolves. */
  async writeAll(files: readonly FileToWrite[]): Promise<void> {
    await writeDurably(files.map((file) => ({ ...file, path: join(this.path, file.path) })));
  }

  /**
   * The first `width` hashes of a tile. A partial tile may have given way to a wider one since the caller learned of it.
   * `misconfigured` LEDGER_FILE_MISSING or LEDGER_FILE_DAMAGED when the files do not hold what the checkpoint covers.
   */
  async readTile(level: number, index: number, width: number): Promise<Buffer> {
    const bytes = await this.readWide(level, index, width);
    if (bytes.length < width * HASH_BYTES || bytes.length % HASH_BYTES !== 0)
      throw damaged(tilePath(level, index, width), 'has the wrong length');
    return bytes.subarray(0, width * HASH_BYTES);
  }

  /** The first `width` entries of a bundle; errors as `readTile`. */
  async readBundle(index: number, width: number): Promise<Buffer[]> {
    const entries = decodeBundle(await this.readWide('entries', index, width));
    if (entries === undefined || entries.length < width)
      throw damaged(tilePath('entries', index, width), 'is no entry bundle of that width');
    return entries.slice(0, width);
  }

  /** Removes the partial forms of a tile that is full now and durable. What a crash leaves of them does no harm. */
  async removePartials(level: number | 'entries', index: number): Promise<void> {
    await rm(join(this.path, `${tilePath(level, index)}.p`), { recursive: true, force: true });
  }

  /** A small file of the directory as it is; undefined when it does not exist. */
  async read(name: string): Promise<Buffer | undefined> {
    try {
      return await readFile(join(this.path, name));
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw new EngineError('unavailable', 'LEDGER_DISK', `reading the ledger's file ${name}`, {
        cause: error,
      });
    }
  }

  private async readWide(level: number | 'entries', index: number, width: number): Promise<Buffer> {
    assert(width >= 1 && width <= TILE_WIDTH, 'LEDGER_TILE_WIDTH');
    const path = tilePath(level, index, width);
    const bytes = (await this.read(path)) ?? (await this.read(tilePath(level, index)));
    if (bytes === undefined) {
      throw new EngineError(
        'misconfigured',
        'LEDGER_FILE_MISSING',
        `the ledger's file ${path} is missing. Restore it from a backup of ${this.path}; files that the checkpoint covers never change.`,
      );
    }
    return bytes;
  }

  private assertOwned(): void {
    // Synchronous, right before the rename: the moment in which another owner could appear is as short as it can be.
    const owner = readFileSync(join(this.path, OWNER), 'utf8');
    if (owner === this.ownerToken) return;
    throw new EngineError(
      'unavailable',
      'LEDGER_TAKEN_OVER',
      `another process has taken over the ledger in ${this.path}; this one writes no checkpoint any more`,
    );
  }
}

function damaged(path: string, how: string): EngineError {
  return new EngineError(
    'misconfigured',
    'LEDGER_FILE_DAMAGED',
    `the ledger's file ${path} ${how}. Restore it from a backup; 'suture audit' names what else is damaged.`,
  );
}
