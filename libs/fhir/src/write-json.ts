import { Decimal, decimalMark, takeDecimalCount } from './decimal.js';

/** What FHIR JSON can hold, once read: numbers that need their digits are Decimal. */
export type FhirValue = string | number | boolean | null | Decimal | FhirValue[] | FhirObject;
export interface FhirObject {
  [name: string]: FhirValue;
}

/** How JSON.stringify writes the mark at the start of a string. */
const marked = JSON.stringify(decimalMark).slice(0, -1);

/**
 * The JSON of a resource, members in the order of insertion, decimals with the digits they were given. Without
 * white space. Equal trees give equal text.
 */
export function writeJson(resource: unknown): string {
  takeDecimalCount();
  const text = JSON.stringify(resource);
  const count = takeDecimalCount();
  return count === 0 ? text : (unmark(text, count) ?? writeValue(resource));
}

/** Takes the marks and quotes off the decimals; undefined when content of the message itself starts with the mark. */
function unmark(text: string, count: number): string | undefined {
  let out = '';
  let from = 0;
  let found = 0;
  for (let at = text.indexOf(marked); at >= 0; at = text.indexOf(marked, from)) {
    const end = text.indexOf('"', at + marked.length);
    out += text.slice(from, at) + text.slice(at + marked.length, end);
    from = end + 1;
    if (++found > count) return undefined;
  }
  return out + text.slice(from);
}

/** The slow and certain way. */
function writeValue(value: unknown): string {
  if (value instanceof Decimal) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => writeValue(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${writeValue(member)}`);
  }
  return `{${members.join(',')}}`;
}
