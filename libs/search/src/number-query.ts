import { Decimal } from '#fhir';
import { invalidValue } from './query-text.js';
import { cutPrefix, type Prefix, type Span, spanMatches, type ValueQuery } from './value-query.js';

const NUMBER = /^([+-]?)(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** A number as it was asked for: itself, and the span that its digits leave open. */
export interface AskedNumber {
  readonly value: number;
  readonly span: Span;
}

/** Reads a number of a query; 5.4 means from 5.35 to 5.45 (R4 search, section 3.1.1.4.6). undefined when it is none. */
export function askedNumber(text: string): AskedNumber | undefined {
  const match = NUMBER.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  // A whole number with an exponent has the digits that are written: 1e2 is 100, give or take 50.
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const power = Number(exponent) - fraction.length;
  return {
    value: Number(text),
    span: {
      low: Number(`${digits * 10n - 5n}e${power - 1}`),
      high: Number(`${digits * 10n + 5n}e${power - 1}`),
    },
  };
}

/** True when `target` is as `prefix` says. The digits count for eq and ne, the exact number for the others. */
export function numberMatches(prefix: Prefix, asked: AskedNumber, target: Span): boolean {
  const { value, span } = asked;
  switch (prefix) {
    case 'eq':
      return contains(span, target);
    case 'ne':
      return !contains(span, target);
    case 'ap': {
      const tenth = Math.abs(value) / 10;
      return (
        target.low <= Math.max(value + tenth, span.high) && target.high >= Math.min(value - tenth, span.low)
      );
    }
    case 'sa':
      return target.low > value;
    case 'eb':
      return target.high < value;
    default:
      return spanMatches(prefix, { low: value, high: value }, target);
  }
}

/** The upper end is open: 5.45 is 5.5 when it is rounded. */
function contains(span: Span, target: Span): boolean {
  return target.low >= span.low && target.high < span.high;
}

/** A number of a resource, however it was read. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return value instanceof Decimal ? value.toNumber() : undefined;
}

/** Reads one value of a number parameter. Throws `rejected` SEARCH_VALUE_INVALID. */
export function numberQuery(name: string, query: string): ValueQuery {
  const [prefix, rest] = cutPrefix(query);
  const asked = askedNumber(rest);
  if (asked === undefined) throw invalidValue(name, 'needs a number, as 5.4, gt100 or 1e-3');
  return {
    test: (value) => {
      const target = numberSpan(value);
      return target !== undefined && numberMatches(prefix, asked, target);
    },
    keys: undefined,
  };
}

function numberSpan(value: unknown): Span | undefined {
  const number = numberOf(value);
  if (number !== undefined) return { low: number, high: number };
  if (typeof value !== 'object' || value === null) return undefined;
  const { low, high } = value as { low?: { value?: unknown }; high?: { value?: unknown } };
  if (low === undefined && high === undefined) return undefined;
  return {
    low: numberOf(low?.value) ?? Number.NEGATIVE_INFINITY,
    high: numberOf(high?.value) ?? Number.POSITIVE_INFINITY,
  };
}
