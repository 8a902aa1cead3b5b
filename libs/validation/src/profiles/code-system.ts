import { type FhirObject, type FhirValue, writeJson } from '#fhir';
import { choiceAt, objectsAt, textAt } from './tree.js';

/** Concepts in concepts go no deeper. */
const depthMax = 32;

interface Concept {
  readonly code: string;
  /** Codes right below it. */
  readonly children: Set<string>;
  readonly properties: readonly (readonly [code: string, value: FhirValue])[];
}

/** Decides whether a concept is of a filter. */
type Test = (concept: Concept) => boolean;

/** The concepts of a CodeSystem, with what is above what: by nesting, and by the properties `parent` and `child` (R4, CodeSystem.hierarchyMeaning). */
export class CodeSystem {
  readonly #isComplete: boolean;
  #concepts: ReadonlyMap<string, Concept> | undefined;

  constructor(private readonly resource: FhirObject) {
    this.#isComplete = textAt(resource, 'content') === 'complete';
  }

  /** The codes that all filters let through; undefined where not all concepts are here, or a filter is not understood. */
  select(filters: readonly FhirObject[]): ReadonlySet<string> | undefined {
    if (!this.#isComplete) return undefined;
    const tests: Test[] = [];
    for (const filter of filters) {
      const test = this.#testOf(filter);
      if (!test) return undefined;
      tests.push(test);
    }
    const concepts = [...this.#read().values()];
    return new Set(concepts.filter((one) => tests.every((test) => test(one))).map(({ code }) => code));
  }

  #read(): ReadonlyMap<string, Concept> {
    if (this.#concepts) return this.#concepts;
    const concepts = new Map<string, Concept>();
    readConcepts(this.resource, undefined, concepts, 0);
    for (const { code, properties } of concepts.values())
      for (const [name, value] of properties) {
        if (name === 'parent' && typeof value === 'string') concepts.get(value)?.children.add(code);
        if (name === 'child' && typeof value === 'string') concepts.get(code)?.children.add(value);
      }
    this.#concepts = concepts;
    return concepts;
  }

  /** R4, value set filter-operator. */
  #testOf(filter: FhirObject): Test | undefined {
    const [property = '', op = '', value = ''] = ['property', 'op', 'value'].map((name) =>
      textAt(filter, name),
    );
    if (property === 'concept' || property === 'code') {
      const below = this.#below(value);
      if (op === 'is-a') return ({ code }) => code === value || below.has(code);
      if (op === 'descendent-of') return ({ code }) => below.has(code);
      if (op === 'is-not-a') return ({ code }) => code !== value && !below.has(code);
    }
    const valuesOf = ({ code, properties }: Concept): FhirValue[] =>
      property === 'code' || property === 'concept'
        ? [code]
        : properties.flatMap(([name, one]) => (name === property ? [one] : []));
    const wanted = op === 'in' || op === 'not-in' ? value.split(',').map((one) => one.trim()) : [value];
    const has: Test = (concept) => valuesOf(concept).some((one) => wanted.includes(textOf(one)));
    if (op === '=' || op === 'in') return has;
    if (op === 'not-in') return (concept) => !has(concept);
    if (op === 'exists') return (concept) => valuesOf(concept).length > 0 === (value === 'true');
    return undefined;
  }

  /** All that is below a concept, each once, so that a circle ends. */
  #below(ancestor: string): ReadonlySet<string> {
    const found = new Set(this.#read().get(ancestor)?.children);
    for (const code of found) for (const child of this.#read().get(code)?.children ?? []) found.add(child);
    return found;
  }
}

/** As a filter writes the value of a property. */
function textOf(value: FhirValue): string {
  return typeof value === 'string' ? value : writeJson(value);
}

function readConcepts(
  owner: FhirObject,
  parent: Concept | undefined,
  into: Map<string, Concept>,
  depth: number,
): void {
  for (const concept of depth > depthMax ? [] : objectsAt(owner, 'concept')) {
    const code = textAt(concept, 'code') ?? '';
    const properties = objectsAt(concept, 'property').flatMap((one) => {
      const value = choiceAt(one, 'value');
      return value === undefined ? [] : [[textAt(one, 'code') ?? '', value] as const];
    });
    const known = into.get(code) ?? { code, children: new Set(), properties };
    parent?.children.add(code);
    into.set(code, known);
    readConcepts(concept, known, into, depth + 1);
  }
}
