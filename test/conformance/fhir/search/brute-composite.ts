import {
  evaluateTyped,
  kindOfDefinition,
  type OriginalParameter,
  type TypedValue,
} from '../../../../libs/search/testing/original-parameters.js';
import { dateQueries, numberQueries, quantityQueries } from './brute-ranges.js';
import { referenceQueries } from './brute-references.js';
import { stringQueries, tokenQueries, uriQueries } from './brute-words.js';
import type { Chooser, Query } from './query.js';

/** The queries on a parameter of `kind` that has `values`. */
export function queriesOn(
  kind: string,
  values: readonly TypedValue[],
  targets: readonly string[],
  chooser: Chooser,
  count: number,
): Query[] {
  switch (kind) {
    case 'token':
      return tokenQueries(values, chooser, count);
    case 'string':
      return stringQueries(values, chooser, count);
    case 'uri':
      return uriQueries(values, chooser, count);
    case 'reference':
      return referenceQueries(values, targets, chooser, count);
    case 'date':
      return dateQueries(values, chooser, count);
    case 'number':
      return numberQueries(values, chooser, count);
    case 'quantity':
      return quantityQueries(values, chooser, count);
    default:
      throw new Error(`no queries on ${kind}`);
  }
}

/** The values of the parts of one element, by the part. */
export type Parts = readonly (readonly TypedValue[])[];

type Composite = OriginalParameter & { readonly expression: string };

/** How the parts of a composite parameter are compared. R4 says those of DocumentReference.relationship the wrong way round. */
export function partKinds({ code, component = [] }: Composite): string[] {
  if (code === 'relationship') return ['token', 'reference'];
  return component.map(({ definition }) => kindOfDefinition(definition) ?? '');
}

/** The elements of a composite parameter, each with the values of its parts. */
export function partsOf(type: string, parameter: Composite, resource: object): Parts[] {
  return parameter.expression
    .split(' | ')
    .filter((path) => path === type || path.startsWith(`${type}.`))
    .flatMap((path) =>
      evaluateTyped(type, path, resource).map(({ value }) =>
        (parameter.component ?? []).map(({ expression }) =>
          expression.startsWith('%resource.')
            ? evaluateTyped(type, expression.replace('%resource', type), resource)
            : partValues(path, expression, value as object),
        ),
      ),
    );
}

function partValues(path: string, expression: string, element: object): TypedValue[] {
  // `value.as(X)` of an element: a path that starts at it.
  const found = path.includes('.')
    ? evaluateTyped(path, expression, element)
    : evaluateTyped(path, expression.replace(/(^| \| )/g, `$1${path}.`), element);
  return found.filter(({ value }) => value !== undefined && value !== null);
}

/** A query on a composite parameter, and what matches it among the elements of a resource. */
export interface CompositeQuery {
  readonly text: string;
  readonly matches: (elements: readonly Parts[]) => boolean;
}

/** Values of one element joined, which match, and of two elements, which may not. */
export function compositeQueries(
  kinds: readonly string[],
  elements: readonly Parts[],
  chooser: Chooser,
  count: number,
): CompositeQuery[] {
  const whole = elements.filter((parts) => parts.every((values) => values.length > 0));
  const queries: CompositeQuery[] = [];
  for (const parts of chooser.some(whole, count)) {
    for (let round = 0; round < 4; round++) {
      const [other = parts] = round < 2 ? [parts] : chooser.some(whole, 1);
      const chosen = kinds.map((kind, at) => {
        const from = at === 0 ? parts : other;
        const asked = queriesOn(kind, chooser.some(from[at] ?? [], 1), [], chooser, 1);
        return chooser.some(
          asked.slice(1).filter(({ modifier, text }) => modifier === '' && !text.includes(',')),
          1,
        )[0];
      });
      if (chosen.some((one) => one === undefined)) continue;
      const asked = chosen as Query[];
      queries.push({
        text: asked.map(({ text }) => text).join('$'),
        matches: (list) =>
          list.some((own) => asked.every(({ matches }, at) => (own[at] ?? []).some(matches))),
      });
    }
  }
  return queries;
}
