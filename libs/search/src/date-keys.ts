import type { Span } from './value-query.js';

/**
 * Index keys for spans of time, so that a range is found by equality. Cells are hours, days, months, years and decades. A value has a key for
 * the cell that holds it and for all that hold this one. One that no hour holds has, from the smallest cell that does, `+` keys: "somewhere
 * in here". A query looks up the largest cells that it covers, and the `+` keys of those that it covers in part.
 */
const levels = ['h', 'd', 'm', 'y', 'c'] as const;
type Level = 0 | 1 | 2 | 3 | 4;
const LEVELS = [0, 1, 2, 3, 4] as const satisfies Level[];
/** Characters of an ISO timestamp that name a cell. */
const NAMED_BY = [13, 10, 7, 4, 3] as const;

/** Years that have cells; what lies outside is found by ANY. */
const FIRST_YEAR = 1850;
const LAST_YEAR = 2149;
const ANY = '@+';

const HOUR_MS = 3_600_000;

/** Start of the cell at `level` that holds the instant, and of the one after it. */
function cellAt(level: Level, ms: number): Span {
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth();
  if (level === 0) {
    const hour = Math.floor(ms / HOUR_MS) * HOUR_MS;
    return { low: hour, high: hour + HOUR_MS };
  }
  if (level === 1) {
    const day = Date.UTC(year, month, date.getUTCDate());
    return { low: day, high: day + 24 * HOUR_MS };
  }
  if (level === 2) return { low: Date.UTC(year, month, 1), high: Date.UTC(year, month + 1, 1) };
  const first = level === 3 ? year : year - (year % 10);
  return { low: Date.UTC(first, 0, 1), high: Date.UTC(first + (level === 3 ? 1 : 10), 0, 1) };
}

function keyOf(level: Level, ms: number): string {
  return `@${levels[level]}${new Date(ms).toISOString().slice(0, NAMED_BY[level])}`;
}

const START = Date.UTC(FIRST_YEAR, 0, 1);
const END = Date.UTC(LAST_YEAR + 1, 0, 1);

/** Calls `emit` with each key of a value that spans `span`. */
export function emitDateKeys({ low, high }: Span, emit: (key: string) => void): void {
  let held = false;
  if (low >= START && high <= END) {
    for (const level of LEVELS) {
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
    const level =
      LEVELS.findLast((one) => {
        const cell = cellAt(one, at);
        return cell.low === at && cell.high <= high;
      }) ?? 0;
    const cell = cellAt(level, at);
    keys.add(keyOf(level, cell.low));
    for (const outer of LEVELS) if (outer > level) keys.add(`${keyOf(outer, cell.low)}+`);
    at = cell.high;
  }
  return [...keys];
}
