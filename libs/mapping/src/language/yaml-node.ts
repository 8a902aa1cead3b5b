import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  Scalar,
} from 'yaml';
import type { Place } from './place.js';
import type { Problems } from './problems.js';

export interface ScalarNode extends Place {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** As text, digits as they were written. */
  readonly text: string;
  /** Columns between the start of the node and the first character of its text. */
  readonly quote: 0 | 1;
}

export interface ListNode extends Place {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
}

export interface MapEntry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: YamlNode;
}

export interface MapNode extends Place {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
}

export type YamlNode = ScalarNode | ListNode | MapNode;

/** The file at hand. */
interface Source {
  readonly lines: LineCounter;
  readonly problems: Problems;
}

const depthMax = 40;

/**
 * The documents of a YAML 1.2 file as plain nodes with places. Mistakes go to `problems`; what is sound is returned. Of a
 * file that is no YAML the first mistake alone is told, and nothing is returned: what follows it is guessed, and so would
 * be every other complaint.
 */
export function readYaml(text: string, problems: Problems): MapNode[] {
  const lines = new LineCounter();
  const source = { lines, problems };
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    version: '1.2',
  });
  if (!Array.isArray(documents)) return [];
  const syntax = documents
    .flatMap((document) => document.errors)
    .find((error) => error.code !== 'DUPLICATE_KEY');
  if (syntax) {
    const place = placeAt(source, syntax.pos[0]);
    problems.add(place, 'MAPPING_YAML', firstLine(syntax.message), 'correct the YAML at this place');
    return [];
  }
  const nodes: MapNode[] = [];
  for (const document of documents) {
    for (const error of document.errors) {
      const place = placeAt(source, error.pos[0]);
      problems.add(place, 'MAPPING_DUPLICATE_KEY', 'the same key stands here twice', 'keep one of them');
    }
    if (document.errors.length > 0 || document.contents === null) continue;
    const node = convert(document.contents as ParsedNode, source, 0);
    if (node?.kind === 'map') nodes.push(node);
    else if (node)
      problems.add(
        node,
        'MAPPING_SHAPE',
        'a document is a mapping of keys',
        'start the document with a key: `map:`',
      );
  }
  return nodes;
}

function firstLine(message: string): string {
  return (message.split('\n', 1)[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
}

function placeAt({ lines, problems }: Source, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line, column: col, file: problems.file };
}

function convert(node: ParsedNode, source: Source, depth: number): YamlNode | undefined {
  const { problems } = source;
  const place = placeAt(source, node.range[0]);
  if (isAlias(node) || depth > depthMax) {
    problems.add(
      place,
      'MAPPING_YAML',
      'anchors, aliases and very deep nesting are not read',
      'write it out here',
    );
    return undefined;
  }
  if (isScalar(node)) return scalar(node, place);
  if (isSeq(node)) {
    const items = node.items.map((item) => convert(item as ParsedNode, source, depth + 1));
    return { kind: 'list', items: items.filter((item) => item !== undefined), ...place };
  }
  if (!isMap(node)) return undefined;
  const entries: MapEntry[] = [];
  for (const pair of node.items) {
    const key = pair.key as ParsedNode;
    const keyPlace = placeAt(source, key.range[0]);
    if (!isScalar(key)) {
      problems.add(keyPlace, 'MAPPING_SHAPE', 'a key is a single word', 'put quotes around the key');
      continue;
    }
    const value = pair.value ? convert(pair.value as ParsedNode, source, depth + 1) : empty(keyPlace);
    if (value) entries.push({ key: scalarText(key), keyPlace, value });
  }
  return { kind: 'map', entries, ...place };
}

function empty(place: Place): ScalarNode {
  return { kind: 'scalar', value: null, text: '', quote: 0, ...place };
}

function scalar(node: Scalar, place: Place): ScalarNode {
  const quoted = node.type === Scalar.QUOTE_SINGLE || node.type === Scalar.QUOTE_DOUBLE;
  const value = node.value;
  const plain =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
  return { kind: 'scalar', value: plain, text: scalarText(node), quote: quoted ? 1 : 0, ...place };
}

function scalarText(node: Scalar): string {
  const { value } = node;
  if (typeof value === 'string') return value;
  if (node.source !== undefined) return node.source;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** The value of `key`, or undefined. */
export function entryOf(node: MapNode, key: string): MapEntry | undefined {
  return node.entries.find((entry) => entry.key === key);
}

/** The node as plain JSON data; numbers written with a fraction stay text for the caller to read. */
export function plainValue(node: YamlNode): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(plainValue);
    case 'map':
      return Object.fromEntries(node.entries.map((entry) => [entry.key, plainValue(entry.value)]));
  }
}
