import { Decimal, type FhirObject, type FhirValue } from '#fhir';

/** Elements whose text may be the name of another entry of the transaction (R4 http, section 3.1.0.11.2). */
const linkNames = new Set(['reference', 'url', 'uri', 'system', 'uuid', 'oid', 'canonical', 'div']);
/** Such as `valueUri`: choices end in their type. */
const linkChoice = /(?:Uri|Url|Uuid|Oid|Canonical)$/;
/** A conditional reference: `Patient?identifier=x`. */
const conditional = /^[A-Z][A-Za-z]+\?/;

/** Every conditional reference of the tree, each once. */
export function conditionalReferences(resource: FhirObject): Set<string> {
  const found = new Set<string>();
  visit(resource, (name, text) => {
    if (name === 'reference' && conditional.test(text)) found.add(text);
    return text;
  });
  return found;
}

/** `https://a.example/fhir/` of `https://a.example/fhir/Patient/1`; undefined for what is no address of a resource. */
export function rootOf(fullUrl: string | undefined): string | undefined {
  return /^(https?:\/\/.+\/)[A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64}$/.exec(fullUrl ?? '')?.[1];
}

/**
 * The tree with names put in the place of others: whole texts of references, uris and the like, and links of narratives. What
 * needs no change is the same object. `root`: where relative references of this resource begin (R4 Bundle, "Resolving references in Bundles").
 */
export function withLinks(
  resource: FhirObject,
  links: ReadonlyMap<string, string>,
  root: string | undefined,
): FhirObject {
  if (links.size === 0) return resource;
  const linkOf = (text: string): string | undefined =>
    links.get(text) ?? (root !== undefined && relative.test(text) ? links.get(root + text) : undefined);
  return visit(resource, (name, text) => {
    if (name === 'div') return withNarrativeLinks(text, linkOf);
    if (name !== 'reference') return links.get(text) ?? text;
    const known = linkOf(text);
    if (known !== undefined) return known;
    // A version or a part of what is named: the name alone is replaced.
    const mark = text.search(/\/_history\/|#/);
    const start = mark > 0 ? linkOf(text.slice(0, mark)) : undefined;
    return start === undefined ? text : start + text.slice(mark);
  });
}

const relative = /^[A-Z][A-Za-z]+\//;

const narrativeLink = /\b(href|src)="([^"]*)"/g;

function withNarrativeLinks(div: string, linkOf: (target: string) => string | undefined): string {
  return div.replace(narrativeLink, (whole, name: string, target: string) => {
    const known = linkOf(target);
    return known === undefined ? whole : `${name}="${known}"`;
  });
}

type Change = (name: string, text: string) => string;

function visit(object: FhirObject, change: Change): FhirObject {
  let out = object;
  for (const [name, value] of Object.entries(object)) {
    const changed = visitValue(name, value, change);
    if (changed === value) continue;
    if (out === object) out = { ...object };
    out[name] = changed;
  }
  return out;
}

function visitValue(name: string, value: FhirValue, change: Change): FhirValue {
  if (typeof value === 'string')
    return linkNames.has(name) || linkChoice.test(name) ? change(name, value) : value;
  if (typeof value !== 'object' || value === null || value instanceof Decimal) return value;
  if (!Array.isArray(value)) return visit(value, change);
  const items = value.map((item) => visitValue(name, item, change));
  return items.some((item, index) => item !== value[index]) ? items : value;
}
