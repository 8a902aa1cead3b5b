import { nearestName } from '#kernel';
import type { DropRule, ResourceMapSource } from './mapping-file.js';
import type { Place } from './place.js';
import { type Problems, suggestion } from './problems.js';
import { placeInside, readCondition, readExpression, readPath } from './read-rule.js';
import { entryOf, type MapEntry, type MapNode, type YamlNode } from './yaml-node.js';

const mapName = /^[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*$/;

export function checkKeys(node: MapNode, keys: readonly string[], problems: Problems): void {
  for (const { key, keyPlace } of node.entries) {
    if (keys.includes(key)) continue;
    const remedy = suggestion(nearestName(key, keys), keys, 'remove it');
    problems.add(keyPlace, 'MAPPING_UNKNOWN_KEY', `'${key}' is not known here`, remedy);
  }
}

export function text(
  node: MapNode,
  key: string,
  problems: Problems,
): { text: string; place: Place } | undefined {
  const entry = entryOf(node, key);
  if (!entry) {
    problems.add(node, 'MAPPING_KEY_MISSING', `'${key}' is missing`, `add ${key}:`);
    return undefined;
  }
  return textOf(entry.value, key, problems);
}

export function textOf(
  node: YamlNode,
  key: string,
  problems: Problems,
): { text: string; place: Place } | undefined {
  if (node.kind === 'scalar' && node.text !== '') return { text: node.text, place: placeInside(node, 0) };
  problems.add(node, 'MAPPING_SHAPE', `'${key}' is one word`, `write ${key}: and the word`);
  return undefined;
}

export function listOf(entry: MapEntry | undefined): readonly YamlNode[] {
  if (!entry) return [];
  return entry.value.kind === 'list' ? entry.value.items : [entry.value];
}

/** The name of the map at hand, under `map` or `patch`. */
export function readName(
  node: MapNode,
  key: 'map' | 'patch',
  problems: Problems,
): { text: string; place: Place } | undefined {
  const name = text(node, key, problems);
  if (!name || mapName.test(name.text)) return name;
  problems.add(
    name.place,
    'MAPPING_NAME',
    `'${name.text}' is no name of a map`,
    'write for instance v2.PID.Patient',
  );
  return undefined;
}

export function placeOfText(node: YamlNode): Place {
  return node.kind === 'scalar' ? placeInside(node, 0) : node;
}

export function readWord(
  node: MapNode,
  key: string,
  words: readonly string[],
  problems: Problems,
): string | undefined {
  const entry = entryOf(node, key);
  if (!entry) return undefined;
  const word = textOf(entry.value, key, problems);
  if (!word || words.includes(word.text)) return word?.text;
  problems.add(word.place, 'MAPPING_SHAPE', `'${word.text}' is no ${key}`, `use one of: ${words.join(', ')}`);
  return undefined;
}

export function readDrops(node: MapNode, problems: Problems): DropRule[] {
  const entry = entryOf(node, 'drop');
  if (!entry) return [];
  if (entry.value.kind !== 'map') {
    problems.add(
      entry.keyPlace,
      'MAPPING_SHAPE',
      'drop holds paths and reasons',
      'write for instance `PID-1: set id`',
    );
    return [];
  }
  return entry.value.entries.flatMap((one) => {
    const key: YamlNode = { kind: 'scalar', value: one.key, text: one.key, quote: 0, ...one.keyPlace };
    const path = readPath(key, problems);
    const reason = one.value.kind === 'scalar' ? one.value.text : '';
    if (reason === '')
      problems.add(one.keyPlace, 'MAPPING_DROP_REASON', 'a drop says why', 'write the reason after the path');
    return path ? [{ path, text: one.key, reason, place: one.keyPlace }] : [];
  });
}

export function optionalText(node: MapNode, key: string, problems: Problems): string | undefined {
  const entry = entryOf(node, key);
  return entry && textOf(entry.value, key, problems)?.text;
}

/** The expressions under `key`. */
export function readKeyParts(node: MapNode, problems: Problems): ResourceMapSource['key'] {
  return listOf(entryOf(node, 'key')).flatMap((item) => {
    const expression = readExpression(item, problems);
    return expression ? [{ expression, place: item.kind === 'scalar' ? placeInside(item, 0) : item }] : [];
  });
}

export function readWhen(node: MapNode, problems: Problems): ResourceMapSource['when'] {
  const entry = entryOf(node, 'when');
  const condition = entry && readCondition(entry.value, problems);
  return entry && condition && { condition, place: placeOfText(entry.value) };
}

export function readUses(node: MapNode, problems: Problems): ResourceMapSource['uses'] {
  return listOf(entryOf(node, 'uses')).flatMap((item) => textOf(item, 'uses', problems) ?? []);
}
