import type { Database } from '#database';
import type { Position } from '#kernel';
import { type IndexRange, rangesFrom } from '../ledger-tables.js';

const RANGES_PER_READ = 1_000;

/** Tells, in order, which message each leaf is. */
export class LeafPositions {
  private ranges: IndexRange[] = [];
  private at = 0;
  private exhausted = false;

  constructor(private readonly database: Database) {}

  /** The messages of leaves first .. end - 1, undefined where no range names one. Calls must go upwards. */
  async of(first: number, end: number): Promise<(Position | undefined)[]> {
    const positions: (Position | undefined)[] = [];
    for (let index = first; index < end; index++) {
      const range = await this.rangeAt(index);
      positions.push(
        range && {
          lane: range.lane,
          partition: range.partition,
          seq: range.firstSeq + index - range.firstIndex,
        },
      );
    }
    return positions;
  }

  private async rangeAt(index: number): Promise<IndexRange | undefined> {
    for (;;) {
      const range = this.ranges[this.at];
      if (range === undefined) {
        if (this.exhausted) return undefined;
        await this.readMore();
        continue;
      }
      if (index < range.firstIndex) return undefined;
      if (index < range.firstIndex + range.count) return range;
      this.at++;
    }
  }

  private async readMore(): Promise<void> {
    const after = this.ranges.at(-1)?.firstIndex ?? -1;
    this.ranges = await rangesFrom(this.database, after + 1, RANGES_PER_READ);
    this.exhausted = this.ranges.length < RANGES_PER_READ;
    this.at = 0;
  }
}
