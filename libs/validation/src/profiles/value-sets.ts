import type { FhirObject, FhirValue } from '#fhir';
import { isObject } from '../fhirpath/item.js';
import { objectAt, objectsAt, textAt, textsAt, unversioned } from './tree.js';

/** System -> codes. */
export type Codes = ReadonlyMap<string, ReadonlySet<string>>;

/** Value sets that name each other in a circle go no deeper. */
const depthMax = 16;

/** The value sets and code systems of a package. */
export class ValueSets {
  readonly #sets = new Map<string, FhirObject>();
  readonly #systems = new Map<string, FhirObject>();
  readonly #expanded = new Map<string, Codes | undefined>();

  add(resource: FhirObject): void {
    const url = textAt(resource, 'url');
    if (url === undefined) return;
    if (resource['resourceType'] === 'ValueSet') this.#sets.set(url, resource);
    else this.#systems.set(url, resource);
  }

  /** The codes of a value set; undefined where they cannot be listed from what is here. */
  codes(url: string): Codes | undefined {
    if (!this.#expanded.has(url)) this.#expanded.set(url, this.#expand(url, 0));
    return this.#expanded.get(url);
  }

  #expand(url: string, depth: number): Codes | undefined {
    const set = this.#sets.get(unversioned(url));
    const compose = set && objectAt(set, 'compose');
    if (!compose || depth > depthMax) return undefined;
    const out = new Map<string, Set<string>>();
    const add = (system: string, codes: Iterable<string>): void => {
      const known = out.get(system) ?? new Set();
      for (const code of codes) known.add(code);
      out.set(system, known);
    };
    for (const include of objectsAt(compose, 'include')) {
      for (const nested of textsAt(include, 'valueSet')) {
        const codes = this.#expand(nested, depth + 1);
        if (!codes) return undefined;
        for (const [system, some] of codes) add(system, some);
      }
      const system = textAt(include, 'system');
      if (system === undefined) continue;
      const codes = this.#included(include, system);
      if (!codes) return undefined;
      add(system, codes);
    }
    for (const exclude of objectsAt(compose, 'exclude'))
      for (const concept of objectsAt(exclude, 'concept'))
        out.get(textAt(exclude, 'system') ?? '')?.delete(textAt(concept, 'code') ?? '');
    return out;
  }

  #included(include: FhirObject, system: string): readonly string[] | undefined {
    const listed = objectsAt(include, 'concept');
    if (listed.length > 0) return listed.map((concept) => textAt(concept, 'code') ?? '');
    const codeSystem = this.#systems.get(system);
    if (!codeSystem || objectsAt(include, 'filter').length > 0) return undefined;
    if (textAt(codeSystem, 'content') !== 'complete') return undefined;
    return conceptsOf(codeSystem, 0);
  }
}

function conceptsOf(owner: FhirObject, depth: number): string[] {
  if (depth > depthMax) return [];
  return objectsAt(owner, 'concept').flatMap((concept) => [
    textAt(concept, 'code') ?? '',
    ...conceptsOf(concept, depth + 1),
  ]);
}

/** Whether a code, Coding, CodeableConcept or Quantity is of the set. */
export function isIn(value: FhirValue, codes: Codes): boolean {
  if (typeof value === 'string') return [...codes.values()].some((some) => some.has(value));
  if (!isObject(value)) return false;
  const codings = value['coding'];
  if (Array.isArray(codings)) return codings.some((coding) => isIn(coding, codes));
  const [system = '', code = ''] = [textAt(value, 'system'), textAt(value, 'code')];
  return codes.get(system)?.has(code) === true;
}
