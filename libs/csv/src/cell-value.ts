import type { CsvColumn } from './csv-source.js';
import { type DateOrder, momentReader, type ReadMoment, readMoment } from './moment.js';

/** Writes a cell as the mapping wants it: moments in digits as HL7 does, numbers with a point. What is none stays as it is. */
export type CellReader = (cell: string) => string;

export interface CellFacts {
  readonly decimal: '.' | ',';
  readonly dateOrder: DateOrder | undefined;
  /** Forms of the file; empty: whatever can be understood. */
  readonly dates: readonly string[];
}

const asItIs: CellReader = (cell) => cell;

export function cellReader({ type, dates }: Pick<CsvColumn, 'type' | 'dates'>, facts: CellFacts): CellReader {
  switch (type) {
    case 'date':
    case 'datetime': {
      const read = momentOf(dates.length > 0 ? dates : facts.dates, facts.dateOrder);
      return (cell) => read(cell) ?? cell;
    }
    case 'time':
      return (cell) =>
        /^\d{1,2}:\d{2}(?::\d{2})?$/.test(cell) ? cell.replaceAll(':', '').padStart(4, '0') : cell;
    case 'integer':
    case 'decimal':
      return (cell) => numberText(cell, facts.decimal);
    case 'boolean':
    case 'string':
    case 'code':
      return asItIs;
  }
}

/** Reads a moment by the first form that fits. */
export function momentOf(forms: readonly string[], order: DateOrder | undefined): ReadMoment {
  if (forms.length === 0) return (text) => readMoment(text, order);
  const readers = forms.flatMap((form) => momentReader(form) ?? []);
  return (text) => {
    for (const read of readers) {
      const moment = read(text);
      if (moment !== undefined) return moment;
    }
    return undefined;
  };
}

const pointNumber = /^([<>]=?|[≤≥])?\s*([+-]?)(\d{1,3}(?:[, ' \u00a0\u202f]\d{3})+|\d+)?(\.\d+)?$/;
const commaNumber = /^([<>]=?|[≤≥])?\s*([+-]?)(\d{1,3}(?:[. ' \u00a0\u202f]\d{3})+|\d+)?(,\d+)?$/;

/** A number with a decimal point and without signs between thousands; a comparator before it stays. */
export function numberText(cell: string, decimal: '.' | ','): string {
  const match = (decimal === ',' ? commaNumber : pointNumber).exec(cell);
  if (!match) return cell;
  const [, comparator = '', sign = '', whole = '', part = ''] = match;
  if (whole === '' && part === '') return cell;
  return `${comparator}${sign}${whole.replace(/\D/g, '') || '0'}${part.replace(',', '.')}`;
}

/**
 * The decimal sign that numbers tell. `1,234` tells nothing: it may be a thousand; so may `1.234`.
 */
export function sniffDecimal(values: Iterable<string>): '.' | ',' | undefined {
  let points = 0;
  let commas = 0;
  for (const value of values) {
    const match = /^\s*[<>≤≥]?=?\s*[+-]?\d+([.,])(\d+)\s*$/.exec(value);
    if (!match || match[2]?.length === 3) continue;
    if (match[1] === ',') commas++;
    else points++;
  }
  if (points === commas) return undefined;
  return points > commas ? '.' : ',';
}
