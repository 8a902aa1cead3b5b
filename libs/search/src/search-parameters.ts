import { isResourceType } from '#fhir';
import { compileExpression, type Extract, pathsOf } from './expression.js';
import { r4Parameters } from './r4-parameters.js';

/** How the values of a parameter are compared (R4 search, section 3.1.1.4). */
export type SearchKind =
  | 'token'
  | 'string'
  | 'reference'
  | 'date'
  | 'number'
  | 'quantity'
  | 'uri'
  | 'composite';

/** One part of a composite parameter: how it is compared, and how it is taken from the element (or the resource). */
export interface CompositePart {
  /** The parameter that looks at the same values by themselves. */
  readonly name: string;
  readonly kind: SearchKind;
  readonly fromResource: boolean;
  readonly extract: Extract;
}

/** The elements of a composite parameter at one path, each with its parts. */
export interface CompositeElement {
  readonly extract: Extract;
  readonly parts: readonly CompositePart[];
}

/** One search parameter of one resource type, compiled to an extractor. */
export interface SearchParameter {
  readonly name: string;
  readonly kind: SearchKind;
  /** Resource types that its references may point to; empty: any. */
  readonly targets: readonly string[];
  readonly extract: Extract;
  /** Of a composite parameter only. */
  readonly elements: readonly CompositeElement[];
}

type Row = [
  name: string,
  kind: SearchKind | 'special',
  types: string,
  expression: string,
  targets: number,
  parts?: [kind: SearchKind, expression: string, name: string][],
];
interface Tables {
  readonly parameters: Row[];
  readonly targets: string[];
  readonly compartments: [type: string, members: string][];
}

let tables: Tables | undefined;
const byType = new Map<string, ReadonlyMap<string, SearchParameter>>();

function r4(): Tables {
  tables ??= JSON.parse(r4Parameters) as Tables;
  return tables;
}

/** The parameters of a resource type that look at its content, by name; none for a name that is no R4 resource type. */
export function parametersOf(type: string): ReadonlyMap<string, SearchParameter> {
  const known = byType.get(type);
  if (known) return known;
  const parameters = new Map<string, SearchParameter>();
  if (!isResourceType(type)) return parameters;
  for (const row of r4().parameters) {
    // What stands in the row of the store and not in the content is asked for there.
    if (row[0] === '_id' || row[0] === '_lastUpdated' || row[1] === 'special') continue;
    if (row[2] === 'Resource' || row[2].split(' ').includes(type)) parameters.set(row[0], compile(type, row));
  }
  byType.set(type, parameters); // only R4 names, so the map is bounded
  return parameters;
}

function compile(type: string, [name, kind, , expression, targets, parts = []]: Row): SearchParameter {
  const list = r4().targets[targets];
  return {
    name,
    kind: kind as SearchKind,
    targets: list === undefined ? [] : list.split(' '),
    extract: compileExpression(type, '', expression),
    elements:
      parts.length === 0
        ? []
        : pathsOf(type, expression).map(({ path, extract }) => ({
            extract,
            parts: parts.map(([partKind, text, partName]) => {
              const fromResource = text.startsWith('%resource.');
              return {
                name: partName,
                kind: partKind,
                fromResource,
                extract: compileExpression(type, fromResource ? '' : path, text.replace('%resource.', '')),
              };
            }),
          })),
  };
}

/** Types that have a compartment, each with its members: which parameters of a type put a resource into it. */
export function compartmentOf(type: string): ReadonlyMap<string, readonly string[]> | undefined {
  const row = r4().compartments.find(([name]) => name === type);
  if (row === undefined) return undefined;
  return new Map(
    row[1].split(' ').map((member) => {
      const [name = '', parameters = ''] = member.split(':');
      return [name, parameters.split(',')];
    }),
  );
}
