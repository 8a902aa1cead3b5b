import { Decimal, elementType, type FhirObject, type FhirValue } from '#fhir';
import { EngineError } from '#kernel';
import { summaryElements } from './summary-elements.js';

/** What of a resource goes out (R4 search, sections 3.1.1.5.8 and 3.1.1.5.9). */
type Part =
  | { readonly kind: 'summary' | 'text' | 'data' }
  | { readonly kind: 'elements'; readonly names: readonly string[] };

/** Bounds what one request may name. */
const MAX_ELEMENTS = 100;
const subsetted = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'SUBSETTED',
};
/** What a summary of text holds beside the narrative and what must be there. */
const ofText = new Set(['text', 'id', 'meta']);
const always = new Set(['resourceType', 'id', 'meta', 'implicitRules']);

let summaries: ReadonlyMap<string, ReadonlySet<string>> | undefined;

/**
 * What `_summary` and `_elements` leave of a resource, or of each resource in a Bundle, marked as a part where something is
 * left out; an OperationOutcome stays whole. undefined: all of it goes out. Throws `rejected` SEARCH_VALUE_INVALID.
 */
export function subsetOf(
  pairs: readonly (readonly [string, string])[],
): ((resource: FhirObject) => FhirObject) | undefined {
  const part = partOf(pairs);
  return part && ((resource) => cut(resource, part));
}

function partOf(pairs: readonly (readonly [string, string])[]): Part | undefined {
  const value = (name: string) => pairs.findLast(([one]) => one === name)?.[1];
  const summary = value('_summary');
  const elements = value('_elements');
  if (summary !== undefined && !['true', 'text', 'data', 'count', 'false', ''].includes(summary))
    throw invalidValue('_summary', 'one of true, text, data, count, false');
  if (elements !== undefined && elements !== '') {
    const names = elements.split(',').map((name) => name.trim());
    if (names.length > MAX_ELEMENTS || names.some((name) => !/^([A-Z]\w*\.)?[a-z]\w*$/.test(name)))
      throw invalidValue('_elements', 'a list of elements of the resource, as identifier,active');
    return { kind: 'elements', names };
  }
  if (summary === 'true') return { kind: 'summary' };
  return summary === 'text' || summary === 'data' ? { kind: summary } : undefined;
}

function cut(resource: FhirObject, part: Part): FhirObject {
  const { resourceType: type, entry } = resource;
  if (type === 'OperationOutcome' || typeof type !== 'string') return resource;
  if (type === 'Bundle' && Array.isArray(entry)) {
    const parts = entry.map((one) => {
      if (!isObject(one) || !isObject(one['resource'])) return one;
      return { ...one, resource: cut(one['resource'], part) };
    });
    return { ...resource, entry: parts };
  }
  const out: FhirObject = {};
  let isWhole = true;
  for (const [name, value] of Object.entries(resource)) {
    if (isKept(type, name.replace(/^_/, ''), part)) out[name] = value;
    else isWhole = false;
  }
  return isWhole ? resource : marked(out);
}

function isKept(type: string, name: string, part: Part): boolean {
  if (always.has(name)) return true;
  switch (part.kind) {
    case 'data':
      return name !== 'text';
    case 'text':
      return ofText.has(name) || isRequired(type, name);
    case 'elements':
      return isRequired(type, name) || part.names.some((one) => isNamed(type, name, one));
    case 'summary':
      return isRequired(type, name) || [...summaryOf(type)].some((one) => isNamed(type, name, one));
  }
}

/** `value` names `valueQuantity` too, and so do `value[x]` and `Observation.value`. */
function isNamed(type: string, name: string, asked: string): boolean {
  const plain = asked.startsWith(`${type}.`) ? asked.slice(type.length + 1) : asked.replace('[x]', '');
  if (plain === name) return true;
  if (!name.startsWith(plain) || !/[A-Z]/.test(name.charAt(plain.length))) return false;
  const element = elementType(type, plain);
  return element.known && element.choice;
}

function isRequired(type: string, name: string): boolean {
  const element = elementType(type, name);
  return element.known && element.min > 0;
}

function summaryOf(type: string): ReadonlySet<string> {
  summaries ??= new Map(
    summaryElements
      .trim()
      .split('\n')
      .map((line) => {
        const [name = '', ...elements] = line.split(' ');
        return [name, new Set(elements)];
      }),
  );
  return summaries.get(type) ?? new Set();
}

function marked(resource: FhirObject): FhirObject {
  const { resourceType = '', id, meta, ...rest } = resource;
  const facts = isObject(meta) ? meta : {};
  const tags = Array.isArray(facts['tag']) ? facts['tag'] : [];
  return {
    resourceType,
    ...(id === undefined ? {} : { id }),
    meta: { ...facts, tag: [...tags, subsetted] },
    ...rest,
  };
}

function invalidValue(name: string, what: string): EngineError {
  return new EngineError('rejected', 'SEARCH_VALUE_INVALID', `'${name}' is ${what}`, {
    cause: { at: `http.${name}` },
  });
}

function isObject(value: FhirValue | undefined): value is FhirObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Decimal);
}
