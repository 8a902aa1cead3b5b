import type { Place } from '../language/place.js';
import type { Problems } from '../language/problems.js';
import { entryOf, type MapNode, readYaml, type YamlNode } from '../language/yaml-node.js';

/** One test of a `*.test.yaml`. */
export interface MappingTest {
  readonly name: string;
  readonly place: Place;
  /** A file, from the folder above the mappings or beside the test. */
  readonly send: string | undefined;
  /** The message itself; line ends stand for CR. Or the document. */
  readonly message: string | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  /** Layers over `suture`; undefined: those of the folder. */
  readonly layers: readonly string[] | undefined;
  /** How many resources of each type. */
  readonly resources: Readonly<Record<string, number>> | undefined;
  /** Path to the texts of its values; an empty list: none. */
  readonly values: readonly {
    readonly path: string;
    readonly wanted: readonly string[];
    readonly place: Place;
  }[];
  /** Exactly these leaves stay unmapped. */
  readonly unmapped: readonly string[] | undefined;
  /** Codes of the failures, in order. */
  readonly errors: readonly string[];
  /** A file beside the test that holds every resource, whole. */
  readonly golden: string | undefined;
  /** Every resource must be valid R4. */
  readonly valid: boolean;
}

export const testKeys = ['name', 'send', 'message', 'with', 'layers', 'expect'] as const;
export const expectKeys = ['resources', 'values', 'golden', 'unmapped', 'errors', 'valid'] as const;

/** The tests of one file: documents with `tests:`. */
export function readTests(text: string, problems: Problems): MappingTest[] {
  return readYaml(text, problems).flatMap((document) => {
    const tests = entryOf(document, 'tests');
    if (tests?.value.kind === 'list')
      return tests.value.items.flatMap((item) => readTest(item, problems) ?? []);
    problems.add(
      document,
      'TEST_SHAPE',
      'a test file holds a list of tests',
      'write tests: and `- name: ...`',
    );
    return [];
  });
}

function readTest(node: YamlNode, problems: Problems): MappingTest | undefined {
  if (node.kind !== 'map') {
    problems.add(
      node,
      'TEST_SHAPE',
      'a test has a name, a message and what to expect',
      'write `- name: ...`',
    );
    return undefined;
  }
  checkKeys(node, testKeys, problems);
  const expect = entryOf(node, 'expect')?.value;
  const wanted = expect?.kind === 'map' ? expect : undefined;
  if (wanted) checkKeys(wanted, expectKeys, problems);
  const name = textOf(node, 'name');
  const send = textOf(node, 'send');
  const message = textOf(node, 'message');
  if (name === undefined || (send === undefined) === (message === undefined)) {
    problems.add(node, 'TEST_SHAPE', 'a test has a name and either send or message', 'add what is missing');
    return undefined;
  }
  return {
    name,
    place: node,
    send,
    message,
    parameters: Object.fromEntries(pairs(node, 'with').map(({ key, value }) => [key, scalar(value)])),
    layers: readList(node, 'layers'),
    resources: wanted && readCounts(wanted),
    values: wanted ? readValues(wanted) : [],
    unmapped: wanted && readList(wanted, 'unmapped'),
    errors: (wanted && readList(wanted, 'errors')) ?? [],
    golden: wanted && textOf(wanted, 'golden'),
    valid: wanted === undefined || textOf(wanted, 'valid') !== 'false',
  };
}

function checkKeys(node: MapNode, keys: readonly string[], problems: Problems): void {
  for (const { key, keyPlace } of node.entries)
    if (!keys.includes(key))
      problems.add(keyPlace, 'MAPPING_UNKNOWN_KEY', `'${key}' is not known here`, `use ${keys.join(', ')}`);
}

function readCounts(node: MapNode): Record<string, number> | undefined {
  if (!entryOf(node, 'resources')) return undefined;
  return Object.fromEntries(pairs(node, 'resources').map(({ key, value }) => [key, Number(scalar(value))]));
}

function readValues(node: MapNode): MappingTest['values'] {
  return pairs(node, 'values').map(({ key, keyPlace, value }) => ({
    path: key,
    wanted: textsOf(value),
    place: keyPlace,
  }));
}

function readList(node: MapNode, key: string): string[] | undefined {
  const entry = entryOf(node, key);
  return entry && textsOf(entry.value);
}

function textsOf(node: YamlNode): string[] {
  if (node.kind === 'list') return node.items.map(scalar);
  if (node.kind === 'scalar' && node.value === null && node.text === '') return [];
  return [scalar(node)];
}

function pairs(node: MapNode, key: string): MapNode['entries'] {
  const value = entryOf(node, key)?.value;
  return value?.kind === 'map' ? value.entries : [];
}

function textOf(node: MapNode, key: string): string | undefined {
  const value = entryOf(node, key)?.value;
  return value?.kind === 'scalar' ? value.text : undefined;
}

function scalar(node: YamlNode): string {
  return node.kind === 'scalar' ? node.text : '';
}
