import { Decimal } from '#fhir';
import { numberKeysOfQuery } from './number-keys.js';
import { invalidValue } from './query-text.js';
import { cutPrefix, type Prefix, type Span, spanMatches, type ValueQuery } from './value-query.js';

const NUMBER = /^([+-]?)(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** A number as it was asked for: itself, and the span that its digits leave open. */
export interface AskedNumber {
  readonly value: number;
  readonly span: Span;
  /** What is about the same: a tenth more or less, and at least what the digits leave open. */
  readonly near: Span;
}

/** Reads a number of a query; 5.4 means from 5.35 to 5.45 (R4 search, section 3.1.1.4.6). undefined when it is none. */
export function askedNumber(text: string): AskedNumber | undefined {
  const match = NUMBER.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  // A whole number with an exponent has the digits that are written: 1e2 is 100, give or take 50.
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const power = Number(exponent) - fraction.length;
  const value = Number(text);
  const span = {
    low: Number(`${digits * 10n - 5n}e${power - 1}`),
    high: Number(`${digits * 10n + 5n}e${power - 1}`),
  };
  const tenth = Math.abs(value) / 10;
  const near = { low: Math.min(value - tenth, span.low), high: Math.max(value + tenth, span.high) };
  return { value, span, near };
}

/** The index keys of what may match; undefined for `ne`, which nearly everything does. */
export function keysOfAsked(prefix: Prefix, { value, span, near }: AskedNumber): string[] | undefined {
  if (prefix === 'ne') return undefined;
  if (prefix === 'eq' || prefix === 'ap') return numberKeysOfQuery(prefix === 'eq' ? span : near);
  const above = prefix === 'gt' || prefix === 'ge' || prefix === 'sa';
  return numberKeysOfQuery({
    low: above ? value : Number.NEGATIVE_INFINITY,
    high: above ? Number.POSITIVE_INFINITY : value,
  });
}

/** True when `target` is as `prefix` says. The digits count for eq and ne, the exact number for the others. */
export function numberMatches(prefix: Prefix, asked: AskedNumber, target: Span): boolean {
  const { value, span, near } = asked;
  switch (prefix) {
    case 'eq':
      return contains(span, target);
    case 'ne':
      return !contains(span, target);
    case 'ap':
      return target.low <= near.high && target.high >= near.low;
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
    keys: keysOfAsked(prefix, asked),
  };
}

/** What a number, or a range of them, spans. undefined: it says none. */
export function numberSpan(value: unknown): Span | undefined {
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
