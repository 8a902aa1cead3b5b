import { EngineError } from '#kernel';
import { type ColumnBinding, missingRequired } from './bind-columns.js';
import { sniffDecimal } from './cell-value.js';
import { bindLayout, type ChosenLayout, chooseLayout, looksLikeHeader } from './choose-layout.js';
import type { CsvDialect } from './csv-dialect.js';
import type { CsvFault } from './csv-fault.js';
import { type CsvOverrides, type CsvSource, csvLimits, isFixedWidth, plainSource } from './csv-source.js';
import { type CsvUnitHead, writeUnit } from './csv-unit.js';
import { type Encoding, isPlain, markedEncoding, sniffEncoding, UnitCodec } from './encoding.js';
import { needsOrder, sniffDateOrder } from './moment.js';
import { type CutRow, RowCutter } from './row-cutter.js';
import { sampleRows, sniffSigns } from './sniff-signs.js';

/** What was found out of a file: for its report. */
export interface CsvFindings {
  readonly layout: string;
  readonly encoding: string;
  readonly delimiter: string;
  readonly quote: string;
  readonly header: boolean;
  readonly decimal: '.' | ',';
  /** `unknown`: day and month could be either, and nobody said which; `certain`: they are written so that nobody needs to say. */
  readonly dates: 'declared' | 'day-first' | 'month-first' | 'certain' | 'unknown';
  /** Cells of a row. */
  readonly cells: number;
  /** Columns of the file that the layout does not know; their cells stay unmapped. */
  readonly unknown: readonly string[];
  /** Columns of the layout that the file lacks. */
  readonly missing: readonly string[];
}

/** Rows that are one message, or a row that is none. */
export interface CsvPart {
  /** A unit that `readUnit` reads; of a row with a fault its bytes, at most 64 KiB of them. */
  readonly raw: Buffer;
  /** Where it begins in the file, from 1. */
  readonly line: number;
  readonly rows: number;
  readonly fault: CsvFault | undefined;
}

export interface CsvReaderOptions {
  /** The layout that the file has; without it the columns choose one of `layouts`. */
  readonly layout?: CsvSource | undefined;
  readonly layouts?: readonly CsvSource[];
  readonly overrides?: CsvOverrides;
  /** Whether a file that no layout is for is read all the same, every column of it unknown; else it is refused. */
  readonly takesUnknown?: boolean;
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
    this.#open = openFile(start, this.options);
    return this.#counted(this.#open.push(start.subarray(this.#open.markLength)));
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

/** Settles what a file looks like from its start. */
function openFile(
  start: Buffer,
  { layout, layouts = [], overrides = {}, takesUnknown = false }: CsvReaderOptions,
): OpenFile {
  const over = (source: CsvSource): CsvSource => ({ ...source, ...overrides });
  const asked = over(layout ?? plainSource);
  const encoding = encodingOf(start, asked.encoding);
  const codec = new UnitCodec(encoding.label);
  const units = codec.units(start.subarray(encoding.markLength, csvLimits.sampleBytes));
  const signs = sniffSigns(units, asked);
  const rows = sampleRows(units, signs, asked.skipLines).map((cells) =>
    cells.map((cell) => codec.text(cell) ?? cell),
  );
  const [first] = rows;
  if (first === undefined) throw new EngineError('rejected', 'CSV_EMPTY', 'there is no row in the file');
  const found = layout ? bindLayout(rows, asked) : chooseLayout(rows, layouts.map(over));
  const chosen = found ?? (takesUnknown ? unknownLayout(rows, asked) : undefined);
  if (!chosen)
    throw new EngineError(
      'rejected',
      'CSV_LAYOUT_UNKNOWN',
      `no map is for a file with these ${first.length} columns; suture infer drafts one`,
    );
  const lacking = missingRequired(chosen.binding, chosen.source);
  if (lacking.length > 0)
    throw new EngineError('rejected', 'CSV_COLUMNS_MISSING', `the file has no column ${lacking.join(', ')}`);
  const { dates, ...values } = sniffValues(rows, chosen);
  const dialect: CsvDialect = {
    ...signs,
    comment: chosen.source.comment,
    encoding: encoding.label,
    header: chosen.header,
    ...values,
  };
  return new OpenFile({ ...chosen, dates }, dialect, encoding, overrides);
}

function encodingOf(start: Buffer, declared: string): Encoding {
  return declared === 'auto'
    ? sniffEncoding(start.subarray(0, csvLimits.sampleBytes))
    : markedEncoding(declared, start);
}

function unknownLayout(rows: readonly (readonly string[])[], source: CsvSource): ChosenLayout {
  return bindLayout(rows, { ...source, header: looksLikeHeader(rows) });
}

/** The decimal sign, and the order of day and month, as the typed columns of the sample tell them. */
function sniffValues(
  rows: readonly (readonly string[])[],
  { source, binding, header }: ChosenLayout,
): Pick<CsvDialect, 'decimal' | 'dateOrder'> & Pick<CsvFindings, 'dates'> {
  const numbers: string[] = [];
  const dates: string[] = [];
  for (const cells of header ? rows.slice(1) : rows) {
    cells.forEach((cell, at) => {
      const type = source.columns[binding.columns[at] ?? -1]?.type;
      if (type === 'decimal') numbers.push(cell);
      else if (type === 'date' || type === 'datetime') dates.push(cell);
    });
  }
  const decimal = source.decimal === 'auto' ? (sniffDecimal(numbers) ?? '.') : source.decimal;
  const dateOrder = sniffDateOrder(dates);
  const order = dateOrder ?? (dates.some(needsOrder) ? 'unknown' : 'certain');
  return { decimal, dateOrder, dates: source.dates.length > 0 ? 'declared' : order };
}

/** Rows that wait for the end of their group. */
interface Group {
  readonly key: string;
  readonly line: number;
  readonly texts: string[];
  readonly patient: string | undefined;
  length: number;
}

type SettledLayout = ChosenLayout & Pick<CsvFindings, 'dates'>;

/** A file whose looks are settled. */
class OpenFile {
  skipped = 0;
  readonly findings: CsvFindings;
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
  #isBegun = false;
  #pending: Group | undefined;

  constructor(
    private readonly layout: SettledLayout,
    private readonly dialect: CsvDialect,
    private readonly encoding: Encoding,
    private readonly overrides: CsvOverrides,
  ) {
    const { source, binding } = layout;
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
    this.#linesBefore = source.skipLines;
    this.#cells = binding.columns.length;
    this.findings = findingsOf(layout, dialect);
  }

  get markLength(): number {
    return this.encoding.markLength;
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
      const end = units.indexOf(this.dialect.lineEnd, at);
      if (end < 0) return '';
      at = end + 1;
      this.#linesBefore--;
    }
    return units.slice(at);
  }

  #take(rows: readonly CutRow[]): CsvPart[] {
    const parts: CsvPart[] = [];
    for (const row of rows) {
      if (!this.#isBegun) {
        this.#isBegun = true;
        if (this.dialect.header && row.cells) {
          this.#header = this.#ended(row.text);
          continue;
        }
      }
      this.#takeRow(row, parts);
    }
    this.skipped = this.#cutter.comments + this.#skippedRows;
    return parts;
  }

  #skippedRows = 0;

  #takeRow(row: CutRow, parts: CsvPart[]): void {
    if (row.cells && this.#skip.has((row.cells[0] ?? '').trim())) {
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
      return { code: 'CSV_ENCODING', message: `some of its bytes are no text in ${this.dialect.encoding}` };
    for (const at of this.#required) {
      const cell = (cells[at] ?? '').trim();
      if (cell !== '' && !this.#nulls.has(cell)) continue;
      const column = this.layout.source.columns[this.layout.binding.columns[at] ?? -1];
      return { code: 'CSV_REQUIRED_EMPTY', message: `the row has no ${column?.name ?? 'value'}` };
    }
    return undefined;
  }

  /** The last line of a file may lack its end, and another row may follow it in a unit. */
  #ended(text: string): string {
    return text.endsWith(this.dialect.lineEnd) ? text : text + this.dialect.lineEnd;
  }

  #flush(): CsvPart[] {
    const group = this.#pending;
    if (!group) return [];
    this.#pending = undefined;
    const { line, patient, texts } = group;
    const head: CsvUnitHead = {
      layout: this.layout.source.name,
      dialect: this.dialect,
      line,
      ...(patient === undefined || patient === '' ? {} : { patient }),
      ...(Object.keys(this.overrides).length === 0 ? {} : { overrides: this.overrides }),
    };
    const raw = writeUnit(head, this.#codec.bytes(this.#header), this.#codec.bytes(texts.join('')));
    return [{ raw, line, rows: texts.length, fault: undefined }];
  }
}

function findingsOf({ source, binding, header, dates }: SettledLayout, dialect: CsvDialect): CsvFindings {
  return {
    layout: source.name,
    encoding: dialect.encoding,
    delimiter: isFixedWidth(source) ? 'none: fixed width' : dialect.delimiter,
    quote: dialect.quote,
    header,
    decimal: dialect.decimal,
    dates,
    cells: binding.columns.length,
    unknown: binding.unknown,
    missing: binding.missing,
  };
}
