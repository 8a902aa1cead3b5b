import { EngineError } from '#kernel';
import { missingRequired } from './bind-columns.js';
import { sniffDecimal } from './cell-value.js';
import { bindLayout, type ChosenLayout, chooseLayout, looksLikeHeader } from './choose-layout.js';
import type { CsvDialect } from './csv-dialect.js';
import { type CsvOverrides, type CsvSource, csvLimits, isFixedWidth, plainSource } from './csv-source.js';
import { type Encoding, markedEncoding, sniffEncoding, UnitCodec } from './encoding.js';
import { needsOrder, sniffDateOrder } from './moment.js';
import type { RowSigns } from './row-cutter.js';
import { sampleRows, sniffSigns } from './sniff-signs.js';

export interface CsvReaderOptions {
  /** The layout that the file has; without it the columns choose one of `layouts`. */
  readonly layout?: CsvSource | undefined;
  readonly layouts?: readonly CsvSource[];
  readonly overrides?: CsvOverrides;
  /** Whether a file that no layout is for is read all the same, every column of it unknown; else it is refused. */
  readonly takesUnknown?: boolean;
}

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

/** A file of which it is known how to read it. */
export interface SettledFile {
  readonly layout: ChosenLayout;
  readonly dialect: CsvDialect;
  readonly findings: CsvFindings;
  /** Bytes of the byte order mark. */
  readonly markLength: number;
}

/** The beginning of a file, cut one way. */
interface Sample {
  readonly signs: RowSigns;
  readonly rows: readonly (readonly string[])[];
}

/** Settles what a file looks like from its start. Throws `rejected` when no layout is for it, or when columns are missing. */
export function settleFile(
  start: Buffer,
  { layout, layouts = [], overrides = {}, takesUnknown = false }: CsvReaderOptions,
): SettledFile {
  const encoding = encodingOf(start, overrides.encoding ?? layout?.encoding ?? 'auto');
  const said = separatorLine(start, encoding);
  const over = (source: CsvSource): CsvSource => ({ ...source, ...overrides, ...said });
  const asked = over(layout ?? plainSource);
  const cut = sampler(start, encoding);
  const sample = cut(asked);
  const [first] = sample.rows;
  if (first === undefined) throw new EngineError('rejected', 'CSV_EMPTY', 'there is no row in the file');
  const fits = layout
    ? { sample, layout: bindLayout(sample.rows, asked) }
    : chosen(sample, layouts.map(over), cut);
  const settled = fits ?? (takesUnknown ? { sample, layout: unknownLayout(sample, asked) } : undefined);
  if (!settled) throw layoutUnknown(first.length);
  const { source, binding, header } = settled.layout;
  const lacking = missingRequired(binding, source);
  if (lacking.length > 0)
    throw new EngineError('rejected', 'CSV_COLUMNS_MISSING', `the file has no column ${lacking.join(', ')}`);
  const knowsNone = binding.unknown.length === binding.columns.length;
  if (header && knowsNone && !takesUnknown) throw layoutUnknown(first.length);
  const { dates, ...values } = sniffValues(settled.sample.rows, settled.layout);
  const signs = { ...settled.sample.signs, comment: source.comment };
  const dialect: CsvDialect = { ...signs, encoding: encoding.label, header, ...values };
  const findings = findingsOf(settled.layout, dialect, dates);
  return { layout: settled.layout, dialect, findings, markLength: encoding.markLength };
}

function layoutUnknown(columns: number): EngineError {
  return new EngineError(
    'rejected',
    'CSV_LAYOUT_UNKNOWN',
    `no map is for a file with these ${columns} columns; suture infer drafts one`,
  );
}

/** Excel takes a first line `sep=;` for a word about the file, and so do we. */
function separatorLine(start: Buffer, { label, markLength }: Encoding): Partial<CsvSource> {
  const line = new UnitCodec(label).units(start.subarray(markLength, markLength + 32));
  const delimiter = /^"?sep=(.)"?\r?\n/i.exec(line)?.[1];
  return delimiter === undefined ? {} : { delimiter, skipLines: 1 };
}

function encodingOf(start: Buffer, declared: string): Encoding {
  return declared === 'auto'
    ? sniffEncoding(start.subarray(0, csvLimits.sampleBytes))
    : markedEncoding(declared, start);
}

function sampler(start: Buffer, encoding: Encoding): (source: CsvSource) => Sample {
  const codec = new UnitCodec(encoding.label);
  const isCut = start.length > csvLimits.sampleBytes;
  const all = codec.units(start.subarray(encoding.markLength, csvLimits.sampleBytes));
  return (source) => {
    const signs = sniffSigns(all, source);
    // The row that the end of the sample cuts is none.
    const units = isCut ? all.slice(0, all.lastIndexOf(signs.lineEnd) + 1) || all : all;
    const rows = sampleRows(units, signs, source.skipLines).map((cells) =>
      cells.map((cell) => codec.text(cell) ?? cell),
    );
    return { signs, rows };
  };
}

type Fitting = { readonly sample: Sample; readonly layout: ChosenLayout } | undefined;

/** By the cells that signs divide; else, of layouts with columns of fixed width, the first that fits. */
function chosen(sample: Sample, sources: readonly CsvSource[], cut: (source: CsvSource) => Sample): Fitting {
  const divided = chooseLayout(
    sample.rows,
    sources.filter((source) => !isFixedWidth(source)),
  );
  if (divided) return { sample, layout: divided };
  for (const source of sources.filter(isFixedWidth)) {
    const fixed = cut(source);
    const layout = chooseLayout(fixed.rows, [source]);
    if (layout) return { sample: fixed, layout };
  }
  return undefined;
}

function unknownLayout({ rows }: Sample, source: CsvSource): ChosenLayout {
  return bindLayout(rows, { ...source, header: looksLikeHeader(rows) });
}

/** The decimal sign, and the order of day and month, as the typed columns of the sample tell them. */
function sniffValues(
  rows: readonly (readonly string[])[],
  { source, binding, header }: ChosenLayout,
): Pick<CsvDialect, 'decimal' | 'dateOrder'> & Pick<CsvFindings, 'dates'> {
  const numbers: string[] = [];
  const moments: string[] = [];
  for (const cells of header ? rows.slice(1) : rows) {
    cells.forEach((cell, at) => {
      const type = source.columns[binding.columns[at] ?? -1]?.type;
      if (type === 'decimal') numbers.push(cell);
      else if (type === 'date' || type === 'datetime') moments.push(cell);
    });
  }
  const decimal = source.decimal === 'auto' ? (sniffDecimal(numbers) ?? '.') : source.decimal;
  const dateOrder = sniffDateOrder(moments);
  const found = dateOrder ?? (moments.some(needsOrder) ? 'unknown' : 'certain');
  return { decimal, dateOrder, dates: source.dates.length > 0 ? 'declared' : found };
}

function findingsOf(
  { source, binding, header }: ChosenLayout,
  { encoding, delimiter, quote, decimal, widths }: CsvDialect,
  dates: CsvFindings['dates'],
): CsvFindings {
  return {
    layout: source.name,
    encoding,
    delimiter: widths ? 'none: fixed width' : delimiter,
    quote,
    header,
    decimal,
    dates,
    cells: binding.columns.length,
    unknown: header ? binding.unknown : [],
    missing: binding.missing,
  };
}
