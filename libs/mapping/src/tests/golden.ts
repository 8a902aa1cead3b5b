import { type Document, parseDocument } from 'yaml';
import { Decimal, type FhirObject, type FhirValue } from '#fhir';
import type { MappedResource } from '../mapping-result.js';
import { valueText } from './find-values.js';

/** The resources that a message must become, each under a name that others refer to: `{ reference: $patient }`. */
export interface Golden {
  readonly document: Document;
  readonly resources: ReadonlyMap<string, Tree>;
}

export type Tree = { readonly [key: string]: unknown };

/** One place where a golden and what was made differ. */
export interface GoldenDifference {
  /** Name of the resource in the golden; undefined for a resource that it does not have. */
  readonly resource: string | undefined;
  /** `valueQuantity`, `value`; empty: the whole resource. */
  readonly path: readonly (string | number)[];
  readonly wanted: unknown;
  readonly found: unknown;
}

/** Reads a golden; a string says why it is none. Numbers of YAML keep their digits, comments stay with the document. */
export function readGolden(text: string): Golden | string {
  const document = parseDocument(text, { schema: 'failsafe' });
  const problem = document.errors[0];
  if (problem) return problem.message;
  const tree = document.toJS() as unknown;
  const resources = isTree(tree) ? tree['resources'] : undefined;
  if (!isTree(resources)) return 'a golden has resources: and below it each resource under a name of its own';
  const named = Object.entries(resources);
  const strange = named.find(([, resource]) => !isTree(resource) || resource['resourceType'] === undefined);
  if (strange) return `${strange[0]} has no resourceType`;
  return { document, resources: new Map(named as [string, Tree][]) };
}

/** What differs, in order of the golden; then what it does not have. Ids are not compared, references by what they refer to. */
export function compareGolden(golden: Golden, made: readonly MappedResource[]): GoldenDifference[] {
  const found = made.map(({ key, resource }) => ({ key, tree: plain(resource) as Tree }));
  const names = matchAll(golden.resources, found);
  const nameOfKey = new Map([...names].map(([name, { key }]) => [key, name]));
  const differences: GoldenDifference[] = [];
  for (const [name, wanted] of golden.resources) {
    const match = names.get(name);
    if (match === undefined)
      differences.push({ resource: name, path: [], wanted: wanted['resourceType'], found: undefined });
    else
      for (const one of treeDifferences(wanted, named(match.tree, nameOfKey), []))
        differences.push({ resource: name, ...one });
  }
  for (const { key, tree } of found) {
    if (!nameOfKey.has(key))
      differences.push({ resource: undefined, path: [], wanted: undefined, found: named(tree, nameOfKey) });
  }
  return differences;
}

/** A difference as a person reads it. */
export function differenceText({ resource, path, wanted, found }: GoldenDifference): string {
  if (resource === undefined) return `not in the golden: ${JSON.stringify(found)}`;
  const place = [resource, ...path].reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
  const show = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value));
  return `${place}: ${show(wanted)} expected, ${show(found)} found`;
}

interface Found {
  readonly key: string;
  readonly tree: Tree;
}

/** To each resource of the golden the made one of its type that is most like it, the surest pairs first. */
function matchAll(golden: ReadonlyMap<string, Tree>, found: readonly Found[]): Map<string, Found> {
  const pairs = [...golden].flatMap(([name, wanted]) =>
    found
      .filter(({ tree }) => tree['resourceType'] === wanted['resourceType'])
      .map((one) => ({ name, one, like: likeness(wanted, one.tree) })),
  );
  pairs.sort((a, b) => b.like - a.like);
  const matched = new Map<string, Found>();
  const taken = new Set<Found>();
  for (const { name, one } of pairs) {
    if (matched.has(name) || taken.has(one)) continue;
    matched.set(name, one);
    taken.add(one);
  }
  return matched;
}

/** Share of leaves that both have, references left out. */
function likeness(a: Tree, b: Tree): number {
  const [left, right] = [leaves(a), leaves(b)];
  let common = 0;
  for (const leaf of left) if (right.has(leaf)) common++;
  return common / Math.max(1, left.size + right.size - common);
}

function leaves(value: unknown, path = '', into = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const item of value) leaves(item, path, into);
  else if (isTree(value))
    for (const [key, inner] of Object.entries(value)) {
      if (key !== 'id' && key !== 'reference') leaves(inner, `${path}.${key}`, into);
    }
  else into.add(`${path}=${String(value)}`);
  return into;
}

/** Without ids of resources, references by name. */
function named(tree: Tree, nameOfKey: ReadonlyMap<string, string>): Tree {
  const rename = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rename);
    if (!isTree(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        const name = key === 'reference' && typeof inner === 'string' ? nameOfKey.get(inner) : undefined;
        return [key, name === undefined ? rename(inner) : `$${name}`];
      }),
    );
  };
  const { id: _, ...rest } = tree;
  return rename(rest) as Tree;
}

function treeDifferences(
  wanted: unknown,
  found: unknown,
  path: readonly (string | number)[],
): Omit<GoldenDifference, 'resource'>[] {
  if (Array.isArray(wanted) && Array.isArray(found)) {
    const length = Math.max(wanted.length, found.length);
    return Array.from({ length }, (_, index) => index).flatMap((index) =>
      treeDifferences(wanted[index], found[index], [...path, index]),
    );
  }
  if (isTree(wanted) && isTree(found)) {
    const keys = new Set([...Object.keys(wanted), ...Object.keys(found)]);
    return [...keys].flatMap((key) => treeDifferences(wanted[key], found[key], [...path, key]));
  }
  return wanted === found ? [] : [{ path, wanted, found }];
}

/** The tree as YAML reads it: every leaf a text, decimals with their digits. */
function plain(value: FhirValue): unknown {
  if (value === null || value instanceof Decimal || typeof value !== 'object') return valueText(value);
  if (Array.isArray(value)) return value.map((item) => plain(item));
  return Object.fromEntries(
    Object.entries(value as FhirObject).flatMap(([key, inner]) =>
      inner === undefined ? [] : [[key, plain(inner)]],
    ),
  );
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
