import type { MapStep } from './mapping-file.js';
import type { Problems } from './problems.js';
import { checkKeys, optionalText, placeOfText, text } from './read-keys.js';
import { readCondition } from './read-rule.js';
import { entryOf, type MapEntry, type MapNode, type YamlNode } from './yaml-node.js';

export const createStepKeys = ['create', 'from', 'as', 'when'] as const;
export const eachStepKeys = ['each', 'as', 'steps'] as const;
export const mapsStepKeys = ['maps'] as const;

/** The steps of a message map. */
export function readSteps(entry: MapEntry | undefined, node: MapNode, problems: Problems): MapStep[] {
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
  if (entryOf(item, 'maps')) {
    checkKeys(item, mapsStepKeys, problems);
    const path = text(item, 'maps', problems);
    return path && { kind: 'maps', path: path.text, place: path.place, parts: [] };
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
