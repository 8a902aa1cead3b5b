import { Decimal } from './decimal.js';
import { definitions } from './definitions.js';
import { narrativeFault } from './xhtml.js';

/** R4, section 2.24.0.1: strings are at most 1 MiB, integers 32 bits. */
const stringMax = 1024 * 1024;
const integerMax = 2 ** 31 - 1;

/** What no string of FHIR may hold: control characters but tab, line feed and carriage return; lone surrogates. */
const forbiddenInText = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;
const visible = /\S/;
const base64 = /^(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?$/;

export type PrimitiveCheck = (value: unknown) => boolean;

const isText: PrimitiveCheck = (value) =>
  typeof value === 'string' &&
  value.length <= stringMax &&
  visible.test(value) &&
  !forbiddenInText.test(value);

const isInteger =
  (least: number): PrimitiveCheck =>
  (value) =>
    typeof value === 'number' &&
    Number.isInteger(value) &&
    value >= least &&
    value <= integerMax &&
    !Object.is(value, -0);

const daysInMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The published expressions allow the 30th of February; the calendar does not. `text` matches the expression already. */
function isInCalendar(text: string): boolean {
  if (text.length < 10) return true;
  const year = Number(text.slice(0, 4));
  const month = Number(text.slice(5, 7));
  const day = Number(text.slice(8, 10));
  if (day > (daysInMonth[month - 1] ?? 0)) return false;
  return month !== 2 || day < 29 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
}

function matching(pattern: RegExp, also: (text: string) => boolean = () => true): PrimitiveCheck {
  return (value) =>
    typeof value === 'string' && value.length <= stringMax && pattern.test(value) && also(value);
}

/** The published expression of base64Binary can take exponential time on white space, so it is not used. */
const isBase64: PrimitiveCheck = (value) =>
  typeof value === 'string' &&
  value !== '' &&
  base64.test(/\s/.test(value) ? value.replace(/\s+/g, '') : value);

const own: Readonly<Record<string, PrimitiveCheck>> = {
  boolean: (value) => typeof value === 'boolean',
  decimal: (value) => value instanceof Decimal || (typeof value === 'number' && Number.isFinite(value)),
  integer: isInteger(-(2 ** 31)),
  positiveInt: isInteger(1),
  unsignedInt: isInteger(0),
  string: isText,
  markdown: isText,
  base64Binary: isBase64,
  // No string, so the bound of strings does not hold; who takes a body bounds it.
  xhtml: (value) =>
    typeof value === 'string' && !forbiddenInText.test(value) && narrativeFault(value) === undefined,
};

/** How values of a type are written, for whoever wrote one otherwise. */
const shapes: Readonly<Record<string, string>> = {
  boolean: 'true or false, without quotes',
  decimal: 'a number without quotes',
  integer: 'a whole number without quotes',
  positiveInt: 'a whole number from 1, without quotes',
  unsignedInt: 'a whole number from 0, without quotes',
  date: '2026, 2026-11 or 2026-11-23',
  dateTime: '2026, 2026-11, 2026-11-23 or 2026-11-23T08:00:00Z, with a zone',
  instant: '2026-11-23T08:00:00Z, with a zone',
  time: '08:00:00',
  code: 'text without spaces at the ends, and single ones within',
  id: '1 to 64 of A-Z, a-z, 0-9, - and .',
  oid: 'urn:oid:1.2.3',
  uuid: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
  uri: 'text without spaces',
  url: 'text without spaces',
  canonical: 'text without spaces',
  base64Binary: 'base64 with its padding',
  string: 'text with something to see, of at most 1 MiB, without control characters',
  markdown: 'text with something to see, of at most 1 MiB, without control characters',
};

/** What to say of a value that is none of a primitive type. */
export function primitiveFault(type: string, value: unknown): string {
  if (type === 'xhtml') {
    const why = typeof value === 'string' ? narrativeFault(value) : 'it is no text';
    return `not a narrative: ${why ?? 'it holds a control character'}`;
  }
  const shape = shapes[type];
  return shape === undefined ? `not a ${type}` : `not a ${type}; write ${shape}`;
}

/** The check of a primitive type's value: JSON type, format, range, calendar. `type` must be a primitive type of R4. */
export function primitiveCheck(type: string): PrimitiveCheck {
  const check = own[type];
  if (check) return check;
  const pattern = definitions().primitive(type)?.pattern;
  if (!pattern) return isText;
  if (type === 'date' || type === 'dateTime' || type === 'instant') return matching(pattern, isInCalendar);
  return matching(pattern, (text) => text !== '' && !forbiddenInText.test(text));
}
