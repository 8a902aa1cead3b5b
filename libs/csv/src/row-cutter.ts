import type { CsvFault } from './csv-fault.js';
import { csvLimits } from './csv-source.js';

/** What divides a text into rows and cells. */
export interface RowSigns {
  readonly delimiter: string;
  /** '' for none. */
  readonly quote: string;
  readonly lineEnd: '\n' | '\r';
  /** Lines that begin so are no rows; '' for none. */
  readonly comment: string;
  /** Of columns of fixed width; then neither delimiter nor quote counts. */
  readonly widths: readonly number[] | undefined;
}

/** A row as it stands in the text. */
export interface CutRow {
  /** Where it begins; counts from 1. */
  readonly line: number;
  /** As it stands there, its line end too. */
  readonly text: string;
  /** Undefined for a row with a fault. */
  readonly cells: readonly string[] | undefined;
  readonly fault: CsvFault | undefined;
}

/** So much may be read twice, because a quote was never closed, for each character that is read once; and so much in any case. */
const rereadShare = 4;
const rereadFree = 4 * csvLimits.rowLength;

/**
 * Cuts a text that comes in pieces into rows (RFC 4180). A row that is no row costs itself alone: a quote that is never
 * closed, or that is closed in the middle of a cell, gives up the line it stands in, and the next line begins anew. Time is
 * linear in the text, memory bounded by `csvLimits.rowLength`.
 */
export class RowCutter {
  /** Lines that were no rows. */
  comments = 0;
  #line: number;
  #rest = '';
  /** Inside a row that is too long: what follows up to the line end belongs to it. */
  #isSkipping = false;
  #read = 0;
  #reread = 0;

  constructor(
    readonly signs: RowSigns,
    firstLine = 1,
  ) {
    this.#line = firstLine;
  }

  /** The rows that are complete with this piece. Pieces of some size cost least: a row is looked at anew with every piece. */
  push(piece: string): CutRow[] {
    return this.#cut(this.#rest + piece, false);
  }

  /** What is left. */
  end(): CutRow[] {
    return this.#cut(this.#rest, true);
  }

  #cut(text: string, isEnd: boolean): CutRow[] {
    const rows: CutRow[] = [];
    let at = 0;
    while (at < text.length) {
      if (this.#isSkipping) {
        const end = this.#lineEnd(text, at);
        if (end < 0) {
          at = text.length;
          break;
        }
        this.#isSkipping = false;
        this.#line++;
        at = end;
        continue;
      }
      const next = this.#cutOne(text, at, isEnd, rows);
      if (next < 0) break;
      this.#read += next - at;
      at = next;
    }
    // A copy: a slice would keep the whole text it was cut from.
    this.#rest = at < text.length ? Buffer.from(text.slice(at), 'utf16le').toString('utf16le') : '';
    return rows;
  }

  /** Where the row that begins at `at` ends; -1 when that is not known yet. */
  #cutOne(text: string, at: number, isEnd: boolean, rows: CutRow[]): number {
    const { quote, comment, widths } = this.signs;
    let end = this.#lineEnd(text, at);
    if (end < 0) {
      if (!isEnd && text.length - at <= csvLimits.rowLength) return -1;
      end = text.length;
    }
    if (end - at > csvLimits.rowLength) return this.#tooLong(text, at, end, rows);
    const isComment = comment !== '' && text.startsWith(comment, at);
    const content = lineContent(text, at, end);
    if (isComment || content.trim() === '') {
      if (isComment) this.comments++;
      this.#line++;
      return end;
    }
    if (widths) return this.#add(rows, text, at, end, fixedCells(content, widths));
    if (quote === '' || !content.includes(quote))
      return this.#add(rows, text, at, end, content.split(this.signs.delimiter, csvLimits.columns + 1));
    return this.#cutQuoted(text, at, end, isEnd, rows);
  }

  #tooLong(text: string, at: number, end: number, rows: CutRow[]): number {
    const message = `a row is longer than ${csvLimits.rowLength} characters`;
    const kept = text.slice(at, at + csvLimits.keptBytes);
    rows.push({
      line: this.#line,
      text: kept,
      cells: undefined,
      fault: { code: 'CSV_ROW_TOO_LONG', message },
    });
    this.#isSkipping = !text.slice(end - 1, end).endsWith(this.signs.lineEnd);
    if (!this.#isSkipping) this.#line++;
    return end;
  }

  #cutQuoted(text: string, at: number, lineEnd: number, isEnd: boolean, rows: CutRow[]): number {
    const cut = new QuotedRow(text, at, this.signs).cut();
    if (cut.kind === 'row') {
      // What comes next may belong to its last cell: another quote, or more text.
      const isCut = !isEnd && text.charAt(cut.end - 1) !== this.signs.lineEnd;
      return isCut ? -1 : this.#add(rows, text, at, cut.end, cut.cells);
    }
    const isOpen = cut.kind === 'open';
    const isLong = cut.end - at > csvLimits.rowLength;
    if (isOpen && !isEnd && !isLong) return -1;
    const fault: CsvFault = isOpen
      ? { code: 'CSV_QUOTE_OPEN', message: 'a quote is opened and never closed' }
      : { code: 'CSV_QUOTE_STRAY', message: 'a quoted cell goes on behind its closing quote' };
    // The line alone is given up; what was read behind it is read again, unless somebody makes that his aim.
    let end = Math.min(lineEnd, text.length);
    this.#reread += cut.end - end;
    if (this.#reread > rereadFree + rereadShare * this.#read) {
      const next = this.#lineEnd(text, cut.end - 1);
      end = next < 0 ? text.length : next;
      this.#isSkipping = next < 0 && !isEnd;
    }
    return this.#add(rows, text, at, end, undefined, fault);
  }

  // eslint-disable-next-line max-params -- a row for every few dozen bytes: no object for its parts
  #add(
    rows: CutRow[],
    text: string,
    at: number,
    end: number,
    cells: readonly string[] | undefined,
    fault?: CsvFault,
  ): number {
    const row = text.slice(at, end);
    const wrong = fault ?? (cells && faultOf(cells));
    const isKept = wrong === undefined;
    rows.push({
      line: this.#line,
      text: isKept ? row : row.slice(0, csvLimits.keptBytes),
      cells: isKept ? cells : undefined,
      fault: wrong,
    });
    this.#line += this.#countLines(row);
    return end;
  }

  #countLines(row: string): number {
    const { lineEnd } = this.signs;
    let count = 0;
    for (let i = row.indexOf(lineEnd); i >= 0; i = row.indexOf(lineEnd, i + 1)) count++;
    return row.endsWith(lineEnd) ? count : count + 1;
  }

  /** Behind the end of the line that `at` stands in; -1 when it has none. */
  #lineEnd(text: string, at: number): number {
    const found = text.indexOf(this.signs.lineEnd, at);
    return found < 0 ? -1 : found + 1;
  }
}

/** The line without its end. */
function lineContent(text: string, at: number, end: number): string {
  let to = end;
  while (to > at && (text.charCodeAt(to - 1) === 0x0a || text.charCodeAt(to - 1) === 0x0d)) to--;
  return text.slice(at, to);
}

function fixedCells(line: string, widths: readonly number[]): string[] {
  const cells: string[] = [];
  let at = 0;
  for (const width of widths) {
    cells.push(line.slice(at, at + width).trim());
    at += width;
  }
  // What stands behind the last column is a cell of its own, so that it is not lost.
  if (line.length > at && line.slice(at).trim() !== '') cells.push(line.slice(at).trim());
  return cells;
}

function faultOf(cells: readonly string[]): CsvFault | undefined {
  if (cells.length > csvLimits.columns)
    return { code: 'CSV_COLUMNS_TOO_MANY', message: `a row has more than ${csvLimits.columns} cells` };
  if (cells.some((cell) => cell.length > csvLimits.fieldLength))
    return {
      code: 'CSV_FIELD_TOO_LONG',
      message: `a cell is longer than ${csvLimits.fieldLength} characters`,
    };
  return undefined;
}

type QuotedCut =
  | { readonly kind: 'row'; readonly cells: readonly string[]; readonly end: number }
  /** The text ends inside a quoted cell, or the cell is longer than a row may be; `end` is how far was read. */
  | { readonly kind: 'open'; readonly end: number }
  | { readonly kind: 'stray'; readonly end: number };

/** A row in which quotes stand. */
class QuotedRow {
  readonly #cells: string[] = [];
  #at: number;

  constructor(
    readonly text: string,
    readonly start: number,
    readonly signs: RowSigns,
  ) {
    this.#at = start;
  }

  cut(): QuotedCut {
    const { text, signs } = this;
    for (;;) {
      const quoteAt = this.#openingQuote();
      const cell = quoteAt < 0 ? this.#plainCell() : this.#quotedCell(quoteAt);
      if (cell === 'open' || cell === 'stray') return { kind: cell, end: this.#at };
      if (this.#cells.length <= csvLimits.columns) this.#cells.push(cell);
      if (this.#at >= text.length) return { kind: 'row', cells: this.#cells, end: text.length };
      if (text.charAt(this.#at) === signs.delimiter) {
        this.#at++;
        continue;
      }
      const end = text.indexOf(signs.lineEnd, this.#at);
      return { kind: 'row', cells: this.#cells, end: end < 0 ? text.length : end + 1 };
    }
  }

  /** Blanks before a quote do not count. */
  #openingQuote(): number {
    let at = this.#at;
    while (this.text.charCodeAt(at) === 0x20) at++;
    return this.text.charAt(at) === this.signs.quote ? at : -1;
  }

  #plainCell(): string {
    const { text, signs } = this;
    const from = this.#at;
    let to = from;
    while (to < text.length) {
      const one = text.charAt(to);
      if (one === signs.delimiter || one === signs.lineEnd) break;
      to++;
    }
    this.#at = to;
    // A CR before the LF ends the line.
    if (text.charCodeAt(to - 1) === 0x0d && text.charAt(to) === '\n' && to > from)
      return text.slice(from, to - 1);
    return text.slice(from, to);
  }

  #quotedCell(quoteAt: number): string | 'open' | 'stray' {
    const { text, signs } = this;
    const { quote } = signs;
    const limit = this.start + csvLimits.rowLength;
    let value = '';
    let from = quoteAt + 1;
    for (;;) {
      const close = text.indexOf(quote, from);
      if (close < 0 || close > limit) {
        this.#at = close < 0 ? text.length : close;
        return 'open';
      }
      value += text.slice(from, close);
      from = close + 1;
      if (text.charAt(from) === quote) {
        value += quote;
        from++;
        continue;
      }
      while (text.charCodeAt(from) === 0x20) from++;
      if (text.charCodeAt(from) === 0x0d && signs.lineEnd === '\n') from++;
      this.#at = from;
      const after = text.charAt(from);
      return after === '' || after === signs.delimiter || after === signs.lineEnd ? value : 'stray';
    }
  }
}
