import type { FileFinding, Receipt } from '#channel';
import { formatPosition } from '#kernel';

/** So many refusals and findings stand in a report one by one; the counts are of all. */
const listedMax = 1_000;

/** A unit that was refused; its bytes are kept for the operator (`suture doctor`, table refusal). */
export interface RefusedUnit {
  readonly unit: number;
  readonly line: number;
  readonly code: string;
  readonly reason: string;
  /** Which file of an archive, from 1. */
  readonly entry?: number;
}

/** What became of one file: what came in is `journaled + duplicates + refused`. Holds no name and no content. */
export interface FileReport {
  readonly channel: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly format: string;
  /** Files in it, when it is an archive. */
  readonly entries?: number;
  readonly units: number;
  readonly journaled: number;
  /** Had been journaled before: by an earlier file, or by this one before a crash. */
  readonly duplicates: number;
  readonly refused: number;
  /** The first and the last place in the journal. */
  readonly positions: readonly string[];
  readonly refusals: readonly RefusedUnit[];
  readonly findings: readonly (FileFinding & { readonly entry?: number })[];
  /** Refusals and findings beyond those listed. */
  readonly unlisted: number;
  /** True when work on it had begun before the source was started. */
  readonly resumed: boolean;
  readonly takenAt: string;
}

/** Counts what becomes of the units of a file. */
export class FileTally {
  format = '';
  entries: number | undefined;
  units = 0;
  journaled = 0;
  duplicates = 0;
  refused = 0;
  /** All of them, at most as many as are listed. */
  readonly positions: string[] = [];
  private last: string | undefined;
  private readonly refusals: RefusedUnit[] = [];
  private readonly findings: (FileFinding & { readonly entry?: number })[] = [];
  private unlisted = 0;

  /** The next unit is given out: its number, from 1. */
  next(): number {
    this.units++;
    return this.units;
  }

  count(
    place: Pick<RefusedUnit, 'unit' | 'line' | 'entry'>,
    receipt: Exclude<Receipt, { outcome: 'uncertain' }>,
  ): void {
    if (receipt.outcome === 'refused') {
      this.refused++;
      const { code, message: reason } = receipt.error;
      if (this.refusals.length < listedMax) this.refusals.push({ ...place, code, reason });
      else this.unlisted++;
      return;
    }
    if (receipt.duplicate) this.duplicates++;
    else this.journaled++;
    if (receipt.position === undefined) return;
    this.last = formatPosition(receipt.position);
    if (this.positions.length < listedMax) this.positions.push(this.last);
  }

  note(finding: FileFinding, entry: number | undefined): void {
    if (this.findings.length >= listedMax) this.unlisted++;
    else this.findings.push(entry === undefined ? finding : { ...finding, entry });
  }

  report(facts: Pick<FileReport, 'channel' | 'sha256' | 'bytes' | 'resumed' | 'takenAt'>): FileReport {
    const { format, entries, units, journaled, duplicates, refused, refusals, findings, unlisted } = this;
    const first = this.positions[0];
    const positions = [first, this.last].flatMap((one, index, all) =>
      one === undefined || (index === 1 && one === all[0]) ? [] : [one],
    );
    return {
      ...facts,
      format,
      ...(entries === undefined ? {} : { entries }),
      units,
      journaled,
      duplicates,
      refused,
      positions,
      refusals,
      findings,
      unlisted,
    };
  }
}
