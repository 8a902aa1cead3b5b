import { EngineError } from '#kernel';

type Prefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb';

/** A condition on a point in time: the prefix, and the span that the value names, end excluded (2026 is a year long). */
export interface DateQuery {
  readonly prefix: Prefix;
  readonly fromMs: number;
  readonly toMs: number;
}

// A plus sign that the client did not escape arrives as a space.
const VALUE =
  /^(eq|ne|gt|lt|ge|le|sa|eb)?(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?(Z|[+\- ]\d{2}:\d{2})?)?)?)?$/;

/**
 * Reads one value of a date parameter (R4 search, section 3.1.1.4.7). A time without a zone is UTC. Throws `rejected`
 * SEARCH_VALUE_INVALID for what is no date and for `ap`, which no fixed meaning can be given.
 */
export function parseDateQuery(text: string): DateQuery {
  const match = VALUE.exec(text);
  if (!match) throw invalidDate();
  const [, prefix, year, month, day, hour, minute, second, fraction, zone] = match;
  const start = Date.UTC(
    Number(year),
    month === undefined ? 0 : Number(month) - 1,
    day === undefined ? 1 : Number(day),
    Number(hour ?? 0),
    Number(minute ?? 0),
    Number(second ?? 0),
  );
  const date = new Date(start);
  const real =
    (month === undefined || date.getUTCMonth() === Number(month) - 1) &&
    (day === undefined || date.getUTCDate() === Number(day)) &&
    Number(hour ?? 0) < 24 &&
    Number(minute ?? 0) < 60 &&
    Number(second ?? 0) < 60;
  if (!real) throw invalidDate();
  const shifted = start - zoneMs(zone) + Math.floor(Number(fraction ?? 0) * 1000);
  let end: number;
  if (month === undefined) end = Date.UTC(Number(year) + 1, 0, 1);
  else if (day === undefined) end = Date.UTC(Number(year), Number(month), 1);
  else if (hour === undefined) end = start + 86_400_000;
  else end = shifted + (second === undefined ? 60_000 : fraction === undefined ? 1_000 : 1);
  return { prefix: (prefix ?? 'eq') as Prefix, fromMs: shifted, toMs: end };
}

/** True when the instant satisfies the condition. */
export function instantMatches({ prefix, fromMs, toMs }: DateQuery, instantMs: number): boolean {
  switch (prefix) {
    case 'eq':
      return instantMs >= fromMs && instantMs < toMs;
    case 'ne':
      return instantMs < fromMs || instantMs >= toMs;
    case 'gt':
    case 'sa':
      return instantMs >= toMs;
    case 'ge':
      return instantMs >= fromMs;
    case 'lt':
    case 'eb':
      return instantMs < fromMs;
    case 'le':
      return instantMs < toMs;
  }
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

function invalidDate(): EngineError {
  return new EngineError(
    'rejected',
    'SEARCH_VALUE_INVALID',
    'a date is written as 2026, 2026-11, 2026-11-23 or 2026-11-23T08:00:00Z, with eq, ne, gt, lt, ge, le, sa or eb before it',
  );
}
