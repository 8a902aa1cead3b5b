import type { ParentRule, TextPart } from './mapping-file.js';
import type { Problems } from './problems.js';
import { listOf } from './read-keys.js';
import { placeInside, readExpression } from './read-rule.js';
import { entryOf, type MapNode, type YamlNode } from './yaml-node.js';

/** `label:` of a resource map: lists of expressions. */
export function readLabels(node: MapNode, problems: Problems): readonly (readonly TextPart[])[] {
  const entry = entryOf(node, 'label');
  return entry ? readLists(entry.value, problems) : [];
}

/** `parent:` of a resource map: an element, and the labels of whose resource it is. */
export function readParents(node: MapNode, problems: Problems): ParentRule[] {
  const entry = entryOf(node, 'parent');
  if (!entry) return [];
  if (entry.value.kind !== 'map') {
    const remedy = 'write for instance `hasMember: [[OBR-26.1.1, OBR-26.2]]`';
    problems.add(entry.keyPlace, 'MAPPING_SHAPE', 'parent holds elements and labels', remedy);
    return [];
  }
  return entry.value.entries.map(({ key, keyPlace, value }) => ({
    element: key,
    labels: readLists(value, problems),
    isOn: undefined,
    place: keyPlace,
  }));
}

function readLists(value: YamlNode, problems: Problems): TextPart[][] {
  if (value.kind !== 'list') {
    problems.add(value, 'MAPPING_SHAPE', 'a list of lists of expressions', 'write `- [OBX-3.1, OBX-4]`');
    return [];
  }
  return value.items.map((list) =>
    listOf({ key: '', keyPlace: list, value: list }).flatMap((item) => {
      const expression = readExpression(item, problems);
      return expression ? [{ expression, place: item.kind === 'scalar' ? placeInside(item, 0) : item }] : [];
    }),
  );
}
