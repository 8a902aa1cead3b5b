import { createRequire } from 'node:module';
import type { TypedValue } from '../../../../libs/search/testing/original-parameters.js';
import { type Chooser, escaped, type Matches, type Query } from './query.js';

/** Dates, numbers and quantities by R4 search, sections 3.1.1.4.5 to 3.1.1.4.7 and 3.1.1.4.12; nothing of libs/search is used. */

export const prefixes = ['', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'];
type Part = Readonly<Record<string, unknown>>;

/** From `from` to `to`; dates do not hold their end. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** The words of the table of prefixes, for a range that is asked for and one that a resource has. */
function isAsAsked(prefix: string, asked: Range, own: Range): boolean {
  const contained = asked.from <= own.from && own.to <= asked.to;
  const reachesAbove = own.to > asked.to;
  const reachesBelow = own.from < asked.from;
  switch (prefix) {
    case 'ne':
      return !contained;
    case 'gt':
      return reachesAbove;
    case 'lt':
      return reachesBelow;
    case 'ge':
      return reachesAbove || contained;
    case 'le':
      return reachesBelow || contained;
    case 'sa':
      return own.from >= asked.to;
    case 'eb':
      return own.to <= asked.from;
    case 'ap':
      return own.from < asked.to && asked.from < own.to;
    default:
      return contained;
  }
}

/** The time that a date of any precision takes; without a zone it is UTC. */
function rangeOfDate(text: string): Range {
  const [date = '', clock] = text.split('T');
  const [year = 0, month, day] = date.split('-').map(Number);
  if (clock === undefined) {
    const next: [number, number, number] =
      month === undefined
        ? [year + 1, 0, 1]
        : day === undefined
          ? [year, month, 1]
          : [year, month - 1, day + 1];
    return { from: Date.UTC(year, (month ?? 1) - 1, day ?? 1), to: Date.UTC(...next) };
  }
  const [, time = '', fraction, zone = 'Z'] = /^([\d:]+)(?:\.(\d+))?(Z|[+-][\d:]+)?$/.exec(clock) ?? [];
  const seconds = time.split(':').length === 3;
  const whole = Date.parse(`${date}T${seconds ? time : `${time}:00`}${zone}`);
  if (fraction === undefined) return { from: whole, to: whole + (seconds ? 1_000 : 60_000) };
  const from = whole + Number(fraction.padEnd(3, '0').slice(0, 3));
  return { from, to: from + 1 };
}

function timesOf({ type, value, element }: TypedValue): Range[] {
  if (type === 'string') return []; // a choice that is no time: "last spring"
  if (typeof value === 'string') return [rangeOfDate(value)];
  const part = value as Part;
  if (type === 'Period') {
    const { start, end } = part as { start?: string; end?: string };
    if (start === undefined && end === undefined) return [];
    const from = start === undefined ? Number.NEGATIVE_INFINITY : rangeOfDate(start).from;
    const to = end === undefined ? Number.POSITIVE_INFINITY : rangeOfDate(end).to;
    return from < to ? [{ from, to }] : []; // an example that ends before it begins says no time
  }
  if (type === 'Timing') {
    const period = (part['repeat'] as Part | undefined)?.['boundsPeriod'];
    const events = ((part['event'] ?? []) as string[]).map(rangeOfDate);
    const all = [
      ...events,
      ...(period === undefined ? [] : timesOf({ type: 'Period', element, value: period })),
    ];
    // Only the outer limits matter (section 3.1.1.4.7).
    return all.length === 0
      ? []
      : [{ from: Math.min(...all.map(({ from }) => from)), to: Math.max(...all.map(({ to }) => to)) }];
  }
  throw new Error(`no time of ${type} at ${element}`);
}

/** What is asked of a date parameter that has `values`, with every prefix, in every precision. */
export function dateQueries(values: readonly TypedValue[], chooser: Chooser, count: number): Query[] {
  const dates = values.flatMap((value) => writtenIn(value.value));
  const queries: Query[] = [dateQuery('eq', '0999-01-01')];
  for (const text of chooser.some(dates, count)) {
    for (const prefix of prefixes) queries.push(dateQuery(prefix, text));
    const [shorter] = chooser.some(
      [4, 7, 10].filter((length) => length < text.length),
      1,
    );
    if (shorter === undefined) continue;
    for (const prefix of chooser.some(prefixes, 4)) queries.push(dateQuery(prefix, text.slice(0, shorter)));
  }
  return queries;
}

function writtenIn(value: unknown): string[] {
  if (typeof value === 'string') return /^\d{4}/.test(value) ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(writtenIn);
}

function dateQuery(prefix: string, text: string): Query {
  const range = rangeOfDate(text);
  const tenth = prefix === 'ap' ? Math.abs(Date.now() - range.from) / 10 : 0;
  const asked = { from: range.from - tenth, to: range.to + tenth };
  return {
    modifier: '',
    text: `${prefix}${text}`,
    matches: (value) => timesOf(value).some((own) => isAsAsked(prefix, asked, own)),
  };
}

/** Half of what the last digit is worth: 5.4 stands for 5.35 to 5.45, 1e2 for 50 to 150. */
function halfDigit(text: string): number {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e');
  const decimals = mantissa.split('.')[1]?.length ?? 0;
  return Number(`5e${Number(power) - decimals - 1}`);
}

function numberIsAsAsked(prefix: string, text: string, own: Range, convert = (n: number) => n): boolean {
  const plain = Number(text);
  const [low, exact, high] = [plain - halfDigit(text), plain, plain + halfDigit(text)].map((n) =>
    rounded(convert(n)),
  ) as [number, number, number];
  const contained = own.from >= low && own.to < high;
  switch (prefix) {
    case '':
    case 'eq':
      return contained;
    case 'ne':
      return !contained;
    case 'ap': {
      const [below, above] = [plain - Math.abs(plain) / 10, plain + Math.abs(plain) / 10].map((n) =>
        rounded(convert(n)),
      ) as [number, number];
      return own.to >= Math.min(below, low) && own.from <= Math.max(above, high);
    }
    case 'sa':
      return own.from > exact;
    case 'eb':
      return own.to < exact;
    default: // the digits are not counted with these prefixes
      return isAsAsked(prefix, { from: exact, to: exact }, own);
  }
}

/** What floating point leaves behind is no difference. */
function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(12)) : value;
}

/** What is asked of a number parameter that has `values`. */
export function numberQueries(values: readonly TypedValue[], chooser: Chooser, count: number): Query[] {
  const texts = chooser.some(values, count).map(({ value }) => String(value));
  const query = (prefix: string, text: string): Query => ({
    modifier: '',
    text: `${prefix}${text}`,
    matches: ({ value }) => numberIsAsAsked(prefix, text, { from: value as number, to: value as number }),
  });
  return [
    query('', '-987654321.5'),
    ...texts.flatMap((text) => prefixes.map((prefix) => query(prefix, text))),
  ];
}

const UCUM = 'http://unitsofmeasure.org';
const CURRENCY = 'urn:iso:std:iso:4217';

interface Measured {
  readonly range: Range;
  readonly system: string | undefined;
  readonly code: string | undefined;
  readonly unit: string | undefined;
}

const infinity = Number.POSITIVE_INFINITY;

function measuredOf({ type, value, element }: TypedValue): Measured[] {
  const part = value as Part;
  const text = (one: unknown): string | undefined => (typeof one === 'string' ? one : undefined);
  const named = (one: Part, range: Range): Measured[] => [
    { range, system: text(one['system']), code: text(one['code']), unit: text(one['unit']) },
  ];
  if (type === 'Money') {
    const own = part['value'] as number;
    if (own === undefined) return [];
    return [
      { range: { from: own, to: own }, system: CURRENCY, code: text(part['currency']), unit: undefined },
    ];
  }
  if (type === 'Range') {
    const [low, high] = [part['low'] as Part | undefined, part['high'] as Part | undefined];
    const from = (low?.['value'] as number | undefined) ?? -infinity;
    const to = (high?.['value'] as number | undefined) ?? infinity;
    return low === undefined && high === undefined ? [] : named(low ?? high ?? {}, { from, to });
  }
  if (type === 'SampledData') return sampled(part);
  if (!['Quantity', 'Age', 'Duration', 'Count', 'Distance'].includes(type))
    throw new Error(`no quantity of ${type} at ${element}`);
  const own = part['value'] as number | undefined;
  if (own === undefined) return [];
  const comparator = text(part['comparator']) ?? '';
  return named(part, {
    from: comparator.startsWith('<') ? -infinity : own,
    to: comparator.startsWith('>') ? infinity : own,
  });
}

/** "just search on the bounds of the values in sampled data" (R4 SearchParameter Observation-value-quantity). */
function sampled(part: Part): Measured[] {
  const origin = part['origin'] as Part;
  const factor = (part['factor'] as number | undefined) ?? 1;
  const points = ((part['data'] as string | undefined) ?? '').split(' ').flatMap((point) => {
    const read = { L: part['lowerLimit'], U: part['upperLimit'] }[point] ?? Number(point);
    return Number.isFinite(read) ? [(read as number) * factor + (origin['value'] as number)] : [];
  });
  if (points.length === 0) return [];
  return [
    {
      range: { from: Math.min(...points), to: Math.max(...points) },
      system: origin['system'] as string | undefined,
      code: origin['code'] as string | undefined,
      unit: origin['unit'] as string | undefined,
    },
  ];
}

interface UcumConversion {
  readonly status: string;
  readonly toVal: number | null;
}
let ucum: { convertUnitTo(from: string, value: number, to: string): UcumConversion } | undefined;

/** How a number of one UCUM unit is said in another, by @lhncbc/ucum-lhc; undefined where it cannot. */
function conversion(from: string, to: string): ((value: number) => number) | undefined {
  const { UcumLhcUtils } = createRequire(import.meta.url)('@lhncbc/ucum-lhc') as {
    UcumLhcUtils: { getInstance(): NonNullable<typeof ucum> };
  };
  ucum ??= UcumLhcUtils.getInstance();
  const convert = ucum.convertUnitTo.bind(ucum);
  if (convert(from, 1, to).status !== 'succeeded') return undefined;
  return (value) => {
    if (!Number.isFinite(value) || value === 0) return from === to ? value : convertZero(value);
    return convert(from, value, to).toVal ?? Number.NaN;
  };
  function convertZero(value: number): number {
    if (!Number.isFinite(value)) return value;
    // The library refuses to convert nothing; two other points of the line tell where it lies.
    const [one, two] = [convert(from, 1, to).toVal ?? 0, convert(from, 2, to).toVal ?? 0];
    return 2 * one - two;
  }
}

/** What is asked of a quantity parameter that has `values`. */
export function quantityQueries(values: readonly TypedValue[], chooser: Chooser, count: number): Query[] {
  const queries: Query[] = [quantityQuery('', '-987654321.5', '', '')];
  const measured = values.flatMap(measuredOf);
  for (const { range, system = '', code = '', unit = '' } of chooser.some(measured, count)) {
    const text = String(Number.isFinite(range.from) ? range.from : range.to);
    for (const prefix of prefixes) {
      queries.push(quantityQuery(prefix, text, '', ''));
      if (system !== '' && code !== '') queries.push(quantityQuery(prefix, text, system, code));
    }
    if (code !== '') queries.push(quantityQuery('', text, '', code));
    if (unit !== '') queries.push(quantityQuery('', text, '', unit));
    if (system !== '') queries.push(quantityQuery('', text, 'http://elsewhere.example', code));
    if (system === UCUM) queries.push(...inOtherUnits(text, code));
  }
  return queries;
}

const otherUnits = [
  'g',
  'mg',
  'kg',
  'mmol/L',
  'umol/L',
  'g/L',
  'cm',
  'm',
  '[in_i]',
  'min',
  'h',
  'd',
  'a',
  's',
  'kPa',
  '[degF]',
];

function inOtherUnits(text: string, code: string): Query[] {
  return otherUnits
    .filter((other) => other !== code)
    .flatMap((other) => {
      const convert = conversion(code, other);
      if (convert === undefined) return [];
      const said = Number(convert(Number(text)).toPrecision(6)).toString();
      return ['', 'gt', 'le'].map((prefix) => quantityQuery(prefix, said, UCUM, other));
    });
}

function quantityQuery(prefix: string, text: string, system: string, code: string): Query {
  const unit = system === '' && code === '' ? '' : `|${escaped(system)}|${escaped(code)}`;
  return { modifier: '', text: `${prefix}${text}${unit}`, matches: quantityIs(prefix, text, system, code) };
}

function quantityIs(prefix: string, text: string, system: string, code: string): Matches {
  return (value) =>
    measuredOf(value).some((own) => {
      const isNamed =
        (system === '' && code === '') ||
        (system === ''
          ? own.code === code || own.unit === code
          : own.system === system && (code === '' || own.code === code));
      if (isNamed) return numberIsAsAsked(prefix, text, own.range);
      if (own.system !== UCUM || own.code === undefined || (system !== '' && system !== UCUM)) return false;
      const convert = conversion(code, own.code);
      if (convert === undefined) return false;
      const range = { from: rounded(own.range.from), to: rounded(own.range.to) };
      return numberIsAsAsked(prefix, text, range, convert);
    });
}
