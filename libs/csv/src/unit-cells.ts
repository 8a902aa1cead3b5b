import { bindHeader, bindPlaces } from './bind-columns.js';
import { cellReader } from './cell-value.js';
import type { CsvSource } from './csv-source.js';
import type { CsvUnit } from './csv-unit.js';

/** The rows of a unit by the columns of a layout: cell n of a row is column n; behind them those that the layout does not know. */
export interface UnitCells {
  /** Of the columns, then of the unknown ones. */
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * Reads the cells of a unit as the layout has them now: what says "nothing" is empty, moments are digits as HL7 writes
 * them, numbers have a point. What is none of its type stays as it is.
 */
export function unitCells(unit: CsvUnit, layout: CsvSource): UnitCells {
  const source: CsvSource = { ...layout, ...unit.overrides };
  const { header, rows, dialect } = unit;
  const binding = header ? bindHeader(header, source) : bindPlaces(rows[0]?.length ?? 0, source);
  const known = source.columns.length;
  let unknown = known;
  const places = binding.columns.map((column) => (column < 0 ? unknown++ : column));
  const nulls = new Set(source.nulls);
  const readers = source.columns.map((column) =>
    cellReader(column, { decimal: dialect.decimal, dateOrder: dialect.dateOrder, dates: source.dates }),
  );
  return {
    names: [...source.columns.map(({ name }) => name), ...binding.unknown],
    rows: rows.map((cells) => {
      const row = new Array<string>(unknown).fill('');
      places.forEach((place, at) => {
        const cell = (cells[at] ?? '').trim();
        if (cell !== '' && !nulls.has(cell)) row[place] = readers[place]?.(cell) ?? cell;
      });
      return row;
    }),
  };
}
