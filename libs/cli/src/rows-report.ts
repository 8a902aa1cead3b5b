import type { ConvertedFile, MappingReport } from '#mapping';
import type { ColumnTally, ConversionReport } from './conversion-report.js';

/** So many places of each kind are told one by one; the counts by column are of all. */
const LISTED_MAX = 1_000;

const NO_MAP = 'MAPPING_NONE';

type ConvertedMessage = ConvertedFile['messages'][number];
type RowsSummary = NonNullable<ConvertedFile['rows']>;

/** Makes the report of a file of rows, message by message, in memory that does not grow with the file. */
export class RowsReporter {
  private readonly maps = new Set<string>();
  private readonly dropped: MappingReport['dropped'][number][] = [];
  private readonly unmapped: string[] = [];
  private readonly errors: MappingReport['errors'][number][] = [];
  private readonly columns = new Map<string, ColumnTally>();
  private mapped = 0;
  private refused = 0;
  private unlisted = 0;

  /** Bad rows are told by their line, all else by the line their message begins in: `line 7 row[2].sex`. */
  add({ line, map, report, refusal }: ConvertedMessage): void {
    const at = (path: string) => `line ${line ?? 1} ${path}`.trimEnd();
    if (map !== undefined) this.maps.add(map);
    if (refusal !== undefined) {
      this.refused++;
      // That no map is for the file is said once, and of no line.
      const isOfFile = refusal.code === NO_MAP;
      if (isOfFile && this.refused === 1)
        this.errors.push({ code: NO_MAP, path: '', rule: '', message: refusal.message });
      if (!isOfFile)
        this.list(this.errors, { code: refusal.code, path: at(''), rule: '', message: refusal.message });
    }
    if (report === undefined) return;
    this.mapped += report.mapped;
    for (const { path } of report.read ?? []) this.tally(path).mapped++;
    for (const leaf of report.dropped) {
      this.tally(leaf.path).dropped++;
      this.list(this.dropped, { ...leaf, path: at(leaf.path) });
    }
    for (const path of report.unmapped) {
      this.tally(path).unmapped++;
      this.list(this.unmapped, at(path));
    }
    for (const error of report.errors) this.list(this.errors, { ...error, path: at(error.path) });
  }

  report(source: string, summary: RowsSummary, hasBundle: boolean): ConversionReport {
    const { mapped, dropped, unmapped, errors, unlisted } = this;
    const columns = Object.fromEntries(this.columns);
    if (summary.rows === 0)
      errors.push({ code: 'CSV_NO_ROWS', path: '', rule: '', message: 'there is no row below the header' });
    return {
      source,
      format: 'csv',
      outcome: !hasBundle ? 'refused' : this.refused > 0 ? 'partly' : 'converted',
      messages: summary.units,
      maps: [...this.maps],
      mapped,
      dropped,
      unmapped,
      errors,
      rows: { ...summary, columns, unlisted },
    };
  }

  private tally(path: string): ColumnTally {
    const column = path.slice(path.indexOf('.') + 1);
    let tally = this.columns.get(column);
    if (tally === undefined) {
      tally = { mapped: 0, dropped: 0, unmapped: 0 };
      this.columns.set(column, tally);
    }
    return tally;
  }

  private list<T>(list: T[], one: T): void {
    if (list.length < LISTED_MAX) list.push(one);
    else this.unlisted++;
  }
}
