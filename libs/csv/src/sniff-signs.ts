import { type CsvSource, csvLimits, isFixedWidth } from './csv-source.js';
import { RowCutter, type RowSigns } from './row-cutter.js';

const delimiters = [',', ';', '\t', '|'] as const;

/** What divides the sample into rows and cells, as far as `source` leaves it open. `units` is the sample, whole lines of it. */
export function sniffSigns(units: string, source: CsvSource): RowSigns {
  const lineEnd = units.includes('\n') || !units.includes('\r') ? '\n' : '\r';
  const { comment } = source;
  const quote = source.quote === 'none' ? '' : source.quote === 'auto' ? sniffQuote(units) : source.quote;
  const widths = isFixedWidth(source) ? source.columns.map(({ width }) => width ?? 0) : undefined;
  const signs = { quote, lineEnd, comment, widths } as const;
  if (source.delimiter !== 'auto') return { ...signs, delimiter: source.delimiter };
  let best = { delimiter: ',', score: 0 };
  for (const delimiter of delimiters) {
    const score = scoreOf(units, { ...signs, delimiter });
    if (score > best.score) best = { delimiter, score };
  }
  return { ...signs, delimiter: best.delimiter };
}

/** `'` only where it stands around cells, and `"` nowhere does. */
function sniffQuote(units: string): string {
  if (/(?:^|[,;\t|\r\n]) *"/.test(units)) return '"';
  const around = units.match(/(?:^|[,;\t|\r\n])'[^'\r\n]*'(?=[,;\t|\r\n]|$)/g)?.length ?? 0;
  return around > 1 ? "'" : '"';
}

/** The share of rows that have as many cells as the first one; among equal shares more cells are better. */
function scoreOf(units: string, signs: RowSigns): number {
  const rows = sampleRows(units, signs);
  const [first] = rows;
  if (first === undefined || first.length < 2) return 0;
  const equal = rows.filter((cells) => cells.length === first.length).length;
  return (equal / rows.length) * (1 + Math.min(first.length, 100) / 1_000);
}

/**
 * The first rows of a sample that are rows. What is left behind them is a row cut by the end of the sample; where there are none
 * it is looked at as well: a quote that is never closed makes all of a small file wait for its end.
 */
export function sampleRows(units: string, signs: RowSigns, skipLines = 0): (readonly string[])[] {
  const cutter = new RowCutter(signs);
  const text = withoutLines(units, skipLines, signs.lineEnd);
  const rows = cutter.push(text);
  if (rows.length === 0 || !text.endsWith(signs.lineEnd)) rows.push(...cutter.end());
  return rows.slice(0, csvLimits.sampleRows).flatMap(({ cells }) => (cells ? [cells] : []));
}

/** What stands behind the first lines. */
function withoutLines(units: string, count: number, lineEnd: string): string {
  let at = 0;
  for (let line = 0; line < count; line++) {
    const end = units.indexOf(lineEnd, at);
    if (end < 0) return '';
    at = end + 1;
  }
  return units.slice(at);
}
