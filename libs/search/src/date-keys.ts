import type { Span } from './value-query.js';

/**
 * Index keys for spans of time, so that a range is found by equality. Cells are days, months, years and decades. A value has a key for
 * the cell that holds it and for all that hold this one. One that no day holds has, from the smallest cell that does, `+` keys: "somewhere
 * in here". A query looks up the largest cells that it covers, and the `+` keys of those that it covers in part.
 */
const levels = ['d', 'm', 'y', 'c'] as const;
type Level = 0 | 1 | 2 | 3;

/** Years that have cells; what lies outside is found by ANY. */
const FIRST_YEAR = 1850;
const LAST_YEAR = 2149;
const ANY = '@+';

/** Start of the cell at `level` that holds the instant, and of the one after it. */
function cellAt(level: Level, ms: number): Span {
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth();
  if (level === 0) {
    const day = Date.UTC(year, month, date.getUTCDate());
    return { low: day, high: day + 86_400_000 };
  }
  if (level === 1) return { low: Date.UTC(year, month, 1), high: Date.UTC(year, month + 1, 1) };
  const first = level === 2 ? year : year - (year % 10);
  return { low: Date.UTC(first, 0, 1), high: Date.UTC(first + (level === 2 ? 1 : 10), 0, 1) };
}

function keyOf(level: Level, ms: number): string {
  const length = level === 0 ? 10 : level === 1 ? 7 : level === 2 ? 4 : 3;
  return `@${levels[level]}${new Date(ms).toISOString().slice(0, length)}`;
}

const START = Date.UTC(FIRST_YEAR, 0, 1);
const END = Date.UTC(LAST_YEAR + 1, 0, 1);

/** Calls `emit` with each key of a value that spans `span`. */
export function emitDateKeys({ low, high }: Span, emit: (key: string) => void): void {
  let held = false;
  if (low >= START && high <= END) {
    for (const level of [0, 1, 2, 3] as const) {
      if (!held && cellAt(level, low).high >= high) {
        held = true;
        if (level > 0) emit(`${keyOf(level, low)}+`);
      }
      if (held) emit(keyOf(level, low));
    }
  }
  if (!held) emit(ANY);
}

/** The keys that a value which overlaps with `span` may have. */
export function dateKeysOf(span: Span): string[] {
  const keys = new Set<string>([ANY]);
  const low = Math.max(span.low, START);
  const high = Math.min(span.high, END);
  for (let at = low; at < high; ) {
    const level = ([3, 2, 1, 0] as const).find((one) => {
      const cell = cellAt(one, at);
      return cell.low === at && cell.high <= high;
    });
    const cell = cellAt(level ?? 0, at);
    keys.add(keyOf(level ?? 0, cell.low));
    for (const outer of [1, 2, 3] as const) if (outer > (level ?? 0)) keys.add(`${keyOf(outer, cell.low)}+`);
    at = cell.high;
  }
  return [...keys];
}
