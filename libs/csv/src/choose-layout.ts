import { bindHeader, bindPlaces, type ColumnBinding, missingRequired } from './bind-columns.js';
import { momentOf, numberText } from './cell-value.js';
import type { ColumnType, CsvSource } from './csv-source.js';

/** A layout that a file can have, and where its columns stand. */
export interface ChosenLayout {
  readonly source: CsvSource;
  readonly binding: ColumnBinding;
  readonly header: boolean;
}

/** So much of the cells of typed columns must be of their type for a file without a header. */
const typedShare = 0.8;

/**
 * The layout whose columns the first rows have: by the header, where one is of a layout, else by number and types of the
 * cells. The one with the most columns wins. Undefined: none is for such a file.
 */
export function chooseLayout(
  rows: readonly (readonly string[])[],
  sources: readonly CsvSource[],
): ChosenLayout | undefined {
  const [first = []] = rows;
  let best: ChosenLayout | undefined;
  let most = 0;
  for (const source of sources) {
    if (source.header === false) continue;
    const binding = bindHeader(first, source);
    const found = first.length - binding.unknown.length;
    const isOfIt = found > 0 && missingRequired(binding, source).length === 0;
    if (isOfIt && found > most) {
      best = { source, binding, header: true };
      most = found;
    }
  }
  if (best) return best;
  for (const source of sources) {
    if (source.header === true) continue;
    const binding = bindPlaces(first.length, source);
    if (binding.unknown.length > 0 || missingRequired(binding, source).length > 0) continue;
    if (first.length > most && isTyped(rows, source)) {
      best = { source, binding, header: false };
      most = first.length;
    }
  }
  return best;
}

/** Binds the one layout that a channel names; undefined where the file is not of it. */
export function bindLayout(rows: readonly (readonly string[])[], source: CsvSource): ChosenLayout {
  const [first = []] = rows;
  const binding = bindHeader(first, source);
  const isHeader =
    source.header === 'auto'
      ? first.length - binding.unknown.length > 0 && missingRequired(binding, source).length === 0
      : source.header;
  if (isHeader) return { source, binding, header: true };
  if (source.header === 'auto' && (looksLikeHeader(rows) || !isTyped(rows, source)))
    return { source, binding, header: true };
  return { source, binding: bindPlaces(first.length, source), header: false };
}

/** Names are words, different ones; data has numbers or dates. */
export function looksLikeHeader(rows: readonly (readonly string[])[]): boolean {
  const [first = [], ...others] = rows;
  const isNamed = first.every((cell) => /\p{L}/u.test(cell) && !isDateText(cell) && cell.length <= 100);
  if (first.length === 0 || !isNamed) return false;
  return others.length === 0 || new Set(first).size > first.length / 2;
}

function isDateText(cell: string): boolean {
  return /^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}/.test(cell.trim());
}

/** Whether cells are of the types of the columns at their places; a layout without typed columns fits nothing. */
function isTyped(rows: readonly (readonly string[])[], source: CsvSource): boolean {
  const nulls = new Set(source.nulls);
  let fit = 0;
  let all = 0;
  for (const cells of rows) {
    cells.forEach((cell, at) => {
      const column = source.columns[at];
      const isRead = column && testOf(column.type, [...column.dates, ...source.dates]);
      if (!isRead || cell.trim() === '' || nulls.has(cell.trim())) return;
      all++;
      if (isRead(cell.trim())) fit++;
    });
  }
  return all > 0 && fit / all >= typedShare;
}

function testOf(type: ColumnType, dates: readonly string[]): ((cell: string) => boolean) | undefined {
  switch (type) {
    case 'date':
    case 'datetime': {
      const read = momentOf(dates, 'day-first');
      const other = momentOf(dates, 'month-first');
      return (cell) => (read(cell) ?? other(cell)) !== undefined && !/^\d{1,5}$/.test(cell);
    }
    case 'integer':
    case 'decimal':
      return (cell) => /^[<>]?=?[+-]?\d+(?:\.\d+)?$/.test(numberText(cell, cell.includes(',') ? ',' : '.'));
    default:
      return undefined;
  }
}
