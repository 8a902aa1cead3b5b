import type { Position } from '#kernel';
import { isEngineError } from '#kernel';
import { HASH_BYTES, hashLeaf, TILE_WIDTH, tilePath, tileWidth } from '#merkle';
import type { LedgerDirectory } from '../ledger-directory.js';
import type { AuditLog } from './audit-report.js';

/** What the files say about the leaves of one level-0 tile; undefined where a file cannot be read. */
export interface FiledLeaves {
  readonly entries: readonly Buffer[] | undefined;
  readonly hashes: readonly Buffer[] | undefined;
}

export interface ChosenLeaf {
  readonly hash: Buffer | undefined;
  /** The bundle's entry, if it has that hash. */
  readonly entry: Buffer | undefined;
}

/** Compares the ledger's files with each other and with the database, tile by tile. */
export class TileAudit {
  /** The upper tiles read last, one per level. */
  private readonly upper = new Map<number, { index: number; hashes: readonly Buffer[] | undefined }>();

  constructor(
    private readonly directory: LedgerDirectory,
    private readonly size: number,
    private readonly log: AuditLog,
    private readonly messageOf: (leaf: number) => Promise<Position | undefined>,
  ) {}

  /** Bundle and level-0 tile `index`; names a missing or malformed file. */
  async read(index: number): Promise<FiledLeaves> {
    const width = tileWidth(0, index, this.size);
    const entries = await this.orNoted(
      () => this.directory.readBundle(index, width),
      [index * TILE_WIDTH, index * TILE_WIDTH + width - 1],
      tilePath('entries', index, width),
    );
    return { entries, hashes: await this.readTile(0, index) };
  }

  /**
   * Three copies of each leaf: the tile's hash, the bundle's entry, the database's entry. Two that agree outvote the
   * third, which is named (the database's by the message audit); the tree above decides whether they are right.
   */
  async choose(
    index: number,
    { entries, hashes }: FiledLeaves,
    stored: readonly (Buffer | undefined)[],
  ): Promise<ChosenLeaf[]> {
    const chosen: ChosenLeaf[] = [];
    for (let at = 0; at < tileWidth(0, index, this.size); at++) {
      const leaf = index * TILE_WIDTH + at;
      const entry = entries?.[at];
      const own = stored[at];
      const inTile = hashes?.[at];
      const inBundle = entry && hashLeaf(entry);
      const inRow = own && hashLeaf(own);
      const hash = agreed(inTile, inBundle, inRow);
      if (inTile !== undefined && hash !== undefined && !inTile.equals(hash))
        await this.named(
          'TILE_CHANGED',
          tilePath(0, index, tileWidth(0, index, this.size)),
          [leaf, leaf],
          `hash ${at}`,
        );
      const fits = inBundle !== undefined && hash !== undefined && inBundle.equals(hash);
      if (inBundle !== undefined && !fits)
        await this.named(
          'BUNDLE_CHANGED',
          tilePath('entries', index, tileWidth(0, index, this.size)),
          [leaf, leaf],
          `entry ${at}`,
        );
      chosen.push({ hash, entry: fits ? entry : undefined });
    }
    return chosen;
  }

  /** A hash of an upper tile, computed from the leaves below, against the stored one. */
  async compareUpper(level: number, index: number, hash: Buffer): Promise<void> {
    const tile = Math.floor(index / TILE_WIDTH);
    let known = this.upper.get(level);
    if (known?.index !== tile) {
      known = { index: tile, hashes: await this.readTile(level, tile) };
      this.upper.set(level, known);
    }
    const stored = known.hashes?.[index % TILE_WIDTH];
    if (stored === undefined || stored.equals(hash)) return;
    const leaves = TILE_WIDTH ** level;
    const path = tilePath(level, tile, tileWidth(level, tile, this.size));
    await this.named(
      'TILE_CHANGED',
      path,
      [index * leaves, (index + 1) * leaves - 1],
      `hash ${index % TILE_WIDTH}, or everything below it,`,
    );
  }

  private async readTile(level: number, index: number): Promise<readonly Buffer[] | undefined> {
    const width = tileWidth(level, index, this.size);
    const leaves = TILE_WIDTH ** level;
    const first = index * TILE_WIDTH * leaves;
    const tile = await this.orNoted(
      () => this.directory.readTile(level, index, width),
      [first, first + width * leaves - 1],
      tilePath(level, index, width),
    );
    if (tile === undefined) return undefined;
    return Array.from({ length: width }, (_, at) => tile.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
  }

  private async orNoted<T>(
    read: () => Promise<T>,
    leaves: [number, number],
    file: string,
  ): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!isEngineError(error, 'misconfigured')) throw error;
      const code =
        error.code === 'LEDGER_FILE_MISSING'
          ? 'FILE_MISSING'
          : file.includes('entries')
            ? 'BUNDLE_CHANGED'
            : 'TILE_CHANGED';
      const detail = error.code === 'LEDGER_FILE_MISSING' ? 'the file is gone' : 'the file cannot be read';
      this.log.add({ code, file, leaves, messages: await this.between(leaves), detail });
      return undefined;
    }
  }

  private async named(
    code: 'TILE_CHANGED' | 'BUNDLE_CHANGED',
    file: string,
    leaves: [number, number],
    what: string,
  ): Promise<void> {
    const detail = `${what} is not what the tree holds`;
    this.log.add({ code, file, leaves, messages: await this.between(leaves), detail });
  }

  private async between([first, last]: readonly [number, number]): Promise<
    [Position | undefined, Position | undefined]
  > {
    return [await this.messageOf(first), await this.messageOf(last)];
  }
}

/** The hash that two of the three have, else the tile's, else any. */
function agreed(
  tile: Buffer | undefined,
  bundle: Buffer | undefined,
  row: Buffer | undefined,
): Buffer | undefined {
  if (bundle !== undefined && row?.equals(bundle) === true) return bundle;
  return tile ?? bundle ?? row;
}
