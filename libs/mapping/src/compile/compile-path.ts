import { nearestName } from '#kernel';
import type { GroupNode } from '../dictionary/structure.js';
import {
  componentType,
  fieldCount,
  fieldType,
  isComposite,
  isKnownSegment,
  plainText,
  segmentNames,
  type V2Type,
} from '../dictionary/v2-dictionary.js';
import type { PathExpression, RepetitionFilter } from '../language/expression.js';
import type { Level } from '../types/convert.js';
import {
  currentFieldReader,
  type FieldPlace,
  otherFieldReader,
  type PathReader,
  type RepetitionTest,
  rangeReader,
  readerWhere,
  selectorOf,
} from './path-reader.js';
import { mistake, type Scope } from './scope.js';
import {
  descendingSelector,
  extraSelector,
  filteredSelector,
  type SegmentSelector,
  slotSelector,
} from './segment-selector.js';
import { xmlReader } from './xml-reader.js';

/** Names for components in a filter, by data type. */
const filterNames: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  CX: { type: 5, authority: 4 },
  XCN: { type: 13, authority: 9 },
  XON: { type: 7, authority: 6 },
  XPN: { type: 7 },
  XAD: { type: 7 },
  XTN: { use: 2, type: 3 },
  CWE: { system: 3 },
};

/** How to read `path`; undefined, and a problem, when it leads nowhere. */
export function compilePath(path: PathExpression, scope: Scope): PathReader | undefined {
  if (path.steps) {
    if (scope.frame.kind === 'element') return xmlReader(path.steps);
    return mistake(
      scope,
      path.offset,
      'MAPPING_PATH',
      `${path.name} is a path through a document, and this map reads ${scope.frame.name}`,
      'write for instance PID-5, or `source: cda/...`',
    );
  }
  const { frame, each } = scope;
  if (
    each &&
    path.name === each.path.name &&
    path.field === each.path.field &&
    !path.filter &&
    !path.where &&
    path.field > 0
  )
    return compileRange(path, each.type, 1, scope);
  if (frame.kind === 'element')
    return mistake(
      scope,
      path.offset,
      'MAPPING_PATH',
      `${path.name} names no element of a document`,
      'write a path, for instance code/@code',
    );
  if (frame.kind === 'value') {
    if (path.name === frame.name && path.field === 0)
      return compileRange(path, { type: frame.name, table: 0, repeats: false }, frame.level, scope);
    return mistake(
      scope,
      path.offset,
      'MAPPING_PATH',
      `a map of the data type ${frame.name} reads only its own value`,
      `write ${frame.name}.1 for instance`,
    );
  }
  if (path.field === 0)
    return mistake(
      scope,
      path.offset,
      'MAPPING_PATH',
      `${path.name} is a whole segment`,
      `name a field: ${path.name}-1`,
    );
  return compileField(path, scope);
}

function compileRange(
  path: PathExpression,
  whole: V2Type,
  frameLevel: Level,
  scope: Scope,
): PathReader | undefined {
  const type = partType(path, whole, scope);
  if (!type) return undefined;
  const level: Level = path.component > 0 ? 2 : frameLevel;
  return rangeReader(type, level, path.component, path.subcomponent, frameLevel);
}

/** The type below a value of `whole` that the components of `path` lead to. */
function partType(path: PathExpression, whole: V2Type, scope: Scope): V2Type | undefined {
  if (path.component === 0) return whole;
  const component = partOf(path, whole.type, path.component, scope);
  if (!component || path.subcomponent === 0) return component;
  return partOf(path, component.type, path.subcomponent, scope);
}

function partOf(path: PathExpression, type: string, number: number, scope: Scope): V2Type | undefined {
  const part = componentType(type, number);
  if (part) return part;
  // A field of unknown type may hold anything.
  if (type === 'VARIES' || type === 'CM' || path.name.startsWith('Z')) return plainText;
  return mistake(
    scope,
    path.offset,
    'MAPPING_PATH',
    isComposite(type) ? `${type} has no component ${number}` : `${type} has no components`,
    `look at the components of ${type} in HL7 v2 chapter 2.A`,
  );
}

function compileField(path: PathExpression, scope: Scope): PathReader | undefined {
  if (!path.name.startsWith('Z') && !isKnownSegment(path.name)) return unknownSegment(path, scope);
  const found = path.type ?? fieldType(path.name, path.field);
  if (!found) {
    const last = fieldCount(path.name);
    return mistake(
      scope,
      path.offset,
      'MAPPING_PATH',
      `${path.name} has ${last} fields, no field ${path.field}`,
      'correct the number',
    );
  }
  const settled = scope.settled.get(`${path.name}-${path.field}`);
  const whole = settled === undefined ? found : { ...found, type: settled };
  const type = partType(path, whole, scope);
  const test = path.filter ? compileFilter(path.filter, path, whole, scope) : undefined;
  if (!type || (path.filter && !test)) return undefined;
  const level: Level = path.component > 0 ? 2 : 1;
  const { field, component, subcomponent } = path;
  const at: FieldPlace = { field, test, component, subcomponent };
  if (scope.frame.name === path.name && path.scope === undefined) {
    scope.reads.addOwn(field);
    const reader = currentFieldReader(type, level, at);
    if (!path.where) return reader;
    scope.reads.addOwn(path.where.field);
    return readerWhere(reader, path.where);
  }
  const select = compileSelector(path, scope);
  return select && otherFieldReader(type, level, at, select);
}

function unknownSegment(path: PathExpression, scope: Scope): undefined {
  const nearest = nearestName(path.name, segmentNames());
  const remedy = nearest ? `did you mean ${nearest}?` : 'segments of your own begin with Z';
  return mistake(scope, path.offset, 'MAPPING_PATH', `there is no segment ${path.name}`, remedy);
}

function compileFilter(
  filter: RepetitionFilter,
  path: PathExpression,
  whole: V2Type,
  scope: Scope,
): RepetitionTest | undefined {
  if (filter.kind === 'index') return { index: filter.index, component: 0, value: '', negated: false };
  const names = filterNames[whole.type] ?? {};
  const component = /^\d+$/.test(filter.component) ? Number(filter.component) : names[filter.component];
  if (component !== undefined && component > 0)
    return { index: 0, component, value: filter.value, negated: filter.negated };
  const known = Object.keys(names);
  return mistake(
    scope,
    path.offset,
    'MAPPING_PATH',
    `${whole.type} has no component called '${filter.component}'`,
    known.length > 0 ? `use ${known.join(', ')} or a number` : 'use the number of the component',
  );
}

/** Where the segments of `path` stand, seen from the group of the map: the nearest group that has them. */
export function compileSelector(path: PathExpression, scope: Scope): SegmentSelector | undefined {
  const { group } = scope;
  if (!group)
    return mistake(
      scope,
      path.offset,
      'MAPPING_PATH',
      `${path.name} is not within reach here`,
      'read only the map’s own source',
    );
  const start = path.scope === undefined ? group : scope.aliases.get(path.scope);
  if (!start)
    return mistake(
      scope,
      path.offset,
      'MAPPING_UNKNOWN_NAME',
      `no group is called '${path.scope ?? ''}' here`,
      'name it with `as` at its each',
    );
  const known = path.name.startsWith('Z') || isKnownSegment(path.name);
  const select =
    nearest(group, start, path.name, path.scope !== undefined) ??
    (known ? extraSelector(path.name) : undefined);
  if (!select) return unknownSegment(path, scope);
  const { where } = path;
  const there = selectorOf(scope.compiler.segments.bitOf(path.name), select);
  const taken = where ? filteredSelector(there, where) : there;
  const filter = where ? `[${where.field}=${where.words.join(',')}]` : '';
  scope.reads.addField(`${path.scope ?? ''}.${path.name}${filter}`, taken, path.field);
  return taken;
}

function nearest(
  from: GroupNode,
  start: GroupNode,
  name: string,
  only: boolean,
): SegmentSelector | undefined {
  for (let group: GroupNode | undefined = start; group; group = group.parent) {
    const slots = group.nodes.flatMap((node) =>
      node.kind === 'segment' && node.name === name ? [node.slot] : [],
    );
    if (slots.length > 0) return slotSelector(from.depth - group.depth, slots);
    if (only) break;
  }
  for (let group: GroupNode | undefined = start; group; group = group.parent) {
    const path = below(group, name);
    if (path) return descendingSelector(from.depth - group.depth, path);
    if (only) break;
  }
  return undefined;
}

/** Slots from `group` down to the segment, breadth first. */
function below(group: GroupNode, name: string): number[] | undefined {
  let level: { group: GroupNode; path: number[] }[] = [{ group, path: [] }];
  while (level.length > 0) {
    const next: typeof level = [];
    for (const { group: one, path } of level) {
      for (const node of one.nodes) {
        if (node.kind === 'group') next.push({ group: node, path: [...path, node.slot] });
        else if (node.name === name) return [...path, node.slot];
      }
    }
    level = next;
  }
  return undefined;
}
