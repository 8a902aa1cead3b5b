import { dateKeysOf } from './date-keys.js';
import { invalidValue } from './query-text.js';
import { cutPrefix, type Prefix, type Span, spanMatches, type ValueQuery } from './value-query.js';

// A plus sign that the client did not escape arrives as a space.
const VALUE =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?(Z|[+\- ]\d{2}:\d{2})?)?)?)?$/;

/** A condition on a time: the prefix, and the span that the value names, in ms, end excluded (2026 is a year long). */
export interface DateQuery {
  readonly prefix: Prefix;
  readonly span: Span;
}

/** The span that a date of any precision names; a time without a zone is UTC. undefined for what is no date. */
function dateSpan(text: string): Span | undefined {
  const match = VALUE.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
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
    Number(second ?? 0) < 61;
  if (!real) return undefined;
  const low = start - zoneMs(zone) + Math.floor(Number(fraction ?? 0) * 1000);
  if (month === undefined) return { low, high: Date.UTC(Number(year) + 1, 0, 1) };
  if (day === undefined) return { low, high: Date.UTC(Number(year), Number(month), 1) };
  if (hour === undefined) return { low, high: start + 86_400_000 };
  return { low, high: low + (second === undefined ? 60_000 : fraction === undefined ? 1_000 : 1) };
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}

/** The span of a value of a resource: date, dateTime, instant, Period, or the outer limits of a Timing. undefined: it says none. */
export function spanOfTime(value: unknown): Span | undefined {
  if (typeof value === 'string') return dateSpan(value);
  if (typeof value !== 'object' || value === null) return undefined;
  const { start, end, event, repeat } = value as Record<string, unknown>;
  const first = typeof start === 'string' ? dateSpan(start) : undefined;
  const last = typeof end === 'string' ? dateSpan(end) : undefined;
  if (first !== undefined || last !== undefined) {
    const span = {
      low: first?.low ?? Number.NEGATIVE_INFINITY,
      high: last?.high ?? Number.POSITIVE_INFINITY,
    };
    return span.low < span.high ? span : undefined; // one that ends before it begins says no time
  }
  const bounds = (repeat as { boundsPeriod?: unknown } | undefined)?.boundsPeriod;
  const spans = [...(Array.isArray(event) ? (event as unknown[]) : []), bounds].flatMap(
    (one) => spanOfTime(one) ?? [],
  );
  if (spans.length === 0) return undefined;
  return { low: Math.min(...spans.map(({ low }) => low)), high: Math.max(...spans.map(({ high }) => high)) };
}

/**
 * Reads one value of a date parameter (R4 search, section 3.1.1.4.7). `ap` is a tenth of the time between now and the value, so it
 * needs `nowMs`. Throws `rejected` SEARCH_VALUE_INVALID.
 */
function parseDateQuery(name: string, text: string, nowMs: number | undefined): DateQuery {
  const [prefix, rest] = cutPrefix(text);
  const span = dateSpan(rest);
  if (span === undefined || (prefix === 'ap' && nowMs === undefined)) {
    throw invalidValue(
      name,
      'needs a date, written as 2026, 2026-11, 2026-11-23 or 2026-11-23T08:00:00Z, with eq, ne, gt, lt, ge, le, sa, eb or (in a search) ap before it',
    );
  }
  if (prefix !== 'ap' || nowMs === undefined) return { prefix, span };
  const tenth = Math.abs(nowMs - span.low) / 10;
  return { prefix, span: { low: span.low - tenth, high: span.high + tenth } };
}

/** `parseDateQuery` as a condition on the values of a resource. */
export function dateQuery(name: string, text: string, nowMs: number | undefined): ValueQuery {
  const { prefix, span } = parseDateQuery(name, text, nowMs);
  return {
    test: (value, { type }) => {
      // A choice may be words that look like a date.
      const target = type === 'string' ? undefined : spanOfTime(value);
      return target !== undefined && spanMatches(prefix, span, target);
    },
    keys: prefix === 'ne' ? undefined : dateKeysOf(reach(prefix, span)),
    reach: prefix === 'ne' ? undefined : reach(prefix, span),
  };
}

/** What a time that matches must overlap with. */
function reach(prefix: Prefix, { low, high }: Span): Span {
  if (prefix === 'gt' || prefix === 'ge' || prefix === 'sa') return { low, high: Number.POSITIVE_INFINITY };
  if (prefix === 'lt' || prefix === 'le' || prefix === 'eb') return { low: Number.NEGATIVE_INFINITY, high };
  return { low, high };
}

/** What a date parameter asks of an instant, which is known to the millisecond. */
export interface InstantQuery {
  readonly test: (atMs: number) => boolean;
  /** What matches lies from `low` to `high`. */
  readonly reach: Span;
}

/** Reads one value of a date parameter for instants. Throws `rejected` SEARCH_VALUE_INVALID. */
export function instantQuery(name: string, text: string, nowMs: number): InstantQuery {
  const { prefix, span } = parseDateQuery(name, text, nowMs);
  return {
    test: (atMs) => spanMatches(prefix, span, { low: atMs, high: atMs + 1 }),
    reach:
      prefix === 'ne'
        ? { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
        : reach(prefix, span),
  };
}
