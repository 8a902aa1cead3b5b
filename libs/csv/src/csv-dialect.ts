import { isEncoding } from './encoding.js';
import type { DateOrder } from './moment.js';
import type { RowSigns } from './row-cutter.js';

/** How one file is to be read: what its layout leaves to `auto` is settled. */
export interface CsvDialect extends RowSigns {
  /** Label of the WHATWG encoding standard. */
  readonly encoding: string;
  readonly header: boolean;
  readonly decimal: '.' | ',';
  /** Undefined: a date of which day and month could be either is no date. */
  readonly dateOrder: DateOrder | undefined;
}

/**
 * Whether a value can be read by. A unit comes out of the journal, and what came in there may have been written by anybody: signs
 * that are no single sign would cut without end.
 */
export function isDialect(value: unknown): value is CsvDialect {
  if (typeof value !== 'object' || value === null) return false;
  const { delimiter, quote, lineEnd, comment, widths, encoding } = value as Partial<
    Record<keyof CsvDialect, unknown>
  >;
  const isText = (sign: unknown, least: number, most: number) =>
    typeof sign === 'string' && sign.length >= least && sign.length <= most;
  const hasWidths =
    widths === undefined ||
    (Array.isArray(widths) && widths.every((width) => Number.isInteger(width) && width > 0));
  return (
    isText(delimiter, 1, 1) &&
    isText(quote, 0, 1) &&
    (lineEnd === '\n' || lineEnd === '\r') &&
    isText(comment, 0, commentMax) &&
    hasWidths &&
    typeof encoding === 'string' &&
    isEncoding(encoding)
  );
}

/** Of how comments begin, in characters. */
const commentMax = 1_000;
