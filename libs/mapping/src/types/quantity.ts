import { Decimal, type FhirObject, type FhirValue } from '#fhir';
import { type Convert, firstOfPart, type Level, partText, separatorOf } from './convert.js';
import type { Vocabulary } from './vocabulary.js';

const ucumSystem = 'http://unitsofmeasure.org';
const comparators = new Map([
  ['<', '<'],
  ['<=', '<='],
  ['=<', '<='],
  ['≤', '<='],
  ['>', '>'],
  ['>=', '>='],
  ['=>', '>='],
  ['≥', '>='],
]);

/** CWE of units (OBX-6 and the like) to the unit of a Quantity; what UCUM knows gets its code. */
export function unitConvert(vocabulary: Vocabulary, level: Level): Convert {
  return (run, start, end) => {
    const code = firstOfPart(run, start, end, 1, level);
    const display = partText(run, start, end, 2, level);
    const name = partText(run, start, end, 3, level);
    const text = display ?? code;
    if (text === undefined) return undefined;
    const system = name === undefined ? undefined : vocabulary.systems.uri(name);
    const unit: FhirObject = { unit: text };
    const ucum = system === ucumSystem ? code : ucumOf(vocabulary, code, text);
    if (ucum !== undefined) {
      unit['system'] = ucumSystem;
      unit['code'] = ucum;
    } else if (code !== undefined && system !== undefined) {
      unit['system'] = system;
      unit['code'] = code;
    }
    return unit;
  };
}

function ucumOf(vocabulary: Vocabulary, code: string | undefined, text: string): string | undefined {
  return (
    (code === undefined ? undefined : vocabulary.translate('ucum', code)) ??
    vocabulary.translate('ucum', text)
  );
}

/** NM to Quantity: `12.50`; with a comparator in front when R4 has it: `<0.01`. */
export function numberQuantityConvert(level: Level, simple: boolean): Convert {
  return (run, start, end) => {
    const to = run.cut(start, end, separatorOf(run, level));
    const marks = run.marks[start];
    const text = level === 1 ? run.leaf(start, to) : run.subLeaf(start, to);
    const quantity = text === undefined ? undefined : parseQuantity(text, simple);
    // What is no number stays unread, so that the account shows it.
    if (quantity === undefined && text !== undefined) run.unmark(start, marks);
    return quantity;
  };
}

/** Whether text can be the value of a Quantity. */
export function isNumberText(text: string): boolean {
  return parseQuantity(text, false) !== undefined;
}

function parseQuantity(text: string, simple: boolean): FhirObject | undefined {
  const code = text.charCodeAt(0);
  if (code > 0x2f && code < 0x3a) {
    const value = Decimal.parse(text);
    return value && { value };
  }
  const length = comparators.has(text.slice(0, 2)) ? 2 : comparators.has(text.slice(0, 1)) ? 1 : 0;
  const value = Decimal.parse(text.slice(length).trim());
  if (value === undefined) return undefined;
  if (length === 0) return { value };
  return simple ? undefined : { value, comparator: comparators.get(text.slice(0, length)) ?? '<' };
}

/** CQ to Quantity: number and units. */
export function compositeQuantityConvert(vocabulary: Vocabulary, level: Level): Convert {
  const number = numberQuantityConvert(level, true);
  const unit = unitConvert(vocabulary, 2);
  return (run, start, end) => {
    const quantity = number(run, start, end) as FhirObject | undefined;
    if (quantity === undefined || level === 2) return quantity;
    const from = run.part(start, end, 2, run.componentCode);
    return from < 0 ? quantity : withUnit(quantity, unit(run, from, run.end) as FhirObject | undefined);
  };
}

export function withUnit(quantity: FhirObject, unit: FhirObject | undefined): FhirObject {
  // Member by member: copying objects of many shapes is slow, and this runs for every numeric result.
  if (unit !== undefined) for (const name in unit) quantity[name] = unit[name] as FhirValue;
  return quantity;
}

export type SnTarget = 'Quantity' | 'Range' | 'Ratio';

/**
 * SN to Quantity, Range or Ratio (v2-to-FHIR SN[Quantity], SN[Range], SN[Ratio]): comparator, number, separator,
 * number. `-` makes a Range, `:` and `/` a Ratio, nothing a Quantity; what does not fit the target gives nothing.
 */
export function structuredNumericConvert(target: SnTarget, level: Level): Convert {
  return (run, start, end) => {
    const separator = separatorOf(run, level);
    const peekPart = (number: number): string | undefined => {
      const from = run.part(start, end, number, separator);
      return from < 0 ? undefined : run.peek(from, run.end);
    };
    const comparator = peekPart(1);
    const first = decimalOf(peekPart(2));
    const kind = peekPart(3);
    const second = decimalOf(peekPart(4));
    const value = structured(target, comparator, first, kind, second);
    if (value) run.markAll(start, end);
    return value;
  };
}

function decimalOf(text: string | undefined): Decimal | undefined {
  return text === undefined ? undefined : Decimal.parse(text);
}

function structured(
  target: SnTarget,
  comparator: string | undefined,
  first: Decimal | undefined,
  kind: string | undefined,
  second: Decimal | undefined,
): FhirObject | undefined {
  const known = comparator === undefined ? undefined : comparators.get(comparator);
  const plain = comparator === undefined || comparator === '=';
  if (first === undefined) return undefined;
  switch (target) {
    case 'Quantity':
      if (kind !== undefined || second !== undefined || (!plain && known === undefined)) return undefined;
      return known === undefined ? { value: first } : { value: first, comparator: known };
    case 'Range':
      if (kind !== '-' || !plain || !second || isReversed(first, second)) return undefined;
      return { low: { value: first }, high: { value: second } };
    case 'Ratio':
      if ((kind !== ':' && kind !== '/') || !second || (!plain && known === undefined)) return undefined;
      return {
        numerator: known === undefined ? { value: first } : { value: first, comparator: known },
        denominator: { value: second },
      };
  }
}

/** R4 rng-2: low shall not be above high. */
function isReversed(low: Decimal, high: Decimal): boolean {
  return Number(low.text) > Number(high.text);
}

/** Gives the unit to every quantity in a Quantity, Range or Ratio. */
export function giveUnit(value: FhirObject, unit: FhirObject): FhirObject {
  if ('value' in value) return { ...value, ...unit };
  const out: FhirObject = {};
  // A ratio of numbers (a titre, 1:128) has no unit in its denominator.
  for (const [name, part] of Object.entries(value))
    out[name] = name === 'denominator' ? part : { ...(part as FhirObject), ...unit };
  return out;
}

/** NR to Range. */
export function rangeConvert(level: Level): Convert {
  return (run, start, end) => {
    const low = decimalOf(partText(run, start, end, 1, level));
    const high = decimalOf(partText(run, start, end, 2, level));
    if (low === undefined && high === undefined) return undefined;
    if (low && high && isReversed(low, high)) return undefined;
    const range: FhirObject = {};
    if (low) range['low'] = { value: low };
    if (high) range['high'] = { value: high };
    return range;
  };
}

/** MO and CP to Money. */
export function moneyConvert(type: 'MO' | 'CP', level: Level): Convert {
  return (run, start, end) => {
    let from = start;
    let to = end;
    let inner: Level = level;
    if (type === 'CP' && level === 1) {
      from = run.part(start, end, 1, run.componentCode);
      if (from < 0) return undefined;
      to = run.end;
      inner = 2;
    }
    const value = decimalOf(partText(run, from, to, 1, inner));
    if (value === undefined) return undefined;
    const currency = partText(run, from, to, 2, inner);
    return currency !== undefined && /^[A-Z]{3}$/.test(currency) ? { value, currency } : { value };
  };
}
