import type { Leaf } from './expression.js';
import { numberKeysOfValue } from './number-keys.js';
import { type AskedNumber, askedNumber, keysOfAsked, numberMatches, numberOf } from './number-query.js';
import { cutAt, invalidValue, unescapeValue } from './query-text.js';
import { type CanonicalUnit, canonicalUnit } from './units.js';
import { cutPrefix, type Prefix, type Span, type ValueQuery } from './value-query.js';

const UCUM = 'http://unitsofmeasure.org';
const CURRENCY = 'urn:iso:std:iso:4217';
/** Digits that a conversion keeps: below them is only the noise of floating point. */
const CONVERTED_DIGITS = 12;

interface Quantity {
  readonly value?: unknown;
  readonly comparator?: unknown;
  readonly system?: unknown;
  readonly code?: unknown;
  readonly unit?: unknown;
  readonly currency?: unknown;
  readonly low?: Quantity;
  readonly high?: Quantity;
}

interface SampledData {
  readonly origin?: Quantity;
  readonly factor?: unknown;
  readonly lowerLimit?: unknown;
  readonly upperLimit?: unknown;
  readonly data?: unknown;
}

/**
 * Reads one value of a quantity parameter (R4 search, section 3.1.1.4.12): `5.4`, `5.4|system|code`, `5.4||code`, with a
 * prefix. UCUM units are compared by what they mean: 6.3|http://unitsofmeasure.org|mmol/L finds 0.0063 mol/L. Throws `rejected`
 * SEARCH_VALUE_INVALID.
 */
export function quantityQuery(name: string, query: string): ValueQuery {
  const [prefix, rest] = cutPrefix(query);
  const [number = '', system = '', ...codes] = cutAt(rest, '|').map(unescapeValue);
  const asked = askedNumber(number);
  if (asked === undefined)
    throw invalidValue(name, 'needs a number and perhaps its unit, as 5.4|http://unitsofmeasure.org|mg');
  const code = codes.join('|');
  const unit = (system === UCUM || system === '') && code !== '' ? canonicalUnit(code) : undefined;
  const canonical = unit && convertAsked(asked, unit);
  return {
    test: (value, leaf) => {
      const target = quantityOf(value, leaf);
      if (target === undefined) return false;
      const span = spanOf(target);
      if (span === undefined) return false;
      if (code === '' && system === '') return numberMatches(prefix, asked, span);
      const own = target.low ?? target.high ?? target;
      if (isNamed(own, system, code)) return numberMatches(prefix, asked, span);
      if (unit === undefined || canonical === undefined || own.system !== UCUM) return false;
      const other = canonicalUnit(typeof own.code === 'string' ? own.code : '');
      return (
        other?.dimension === unit.dimension && numberMatches(prefix, canonical, convertSpan(span, other))
      );
    },
    keys: quantityKeys(prefix, asked, system, unit, canonical),
  };
}

/** A unit of UCUM is found by what it means; without a unit, with another, or only with its name, a number is found as it is written. */
function quantityKeys(
  prefix: Prefix,
  asked: AskedNumber,
  system: string,
  unit: CanonicalUnit | undefined,
  canonical: AskedNumber | undefined,
): string[] | undefined {
  const keys: string[] = [];
  if (unit === undefined || system === '') keys.push(...(keysOfAsked(prefix, asked) ?? []));
  if (unit !== undefined && canonical !== undefined)
    keys.push(...(keysOfAsked(prefix, canonical) ?? []).map((key) => `${unit.dimension}${key}`));
  return keys.length === 0 ? undefined : keys;
}

/** Numbers of a unit whose keys are kept: results come again and again. */
const MAX_KEPT = 4_000;
const kept = new Map<string, readonly string[]>();

/** The index keys of a quantity: of its number, and of what its unit of UCUM makes of it. */
export function quantityKeysOfValue(value: unknown, leaf: Leaf): readonly string[] {
  const target = quantityOf(value, leaf);
  const span = target && spanOf(target);
  if (target === undefined || span === undefined) return [];
  const own = target.low ?? target.high ?? target;
  const { system, code } = own;
  const unit = system === UCUM && typeof code === 'string' ? canonicalUnit(code) : undefined;
  if (span.low !== span.high) return keysOfSpan(span, unit);
  const name = unit === undefined ? `${span.low}` : `${span.low} ${code as string}`;
  let keys = kept.get(name);
  if (keys === undefined) {
    keys = keysOfSpan(span, unit);
    if (kept.size === MAX_KEPT) kept.clear();
    kept.set(name, keys);
  }
  return keys;
}

function keysOfSpan(span: Span, unit: CanonicalUnit | undefined): string[] {
  const keys = numberKeysOfValue(span);
  if (unit === undefined) return keys;
  return [...keys, ...numberKeysOfValue(convertSpan(span, unit)).map((key) => `${unit.dimension}${key}`)];
}

function quantityOf(value: unknown, leaf: Leaf): Quantity | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return leaf.type === 'SampledData' ? boundsOf(value) : value;
}

/** Of SampledData the bounds of its values are compared (R4 SearchParameter Observation-value-quantity). */
function boundsOf({ origin, factor, lowerLimit, upperLimit, data }: SampledData): Quantity | undefined {
  const zero = numberOf(origin?.value);
  if (zero === undefined || typeof data !== 'string') return undefined;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const point of data.split(' ')) {
    const limit = point === 'L' ? lowerLimit : point === 'U' ? upperLimit : undefined;
    const read = limit === undefined ? Number(point) : numberOf(limit);
    if (read === undefined || point === '' || !Number.isFinite(read)) continue; // E: an error
    const value = read * (numberOf(factor) ?? 1) + zero;
    [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  return low > high ? undefined : { low: { ...origin, value: low }, high: { ...origin, value: high } };
}

/** The unit is the one asked for by name: its code in that system, or, where no system is asked for, its text too. */
function isNamed(own: Quantity, system: string, code: string): boolean {
  const ownSystem = own.currency === undefined ? own.system : CURRENCY;
  const ownCode = own.currency ?? own.code;
  if (system !== '') return ownSystem === system && (code === '' || ownCode === code);
  return ownCode === code || own.unit === code;
}

function spanOf({ value, comparator, low, high }: Quantity): Span | undefined {
  const number = numberOf(value);
  if (number === undefined) {
    const lower = numberOf(low?.value);
    const upper = numberOf(high?.value);
    if (lower === undefined && upper === undefined) return undefined;
    return { low: lower ?? Number.NEGATIVE_INFINITY, high: upper ?? Number.POSITIVE_INFINITY };
  }
  if (comparator === '<' || comparator === '<=') return { low: Number.NEGATIVE_INFINITY, high: number };
  if (comparator === '>' || comparator === '>=') return { low: number, high: Number.POSITIVE_INFINITY };
  return { low: number, high: number };
}

function convert(value: number, { factor, offset }: CanonicalUnit): number {
  return Number.isFinite(value) ? Number((value * factor + offset).toPrecision(CONVERTED_DIGITS)) : value;
}

function convertSpan({ low, high }: Span, unit: CanonicalUnit): Span {
  return { low: convert(low, unit), high: convert(high, unit) };
}

function convertAsked({ value, span, near }: AskedNumber, unit: CanonicalUnit): AskedNumber {
  return { value: convert(value, unit), span: convertSpan(span, unit), near: convertSpan(near, unit) };
}
