import { nearestName } from '#fhir';
import { isComposite, isKnownSegment } from '../dictionary/v2-dictionary.js';
import type { DropRule, MapSource, MapStep, MessageMapSource, ResourceMapSource } from './mapping-file.js';
import type { Place } from './place.js';
import { type Problems, suggestion } from './problems.js';
import { placeInside, readCondition, readElementRules, readExpression, readPath } from './read-rule.js';
import { entryOf, type MapEntry, type MapNode, readYaml, type YamlNode } from './yaml-node.js';

export const resourceMapKeys = [
  'map',
  'note',
  'source',
  'create',
  'merge',
  'uses',
  'when',
  'key',
  'set',
  'drop',
] as const;
export const messageMapKeys = ['map', 'note', 'for', 'structure', 'bundle', 'steps', 'drop'] as const;
export const createStepKeys = ['create', 'from', 'as', 'when'] as const;
export const eachStepKeys = ['each', 'as', 'steps'] as const;
const mapName = /^[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*$/;

/** The maps of one mapping file. Whatever is wrong goes to `problems`; a map with a mistake is left out. */
export function readMappingFile(file: string, text: string, problems: Problems): MapSource[] {
  const maps: MapSource[] = [];
  for (const node of readYaml(text, problems)) {
    const before = problems.list.length;
    const map = entryOf(node, 'for')
      ? readMessageMap(node, file, problems)
      : readResourceMap(node, file, problems);
    if (map && problems.list.length === before) maps.push(map);
  }
  return maps;
}

function checkKeys(node: MapNode, keys: readonly string[], problems: Problems): void {
  for (const { key, keyPlace } of node.entries) {
    if (keys.includes(key)) continue;
    const remedy = suggestion(nearestName(key, keys), keys, 'remove it');
    problems.add(keyPlace, 'MAPPING_UNKNOWN_KEY', `'${key}' is not known here`, remedy);
  }
}

function text(node: MapNode, key: string, problems: Problems): { text: string; place: Place } | undefined {
  const entry = entryOf(node, key);
  if (!entry) {
    problems.add(node, 'MAPPING_KEY_MISSING', `'${key}' is missing`, `add ${key}:`);
    return undefined;
  }
  return textOf(entry.value, key, problems);
}

function textOf(node: YamlNode, key: string, problems: Problems): { text: string; place: Place } | undefined {
  if (node.kind === 'scalar' && node.text !== '') return { text: node.text, place: placeInside(node, 0) };
  problems.add(node, 'MAPPING_SHAPE', `'${key}' is one word`, `write ${key}: and the word`);
  return undefined;
}

function listOf(entry: MapEntry | undefined): readonly YamlNode[] {
  if (!entry) return [];
  return entry.value.kind === 'list' ? entry.value.items : [entry.value];
}

function readName(node: MapNode, problems: Problems): { text: string; place: Place } | undefined {
  const name = text(node, 'map', problems);
  if (!name || mapName.test(name.text)) return name;
  problems.add(
    name.place,
    'MAPPING_NAME',
    `'${name.text}' is no name of a map`,
    'write for instance v2.PID.Patient',
  );
  return undefined;
}

function readResourceMap(node: MapNode, file: string, problems: Problems): ResourceMapSource | undefined {
  checkKeys(node, resourceMapKeys, problems);
  const name = readName(node, problems);
  const source = text(node, 'source', problems);
  const create = text(node, 'create', problems);
  const setEntry = entryOf(node, 'set');
  if (!setEntry) problems.add(node, 'MAPPING_KEY_MISSING', "'set' is missing", 'add set: with the elements');
  const match = source && /^hl7v2\/([A-Z][A-Z0-9_]*)$/.exec(source.text);
  if (source && !match)
    problems.add(
      source.place,
      'MAPPING_SOURCE',
      `'${source.text}' is no source`,
      'write hl7v2/ and a segment or data type, for instance hl7v2/PID',
    );
  const key = listOf(entryOf(node, 'key')).flatMap((item) => {
    const expression = readExpression(item, problems);
    return expression ? [{ expression, place: item.kind === 'scalar' ? placeInside(item, 0) : item }] : [];
  });
  if (key.length === 0 && !entryOf(node, 'key'))
    problems.add(
      node,
      'MAPPING_KEY_MISSING',
      "'key' is missing: ids must be the same on every run",
      'add key: with the paths that identify the resource',
    );
  const merge = readWord(node, 'merge', ['snapshot', 'update'], problems);
  const whenEntry = entryOf(node, 'when');
  const condition = whenEntry && readCondition(whenEntry.value, problems);
  const set = setEntry ? readElementRules(setEntry.value, problems) : [];
  const drop = readDrops(node, problems);
  if (!name || !source || !match || !create) return undefined;
  const sourceName = match[1] ?? '';
  return {
    kind: 'resource',
    name: name.text,
    file,
    place: name.place,
    source: {
      kind: !isKnownSegment(sourceName) && isComposite(sourceName) ? 'value' : 'segment',
      name: sourceName,
      place: source.place,
    },
    create: { type: create.text, place: create.place },
    merge: merge === 'update' ? 'update' : 'snapshot',
    when: whenEntry && condition && { condition, place: placeOfText(whenEntry.value) },
    uses: listOf(entryOf(node, 'uses')).flatMap((item) => textOf(item, 'uses', problems)?.text ?? []),
    key,
    set,
    drop,
  };
}

function placeOfText(node: YamlNode): Place {
  return node.kind === 'scalar' ? placeInside(node, 0) : node;
}

function readWord(
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

function readDrops(node: MapNode, problems: Problems): DropRule[] {
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

function readMessageMap(node: MapNode, file: string, problems: Problems): MessageMapSource | undefined {
  checkKeys(node, messageMapKeys, problems);
  const name = readName(node, problems);
  const claims = listOf(entryOf(node, 'for')).flatMap((item) => {
    const claim = textOf(item, 'for', problems);
    if (!claim || /^[A-Z0-9]{3}(?:\^[A-Z0-9]{3}|_[A-Z0-9]{3})?$/.test(claim.text)) return claim ?? [];
    problems.add(
      claim.place,
      'MAPPING_FOR',
      `'${claim.text}' names no message`,
      'write ORU^R01 (type and trigger) or ORU_R01 (structure)',
    );
    return [];
  });
  const structure = text(node, 'structure', problems);
  const bundle = readWord(node, 'bundle', ['message', 'collection'], problems);
  const steps = readSteps(entryOf(node, 'steps'), node, problems);
  const drop = readDrops(node, problems);
  if (!name || !structure) return undefined;
  return {
    kind: 'message',
    name: name.text,
    file,
    place: name.place,
    for: claims,
    structure,
    bundle: bundle === 'collection' ? 'collection' : 'message',
    steps,
    drop,
  };
}

function readSteps(entry: MapEntry | undefined, node: MapNode, problems: Problems): MapStep[] {
  if (entry?.value.kind !== 'list') {
    problems.add(
      entry?.keyPlace ?? node,
      'MAPPING_SHAPE',
      'steps is a list of create and each',
      'write `- create: v2.PID.Patient`',
    );
    return [];
  }
  return entry.value.items.flatMap((item) => readStep(item, problems) ?? []);
}

function readStep(item: YamlNode, problems: Problems): MapStep | undefined {
  if (item.kind !== 'map') {
    problems.add(item, 'MAPPING_SHAPE', 'a step is create: or each:', 'write `- create: v2.PID.Patient`');
    return undefined;
  }
  const as = optionalText(item, 'as', problems);
  if (as !== undefined && !/^[a-z][A-Za-z0-9_]*$/.test(as))
    problems.add(item, 'MAPPING_NAME', `'${as}' is no name`, 'start with a small letter; letters and digits');
  if (entryOf(item, 'each')) {
    checkKeys(item, eachStepKeys, problems);
    const group = text(item, 'each', problems);
    const steps = readSteps(entryOf(item, 'steps'), item, problems);
    return group && { kind: 'each', group: group.text, place: group.place, as, steps };
  }
  checkKeys(item, createStepKeys, problems);
  const map = text(item, 'create', problems);
  const when = entryOf(item, 'when');
  const condition = when && readCondition(when.value, problems);
  if (!map) return undefined;
  const from = optionalText(item, 'from', problems);
  return {
    kind: 'create',
    map: map.text,
    place: map.place,
    from,
    as,
    when: condition,
    whenPlace: when ? placeOfText(when.value) : item,
  };
}

function optionalText(node: MapNode, key: string, problems: Problems): string | undefined {
  const entry = entryOf(node, key);
  return entry && textOf(entry.value, key, problems)?.text;
}
