import { EngineError } from '#kernel';
import { Decimal } from './decimal.js';
import { WrittenValue } from './written-value.js';

/** What FHIR JSON can hold, once read: numbers that need their digits are Decimal. */
export type FhirValue = string | number | boolean | null | Decimal | FhirValue[] | FhirObject;
export interface FhirObject {
  [name: string]: FhirValue;
}

/** A tree deeper than this is no resource; `readJson` allows 64 levels. */
const depthMax = 256;
/** Member names of FHIR are a few thousand; foreign ones must not fill the memory. */
const labelsMax = 4_096;
const labels = new Map<string, string>();

/** What JSON cannot hold as it is. Surrogates are left to JSON.stringify, which tells pairs from lone ones. */
const needsEscape = /["\\\u0000-\u001f\ud800-\udfff]/;

/**
 * The JSON of a resource, members in the order of insertion, decimals with the digits they were given. Without white
 * space; otherwise as JSON.stringify writes it, and as fast. Equal trees give equal text.
 */
export function writeJson(resource: unknown): string {
  return append('', resource, 0);
}

/** A copy of `value` for many resources to hold: `writeJson` writes it once. Must never be changed. */
export function writtenOnce(value: FhirObject): FhirObject {
  return new WrittenValue(value, writeJson(value)) as unknown as FhirObject;
}

function append(out: string, value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return out + quoted(value);
    case 'number':
      return out + (Number.isFinite(value) ? `${value}` : 'null');
    case 'boolean':
      return out + (value ? 'true' : 'false');
    case 'undefined':
      return `${out}null`;
    case 'object':
      if (value === null) return `${out}null`;
      if (value instanceof Decimal) return out + value.text;
      if (value instanceof WrittenValue) return out + WrittenValue.json(value);
      if (depth >= depthMax)
        throw new EngineError('bug', 'FHIR_TREE_TOO_DEEP', 'writing JSON: nested too deeply');
      return Array.isArray(value) ? appendArray(out, value, depth + 1) : appendObject(out, value, depth + 1);
    default:
      throw new EngineError('bug', 'FHIR_TREE_MALFORMED', `writing JSON: a ${typeof value} is no value`);
  }
}

function appendArray(out: string, items: readonly unknown[], depth: number): string {
  let text = `${out}[`;
  for (let i = 0; i < items.length; i++) text = append(i === 0 ? text : `${text},`, items[i], depth);
  return `${text}]`;
}

function appendObject(out: string, members: object, depth: number): string {
  let text = out;
  let before = '{';
  for (const name in members) {
    const member = (members as Readonly<Record<string, unknown>>)[name];
    if (member === undefined) continue;
    text = append(text + before + label(name), member, depth);
    before = ',';
  }
  return before === '{' ? `${out}{}` : `${text}}`;
}

function quoted(text: string): string {
  return needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** `"name":`, made once. */
function label(name: string): string {
  let text = labels.get(name);
  if (text === undefined) {
    text = `${quoted(name)}:`;
    if (labels.size < labelsMax) labels.set(name, text);
  }
  return text;
}
