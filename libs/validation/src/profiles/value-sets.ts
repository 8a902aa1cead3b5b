import type { FhirObject, FhirValue } from '#fhir';
import { isObject } from '../fhirpath/item.js';
import { CodeSystem } from './code-system.js';
import { objectAt, objectsAt, textAt, textsAt, unversioned } from './tree.js';

/** System -> codes. */
export type Codes = ReadonlyMap<string, ReadonlySet<string>>;

/** Expansions whose entries stand in each other go no deeper. */
const depthMax = 16;

/** The value sets and code systems of a package. */
export class ValueSets {
  readonly #sets = new Map<string, FhirObject>();
  readonly #systems = new Map<string, CodeSystem>();
  readonly #expanded = new Map<string, Codes | undefined>();

  add(resource: FhirObject): void {
    const url = textAt(resource, 'url');
    if (url === undefined) return;
    if (resource['resourceType'] === 'ValueSet') this.#sets.set(url, resource);
    else this.#systems.set(url, new CodeSystem(resource));
  }

  /** The codes of a value set; undefined where they cannot be listed from what is here. */
  codes(canonical: string): Codes | undefined {
    const url = unversioned(canonical);
    if (!this.#expanded.has(url)) {
      // One that leads to itself cannot be listed.
      this.#expanded.set(url, undefined);
      this.#expanded.set(url, this.#expand(url));
    }
    return this.#expanded.get(url);
  }

  #expand(url: string): Codes | undefined {
    const set = this.#sets.get(url);
    const compose = set && objectAt(set, 'compose');
    return (compose && this.#composed(compose)) ?? (set && expansionOf(set));
  }

  /** R4, ValueSet.compose: what any include gives, without what any exclude gives. */
  #composed(compose: FhirObject): Codes | undefined {
    const out = new Map<string, Set<string>>();
    for (const include of objectsAt(compose, 'include')) {
      const codes = this.#selected(include);
      if (!codes) return undefined;
      for (const [system, some] of codes) {
        const known = out.get(system) ?? new Set();
        for (const code of some) known.add(code);
        out.set(system, known);
      }
    }
    for (const exclude of objectsAt(compose, 'exclude')) {
      const codes = this.#selected(exclude);
      if (!codes) return undefined;
      for (const [system, some] of codes) for (const code of some) out.get(system)?.delete(code);
    }
    return out;
  }

  /** What is of the system and of every value set that one include or exclude names. */
  #selected(one: FhirObject): Codes | undefined {
    const system = textAt(one, 'system');
    const own = system === undefined ? undefined : this.#ofSystem(one, system);
    if (system !== undefined && !own) return undefined;
    let found: Codes | undefined = system !== undefined && own ? new Map([[system, own]]) : undefined;
    for (const nested of textsAt(one, 'valueSet')) {
      const codes = this.codes(nested);
      if (!codes) return undefined;
      found = found ? intersection(found, codes) : codes;
    }
    return found;
  }

  #ofSystem(one: FhirObject, system: string): ReadonlySet<string> | undefined {
    const listed = objectsAt(one, 'concept');
    if (listed.length > 0) return new Set(listed.map((concept) => textAt(concept, 'code') ?? ''));
    return this.#systems.get(unversioned(system))?.select(objectsAt(one, 'filter'));
  }
}

function intersection(one: Codes, other: Codes): Codes {
  return new Map(
    [...one].map(([system, codes]) => {
      const others = other.get(system);
      return [system, new Set([...codes].filter((code) => others?.has(code)))];
    }),
  );
}

/** The codes that somebody listed in the value set itself; undefined where they are not all. */
function expansionOf(set: FhirObject): Codes | undefined {
  const expansion = objectAt(set, 'expansion');
  if (!expansion) return undefined;
  const out = new Map<string, Set<string>>();
  const count = collect(expansion, out, 0);
  const total = expansion['total'];
  return typeof total === 'number' && total > count ? undefined : out;
}

function collect(owner: FhirObject, out: Map<string, Set<string>>, depth: number): number {
  let count = 0;
  for (const entry of depth > depthMax ? [] : objectsAt(owner, 'contains')) {
    const [system = '', code] = [textAt(entry, 'system'), textAt(entry, 'code')];
    if (code !== undefined && entry['abstract'] !== true)
      out.set(system, (out.get(system) ?? new Set()).add(code));
    count += 1 + collect(entry, out, depth + 1);
  }
  return count;
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
