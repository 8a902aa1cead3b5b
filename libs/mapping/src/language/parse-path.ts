import type { PathExpression, RepetitionFilter, SegmentFilter } from './expression.js';
import { ExpressionMistake } from './expression-mistake.js';
import { parseXmlPath } from './xml-path.js';

/** A path that is a name alone. */
export function wholePath(scope: string | undefined, name: string, offset: number): PathExpression {
  const all = { filter: undefined, where: undefined, component: 0, subcomponent: 0 };
  return { kind: 'path', offset, scope, name, field: 0, ...all };
}

/** A path through an XML document, from the element at hand. */
export function xmlPath(text: string, offset: number): PathExpression {
  return { ...wholePath(undefined, text, offset), steps: parseXmlPath(text, offset) };
}

const fieldPath =
  /^(?:([a-z][A-Za-z0-9_]*)\.)?([A-Z][A-Z0-9]{2})(?:\[([^\]]*)\])?-(\d+)(?:\[([^\]]*)\])?(?:\.(\d+))?(?:\.(\d+))?$/;
const segmentsPath = /^(?:([a-z][A-Za-z0-9_]*)\.)?([A-Z][A-Z0-9]{2})\[([^\]]*)\]$/;
const typePath = /^([A-Z][A-Z0-9_]*)\.(\d+)(?:\.(\d+))?$/;

/** Reads one path token. */
export function parsePath(text: string, offset: number): PathExpression {
  const field = fieldPath.exec(text);
  if (field) {
    const [, scope, name = '', where, number, filter, component, subcomponent] = field;
    return {
      ...wholePath(scope, name, offset),
      field: Number(number),
      filter: filter === undefined ? undefined : parseFilter(filter, offset),
      where: where === undefined ? undefined : parseWhere(where, offset),
      component: Number(component ?? 0),
      subcomponent: Number(subcomponent ?? 0),
    };
  }
  const segments = segmentsPath.exec(text);
  if (segments) {
    const [, scope, name = '', where = ''] = segments;
    return { ...wholePath(scope, name, offset), where: parseWhere(where, offset) };
  }
  const typed = typePath.exec(text);
  if (!typed) return xmlPath(text, offset);
  const [, name = '', component, subcomponent] = typed;
  return {
    ...wholePath(undefined, name, offset),
    component: Number(component),
    subcomponent: Number(subcomponent ?? 0),
  };
}

function parseFilter(text: string, offset: number): RepetitionFilter {
  if (/^\d+$/.test(text) && Number(text) > 0) return { kind: 'index', index: Number(text) };
  const match = /^([a-z]+|\d+)\s*(!?=)\s*([^\s=]+)$/.exec(text);
  if (!match)
    throw new ExpressionMistake(
      offset,
      `'[${text}]' selects no repetition`,
      'write [2], [type=MR], [5=MR] or [5!=MR]',
    );
  return { kind: 'equals', component: match[1] ?? '', value: match[3] ?? '', negated: match[2] === '!=' };
}

function parseWhere(text: string, offset: number): SegmentFilter {
  const match = /^(\d+)\s*=\s*([^\s=,]+(?:\s*,\s*[^\s=,]+)*)$/.exec(text);
  if (!match)
    throw new ExpressionMistake(
      offset,
      `'[${text}]' selects no segments`,
      'write a field and what it is: OBX[2=TX]-5, OBX[2=TX,FT]-5',
    );
  return { field: Number(match[1]), words: (match[2] ?? '').split(',').map((word) => word.trim()) };
}
