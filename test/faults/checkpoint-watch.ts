import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Checkpoint,
  NoteVerifier,
  openCheckpoint,
  proveConsistency,
  TILE_WIDTH,
  tileHashReader,
  tilePath,
  verifyConsistency,
} from '#merkle';

const LOOK_EVERY_MS = 10;

/**
 * Looks at the checkpoint file all the time, as a witness would, and keeps every head that it saw. Afterwards each must be a
 * prefix of the next, proven from the tiles: the log never signed a smaller or a different tree.
 */
export class CheckpointWatch {
  private readonly notes: string[] = [];
  private watching = true;
  private readonly looking: Promise<void>;

  constructor(private readonly directory: string) {
    this.looking = this.look();
  }

  /** Stops looking and answers how many heads were seen, and a sentence for each that does not follow on the one before it. */
  async end(): Promise<{ seen: number; breaches: string[] }> {
    this.watching = false;
    await this.looking;
    await this.lookOnce();
    return { seen: this.notes.length, breaches: await this.breaches() };
  }

  private async look(): Promise<void> {
    while (this.watching) {
      await this.lookOnce();
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  private async lookOnce(): Promise<void> {
    const note = await readFile(join(this.directory, 'checkpoint'), 'utf8').catch(() => undefined);
    if (note !== undefined && note !== this.notes.at(-1)) this.notes.push(note);
  }

  private async breaches(): Promise<string[]> {
    const keyText = await readFile(join(this.directory, 'key.pub'), 'utf8').catch(() => '');
    const key = NoteVerifier.parse(keyText.trim());
    if (key === undefined) return ['checkpoint unsigned: there is no verifier key'];
    const breaches: string[] = [];
    let former: Checkpoint | undefined;
    for (const note of this.notes) {
      const opened = openCheckpoint(note, key);
      if (!opened.opened) {
        breaches.push(
          `checkpoint unsigned: a head that was seen after size ${former?.size ?? 0} does not open`,
        );
        continue;
      }
      if (former !== undefined) breaches.push(...(await this.compare(former, opened.checkpoint)));
      former = opened.checkpoint;
    }
    return breaches;
  }

  private async compare(old: Checkpoint, next: Checkpoint): Promise<string[]> {
    if (next.size < old.size) return [`checkpoint shrank: from ${old.size} to ${next.size}`];
    if (old.size === 0) return [];
    const read = tileHashReader(next.size, (...tile) => this.readTile(...tile));
    const proof = await proveConsistency(old.size, next.size, read);
    const claim = { oldSize: old.size, oldRoot: old.root, size: next.size, root: next.root, proof };
    return verifyConsistency(claim) ? [] : [`checkpoint forked: ${old.size} is no prefix of ${next.size}`];
  }

  /** Tiles only grow, so the full one, or any partial one that is wide enough, begins with the hashes of then. */
  private async readTile(level: number, index: number, width: number): Promise<Buffer> {
    const full = await readFile(join(this.directory, tilePath(level, index))).catch(() => undefined);
    if (full !== undefined) return full;
    for (let wide = width; wide < TILE_WIDTH; wide++) {
      const path = join(this.directory, tilePath(level, index, wide));
      const partial = await readFile(path).catch(() => undefined);
      if (partial !== undefined) return partial;
    }
    throw new Error(`tile ${level}/${index} of width ${width} is missing`);
  }
}
