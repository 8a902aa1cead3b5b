import type { CsvFault } from './csv-fault.js';
import { type CsvOverrides, csvLimits } from './csv-source.js';
import { type CsvUnitHead, writeUnit } from './csv-unit.js';
import { isPlain, UnitCodec } from './encoding.js';
import { type CutRow, RowCutter } from './row-cutter.js';
import { type CsvFindings, type CsvReaderOptions, type SettledFile, settleFile } from './settle-file.js';

/** Rows that are one message, or a row that is none. */
export interface CsvPart {
  /** A unit that `readUnit` reads; of a row with a fault its bytes, at most 64 KiB of them. */
  readonly raw: Buffer;
  /** Where it begins in the file, from 1. */
  readonly line: number;
  readonly rows: number;
  readonly fault: CsvFault | undefined;
}

/**
 * Cuts a file of rows into units, in memory bounded by `csvLimits`. One row that is none costs itself alone. Throws `rejected`
 * when the file is of no layout, has no columns, or lacks those that its layout requires.
 */
export class CsvReader {
  rows = 0;
  badRows = 0;
  units = 0;
  /** Lines that are no rows: comments, totals. */
  skipped = 0;
  #sample: Buffer[] = [];
  #sampled = 0;
  #open: OpenFile | undefined;

  constructor(private readonly options: CsvReaderOptions) {}

  /** Undefined until enough of the file was read. */
  get findings(): CsvFindings | undefined {
    return this.#open?.findings;
  }

  /** The units that are complete with this piece; pieces of 64 KiB and more cost least. */
  push(piece: Buffer): CsvPart[] {
    if (this.#open) return this.#counted(this.#open.push(piece));
    this.#sample.push(piece);
    this.#sampled += piece.length;
    return this.#sampled < csvLimits.sampleBytes ? [] : this.#begin();
  }

  /** What is left. */
  end(): CsvPart[] {
    const begun = this.#open ? [] : this.#begin();
    return [...begun, ...this.#counted(this.#open?.end() ?? [])];
  }

  #begin(): CsvPart[] {
    const start = Buffer.concat(this.#sample);
    this.#sample = [];
    const file = settleFile(start, this.options);
    this.#open = new OpenFile(file, this.options.overrides ?? {});
    return this.#counted(this.#open.push(start.subarray(file.markLength)));
  }

  #counted(parts: CsvPart[]): CsvPart[] {
    for (const { fault, rows } of parts) {
      this.rows += rows;
      if (fault) this.badRows++;
      else this.units++;
    }
    this.skipped = this.#open?.skipped ?? 0;
    return parts;
  }
}

/** Rows that wait for the end of their group. */
interface Group {
  readonly key: string;
  readonly line: number;
  readonly texts: string[];
  readonly patient: string | undefined;
  length: number;
}

/** A file whose looks are settled. */
class OpenFile {
  skipped = 0;
  readonly #codec: UnitCodec;
  readonly #cutter: RowCutter;
  readonly #required: readonly number[];
  readonly #group: readonly number[];
  readonly #patient: number;
  readonly #nulls: ReadonlySet<string>;
  readonly #skip: ReadonlySet<string>;
  #header = '';
  #linesBefore: number;
  #cells: number;
  #hasHeader: boolean;
  #pending: Group | undefined;

  constructor(
    private readonly file: SettledFile,
    private readonly overrides: CsvOverrides,
  ) {
    const { dialect } = file;
    const { source, binding } = file.layout;
    const placeOf = (name: string) =>
      binding.columns.indexOf(source.columns.findIndex((column) => column.name === name));
    this.#codec = new UnitCodec(dialect.encoding);
    this.#cutter = new RowCutter(dialect, source.skipLines + 1);
    this.#required = source.columns.flatMap(({ name, required }) =>
      required === 'cell' ? [placeOf(name)] : [],
    );
    this.#group = source.group.map(placeOf);
    this.#patient = source.patient === undefined ? -1 : placeOf(source.patient);
    this.#nulls = new Set(source.nulls);
    this.#skip = new Set(source.skip);
    this.#hasHeader = !dialect.header;
    this.#linesBefore = source.skipLines;
    this.#cells = binding.columns.length;
  }

  get findings(): CsvFindings {
    return this.file.findings;
  }

  push(piece: Buffer): CsvPart[] {
    const units = this.#behindSkipped(this.#codec.units(piece));
    return units === '' ? [] : this.#take(this.#cutter.push(units));
  }

  end(): CsvPart[] {
    return [...this.#take(this.#cutter.end()), ...this.#flush()];
  }

  #behindSkipped(units: string): string {
    let at = 0;
    while (this.#linesBefore > 0) {
      const end = units.indexOf(this.file.dialect.lineEnd, at);
      if (end < 0) return '';
      at = end + 1;
      this.#linesBefore--;
    }
    return units.slice(at);
  }

  #take(rows: readonly CutRow[]): CsvPart[] {
    const parts: CsvPart[] = [];
    for (const row of rows) {
      // The first row that is one: what stands before it and is none costs itself alone, here too.
      if (!this.#hasHeader && row.cells) {
        this.#hasHeader = true;
        this.#header = this.#ended(row.text);
        continue;
      }
      this.#takeRow(row, parts);
    }
    this.skipped = this.#cutter.comments + this.#skippedRows;
    return parts;
  }

  #skippedRows = 0;

  #takeRow(row: CutRow, parts: CsvPart[]): void {
    // Files that were put one behind the other repeat their header.
    const isHeader = this.#header !== '' && this.#ended(row.text) === this.#header;
    if (isHeader || (row.cells && this.#skip.has((row.cells[0] ?? '').trim()))) {
      this.#skippedRows++;
      return;
    }
    const fault = row.fault ?? this.#faultOf(row);
    if (fault || !row.cells) {
      parts.push(...this.#flush(), this.#bad(row, fault));
      return;
    }
    const { cells } = row;
    const key = this.#group.map((at) => cells[at] ?? '').join('\u0000');
    const pending = this.#pending;
    const isSame = pending?.key === key && this.#group.length > 0;
    const hasRoom =
      isSame &&
      pending.texts.length < csvLimits.groupRows &&
      pending.length + row.text.length <= csvLimits.groupLength;
    if (pending && hasRoom) {
      pending.texts.push(this.#ended(row.text));
      pending.length += row.text.length;
      return;
    }
    parts.push(...this.#flush());
    const text = this.#ended(row.text);
    this.#pending = {
      key,
      line: row.line,
      texts: [text],
      patient: this.#patientOf(cells),
      length: text.length,
    };
  }

  #patientOf(cells: readonly string[]): string | undefined {
    const cell = cells[this.#patient];
    return cell === undefined ? undefined : this.#codec.text(cell)?.trim();
  }

  #bad({ text, line }: CutRow, fault: CsvFault | undefined): CsvPart {
    const raw = this.#codec.bytes(text.slice(0, csvLimits.keptBytes));
    return { raw, line, rows: 1, fault: fault ?? { code: 'CSV_CELLS', message: 'the row has no cells' } };
  }

  #faultOf({ cells = [], text }: CutRow): CsvFault | undefined {
    const tooMany = cells.length > this.#cells && cells.slice(this.#cells).some((cell) => cell.trim() !== '');
    if (tooMany || cells.length < this.#cells)
      return { code: 'CSV_CELLS', message: `the row has ${cells.length} cells, not ${this.#cells}` };
    if (!isPlain(text) && this.#codec.text(text) === undefined)
      return {
        code: 'CSV_ENCODING',
        message: `some of its bytes are no text in ${this.file.dialect.encoding}`,
      };
    for (const at of this.#required) {
      const cell = (cells[at] ?? '').trim();
      if (cell !== '' && !this.#nulls.has(cell)) continue;
      const column = this.file.layout.source.columns[this.file.layout.binding.columns[at] ?? -1];
      return { code: 'CSV_REQUIRED_EMPTY', message: `the row has no ${column?.name ?? 'value'}` };
    }
    return undefined;
  }

  /** The last line of a file may lack its end, and another row may follow it in a unit. */
  #ended(text: string): string {
    return text.endsWith(this.file.dialect.lineEnd) ? text : text + this.file.dialect.lineEnd;
  }

  #flush(): CsvPart[] {
    const group = this.#pending;
    if (!group) return [];
    this.#pending = undefined;
    const { line, patient, texts } = group;
    const head: CsvUnitHead = {
      layout: this.file.layout.source.name,
      dialect: this.file.dialect,
      line,
      ...(patient === undefined || patient === '' ? {} : { patient }),
      ...(Object.keys(this.overrides).length === 0 ? {} : { overrides: this.overrides }),
    };
    const raw = writeUnit(head, this.#codec.bytes(this.#header), this.#codec.bytes(texts.join('')));
    return [{ raw, line, rows: texts.length, fault: undefined }];
  }
}
