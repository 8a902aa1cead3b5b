import { bindHeader, bindPlaces } from './bind-columns.js';
import { type CellReader, cellReader } from './cell-value.js';
import type { CsvSource } from './csv-source.js';
import type { CsvUnit } from './csv-unit.js';

/** The rows of a unit by the columns of a layout: cell n of a row is column n; behind them those that the layout does not know. */
export interface UnitCells {
  /** Of the columns, then of the unknown ones. */
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** How the cells of units that look alike are read: those of one file do. */
interface Reading {
  readonly names: readonly string[];
  /** By cell: its place in a row of the layout. */
  readonly places: readonly number[];
  readonly readers: readonly CellReader[];
  readonly nulls: ReadonlySet<string>;
  readonly width: number;
}

/** Units come file by file, and few files at a time. */
const readingsMax = 64;
const readings = new WeakMap<CsvSource, Map<string, Reading>>();

function readingOf(unit: CsvUnit, layout: CsvSource): Reading {
  const { header, rows, dialect, overrides } = unit;
  const cells = rows[0]?.length ?? 0;
  const key = JSON.stringify([header ?? cells, dialect.decimal, dialect.dateOrder, overrides]);
  const known = readings.get(layout) ?? new Map<string, Reading>();
  readings.set(layout, known);
  let reading = known.get(key);
  if (!reading) {
    reading = makeReading(unit, cells, { ...layout, ...overrides });
    if (known.size >= readingsMax) known.clear();
    known.set(key, reading);
  }
  return reading;
}

function makeReading({ header, dialect }: CsvUnit, cells: number, source: CsvSource): Reading {
  const { decimal, dateOrder } = dialect;
  const binding = header ? bindHeader(header, source) : bindPlaces(cells, source);
  let width = source.columns.length;
  const places = binding.columns.map((column) => (column < 0 ? width++ : column));
  return {
    names: [...source.columns.map(({ name }) => name), ...binding.unknown],
    places,
    readers: source.columns.map((column) => cellReader(column, { decimal, dateOrder, dates: source.dates })),
    nulls: new Set(source.nulls),
    width,
  };
}

/**
 * Reads the cells of a unit as the layout has them now: what says "nothing" is empty, moments are digits as HL7 writes
 * them, numbers have a point. What is none of its type stays as it is.
 */
export function unitCells(unit: CsvUnit, layout: CsvSource): UnitCells {
  const { names, places, readers, nulls, width } = readingOf(unit, layout);
  const rows = unit.rows.map((cells) => {
    const row = new Array<string>(width).fill('');
    places.forEach((place, at) => {
      const cell = (cells[at] ?? '').trim();
      if (cell !== '' && !nulls.has(cell)) row[place] = readers[place]?.(cell) ?? cell;
    });
    return row;
  });
  return { names, rows };
}
