/** Which number of `03/04/2024` is the day; undefined where nobody knows. */
export type DateOrder = 'day-first' | 'month-first';

interface Parts {
  year: number;
  month: number;
  day: number;
  time: string;
  zone: string;
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Two digits of a year mean 1950 to 2049. */
const centuryTurn = 50;

const timePart = String.raw`(?:(?:[ T]|,\s*)\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp]\.?[Mm]\.?)?\s*(Z|[+-]\d{2}:?\d{2})?)?`;
const isoPattern = new RegExp(`^(\\d{4})[-/.](\\d{1,2})(?:[-/.](\\d{1,2})${timePart})?$`);
const compactPattern =
  /^(\d{4})(\d{2})(\d{2})(?:[ T]?(\d{2})(\d{2})(\d{2})?(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?)?$/;
const numberedPattern = new RegExp(`^(\\d{1,2})[-/. ](\\d{1,2})[-/. ](\\d{4}|\\d{2})${timePart}$`);
const dayNamePattern = new RegExp(
  `^(\\d{1,2})[-/. ]\\s*([A-Za-z]{3,9})\\.?[-/., ]\\s*(\\d{4}|\\d{2})${timePart}$`,
);
const nameDayPattern = new RegExp(`^([A-Za-z]{3,9})\\.? (\\d{1,2})(?:st|nd|rd|th)?,? (\\d{4})${timePart}$`);
const serialPattern = /^\d{5}(?:\.\d+)?$/;
const yearPattern = /^\d{4}$/;

/** What values of date columns tell about the order of day and month. Contradicting ones tell nothing. */
export function sniffDateOrder(values: Iterable<string>): DateOrder | undefined {
  let dayFirst = 0;
  let monthFirst = 0;
  for (const value of values) {
    const match = numberedPattern.exec(value.trim());
    if (!match) continue;
    const [, first, second, , , , , , half] = match;
    if (Number(first) > 12) dayFirst++;
    else if (Number(second) > 12 || half !== undefined) monthFirst++;
    // Nobody writes a month first and dots behind it.
    else if (/^\d+\./.test(value.trim())) dayFirst++;
  }
  if (dayFirst > 0 && monthFirst > 0) return undefined;
  if (dayFirst > 0) return 'day-first';
  return monthFirst > 0 ? 'month-first' : undefined;
}

/** Whether a value is written with numbers of which only the order tells what they are. */
export function needsOrder(value: string): boolean {
  return numberedPattern.test(value.trim());
}

/** Days since the end of 1899, as spreadsheets count them: 1900 had no 29 February, and they think it had. */
function serialMoment(text: string): string | undefined {
  const serial = Number(text);
  if (!(serial >= 1 && serial < 2_958_466)) return undefined;
  const days = serial < 61 ? serial + 1 : serial;
  const at = new Date(Date.UTC(1899, 11, 30) + Math.round(days * 86_400) * 1_000);
  const digits = at.toISOString().replace(/\D/g, '');
  return Number.isInteger(serial) ? digits.slice(0, 8) : digits.slice(0, 14);
}

/**
 * A moment in digits, as HL7 writes it (`YYYYMMDD[HHMM[SS]][+ZZZZ]`), of text in any form that can be understood in one way
 * only; undefined when it is none, or when day and month could be either.
 */
export function readMoment(value: string, order: DateOrder | undefined): string | undefined {
  const text = value.trim();
  if (yearPattern.test(text)) return text;
  const iso = isoPattern.exec(text);
  if (iso) return iso[3] === undefined ? monthText(iso[1] ?? '', iso[2] ?? '') : written(iso, [1, 2, 3]);
  const compact = compactPattern.exec(text);
  if (compact) return compactMoment(compact);
  const numbered = numberedPattern.exec(text);
  if (numbered) {
    const known = order ?? (Number(numbered[1]) > 12 ? 'day-first' : undefined);
    const certain =
      known ?? (Number(numbered[2]) > 12 || numbered[1] === numbered[2] ? 'month-first' : undefined);
    if (certain === undefined) return undefined;
    return written(numbered, certain === 'day-first' ? [3, 2, 1] : [3, 1, 2]);
  }
  const named = dayNamePattern.exec(text);
  if (named) return written(named, [3, 2, 1]);
  const nameFirst = nameDayPattern.exec(text);
  if (nameFirst) return written(nameFirst, [3, 1, 2]);
  return serialPattern.test(text) ? serialMoment(text) : undefined;
}

/** `2028-9` is as well a code as a month. */
function monthText(year: string, month: string): string | undefined {
  return month.length === 2 && Number(month) >= 1 && Number(month) <= 12 ? year + month : undefined;
}

function compactMoment(match: RegExpExecArray): string | undefined {
  const [, year = '', month = '', day = '', hour, minute = '', second = '', zone = ''] = match;
  const time = hour === undefined ? '' : timeDigits(hour, minute, second, '', undefined);
  return time === undefined
    ? undefined
    : digitsOf({ year: Number(year), month: Number(month), day: Number(day), time, zone });
}

/** A match of a pattern that ends with `timePart`, and where its year, month and day stand. */
function written(match: RegExpExecArray, [y, m, d]: readonly [number, number, number]): string | undefined {
  const [hour, minute = '', second = '', fraction = '', half, zone = ''] = match.slice(4);
  const time = hour === undefined ? '' : timeDigits(hour, minute, second, fraction, half);
  if (time === undefined) return undefined;
  return digitsOf({
    year: yearOf(match[y] ?? ''),
    month: monthOf(match[m] ?? ''),
    day: Number(match[d]),
    time,
    zone,
  });
}

function yearOf(text: string): number {
  const year = Number(text);
  if (text.length !== 2) return year;
  return year < centuryTurn ? 2000 + year : 1900 + year;
}

function monthOf(text: string): number {
  return /^\d/.test(text) ? Number(text) : monthNames.indexOf(text.slice(0, 3).toLowerCase()) + 1;
}

function timeDigits(
  hourText: string,
  minute: string,
  second: string,
  fraction: string,
  half: string | undefined,
): string | undefined {
  let hour = Number(hourText);
  if (half !== undefined) {
    if (hour < 1 || hour > 12) return undefined;
    hour = (hour % 12) + (/^p/i.test(half) ? 12 : 0);
  }
  if (hour > 23 || Number(minute) > 59 || Number(second || '0') > 60) return undefined;
  const part = fraction === '' ? '' : `.${fraction}`;
  return `${String(hour).padStart(2, '0')}${minute}${second}${second === '' ? '' : part}`;
}

function digitsOf({ year, month, day, time, zone }: Parts): string | undefined {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > (daysOfMonth[month - 1] ?? 0)) return undefined;
  if (month === 2 && day === 29 && !isLeap) return undefined;
  const two = (n: number): string => String(n).padStart(2, '0');
  const offset = time === '' ? '' : zone === 'Z' ? '+0000' : zone.replace(':', '');
  return `${String(year).padStart(4, '0')}${two(month)}${two(day)}${time}${offset}`;
}

/** Reads moments of one declared form. */
export type ReadMoment = (text: string) => string | undefined;

const signs: Readonly<Record<string, readonly [name: string, pattern: string]>> = {
  yyyy: ['year', String.raw`(\d{4})`],
  yy: ['year', String.raw`(\d{2})`],
  MMMM: ['month', '([A-Za-z]{3,9})'],
  MMM: ['month', '([A-Za-z]{3})'],
  MM: ['month', String.raw`(\d{2})`],
  M: ['month', String.raw`(\d{1,2})`],
  dd: ['day', String.raw`(\d{2})`],
  d: ['day', String.raw`(\d{1,2})`],
  HH: ['hour', String.raw`(\d{2})`],
  H: ['hour', String.raw`(\d{1,2})`],
  hh: ['hour', String.raw`(\d{2})`],
  h: ['hour', String.raw`(\d{1,2})`],
  mm: ['minute', String.raw`(\d{2})`],
  ss: ['second', String.raw`(\d{2})`],
  SSS: ['fraction', String.raw`(\d{1,9})`],
  a: ['half', String.raw`([AaPp]\.?[Mm]\.?)`],
  X: ['zone', String.raw`(Z|[+-]\d{2}:?\d{2})`],
};
const signPattern = /yyyy|yy|MMMM|MMM|MM|M|dd|d|HH|H|hh|h|mm|ss|SSS|a|X|'([^']*)'|[A-Za-z]|[^A-Za-z']+/g;

/** A form as `dd.MM.yyyy HH:mm` (signs of Unicode LDML), or `excel`; undefined when it has a sign that is none. */
export function momentReader(form: string): ReadMoment | undefined {
  if (form === 'excel')
    return (text) => (/^\d{1,6}(?:\.\d+)?$/.test(text.trim()) ? serialMoment(text.trim()) : undefined);
  const names: string[] = [];
  let pattern = '';
  for (const [piece, quoted] of form.matchAll(signPattern)) {
    const sign = signs[piece];
    if (sign) {
      names.push(sign[0]);
      pattern += sign[1];
    } else if (/^[A-Za-z]$/.test(piece) && piece !== 'T') return undefined;
    else pattern += (quoted ?? piece).replace(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
  }
  if (!names.includes('year')) return undefined;
  const whole = new RegExp(`^${pattern}$`);
  return (text) => {
    const match = whole.exec(text.trim());
    return match ? formed(new Map(names.map((name, i) => [name, match[i + 1] ?? '']))) : undefined;
  };
}

function formed(parts: ReadonlyMap<string, string>): string | undefined {
  const part = (name: string): string => parts.get(name) ?? '';
  const hour = parts.get('hour');
  const time =
    hour === undefined
      ? ''
      : timeDigits(hour, part('minute') || '00', part('second'), part('fraction'), parts.get('half'));
  const year = yearOf(part('year'));
  const month = parts.get('month');
  if (month === undefined) return String(year).padStart(4, '0');
  if (!parts.has('day'))
    return monthText(String(year).padStart(4, '0'), String(monthOf(month)).padStart(2, '0'));
  if (time === undefined) return undefined;
  return digitsOf({ year, month: monthOf(month), day: Number(part('day')), time, zone: part('zone') });
}
