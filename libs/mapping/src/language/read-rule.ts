import type { Condition, PathExpression, ValueExpression } from './expression.js';
import type { ElementRule, ElementStep, RuleBody, RuleCase, RulePatch } from './mapping-file.js';
import { parseCondition, parseValue } from './parse-expression.js';
import { ExpressionMistake, wholePath } from './parse-path.js';
import type { Place } from './place.js';
import type { Problems } from './problems.js';
import {
  entryOf,
  type MapEntry,
  type MapNode,
  plainValue,
  type ScalarNode,
  type YamlNode,
} from './yaml-node.js';

/** The keys of a rule that is not just an expression. */
export const ruleKeys = [
  'name',
  'when',
  'each',
  'use',
  'set',
  'value',
  'choose',
  'by',
  'cases',
  'else',
] as const;

/** Place of a character inside a scalar. */
export function placeInside(node: ScalarNode, offset: number): Place {
  return { line: node.line, column: node.column + node.quote + offset, file: node.file };
}

export function readExpression(node: YamlNode, problems: Problems): ValueExpression | undefined {
  return parsed(node, problems, parseValue);
}

export function readCondition(node: YamlNode, problems: Problems): Condition | undefined {
  return parsed(node, problems, parseCondition);
}

function parsed<T>(node: YamlNode, problems: Problems, parse: (text: string) => T): T | undefined {
  if (node.kind !== 'scalar' || node.text === '') {
    problems.add(node, 'MAPPING_SHAPE', 'an expression is expected here', 'write a path, for instance PID-5');
    return undefined;
  }
  try {
    return parse(node.text);
  } catch (error) {
    if (!(error instanceof ExpressionMistake)) throw error;
    problems.add(placeInside(node, error.offset), 'MAPPING_EXPRESSION', error.message, error.remedy);
    return undefined;
  }
}

export function readPath(node: YamlNode, problems: Problems): PathExpression | undefined {
  const expression = readExpression(node, problems);
  if (!expression || expression.kind === 'path') return expression;
  if (expression.kind === 'name' && expression.part === 'reference')
    return wholePath(undefined, expression.name, expression.offset);
  problems.add(
    node,
    'MAPPING_SHAPE',
    'a path is expected here, not a computation',
    'write for instance OBX-2',
  );
  return undefined;
}

/** The rules under `set`. */
export function readElementRules(node: YamlNode, problems: Problems): ElementRule[] {
  if (node.kind !== 'map') {
    problems.add(
      node,
      'MAPPING_SHAPE',
      'set holds elements and what they get',
      'write for instance `birthDate: PID-7`',
    );
    return [];
  }
  return node.entries.flatMap((entry) => readElementRule(entry, problems) ?? []);
}

function readElementRule(entry: MapEntry, problems: Problems): ElementRule | undefined {
  const steps = readSteps(entry, problems);
  const body = readBody(entry.value, problems);
  return steps && body && { path: entry.key, steps, body, place: entry.keyPlace };
}

/** The rules under `set` of a patch: `birthDate`, and `telecom[work]` for the one of that name in a list. */
export function readRulePatches(node: YamlNode, problems: Problems): RulePatch[] {
  const entries = node.kind === 'map' ? node.entries : [];
  if (node.kind !== 'map') readElementRules(node, problems);
  return entries.flatMap((entry) => {
    const match = /^(.+)\[([^\]]*)\]$/.exec(entry.key);
    const item = match?.[2];
    if (item !== undefined && !itemName.test(item))
      problems.add(
        entry.keyPlace,
        'MAPPING_NAME',
        `'${item}' is no name of a rule`,
        'give the rule in the list a name: (places in a list move when others edit it)',
      );
    const rule = readElementRule(match ? { ...entry, key: match[1] ?? '' } : entry, problems);
    return rule ? [{ rule, item }] : [];
  });
}

const stepPattern = /([A-Za-z_][A-Za-z0-9]*)(?:\(([^()\s]+)\))?(?:\.|$)/y;
const extensionBase = 'http://hl7.org/fhir/StructureDefinition/';

function readSteps(entry: MapEntry, problems: Problems): ElementStep[] | undefined {
  const steps: ElementStep[] = [];
  let offset = 0;
  while (offset < entry.key.length) {
    stepPattern.lastIndex = offset;
    const match = stepPattern.exec(entry.key);
    const isExtension = match?.[1] === 'extension' || match?.[1] === 'modifierExtension';
    if (!match || (match[2] !== undefined && !isExtension)) {
      problems.add(
        entry.keyPlace,
        'MAPPING_TARGET_PATH',
        `'${entry.key}' is no path of element names`,
        'write for instance name.family or extension(patient-religion).valueCodeableConcept',
      );
      return undefined;
    }
    const url = match[2];
    steps.push({
      name: match[1] ?? '',
      url: url === undefined || url.includes(':') ? url : extensionBase + url,
    });
    offset = stepPattern.lastIndex;
  }
  return steps;
}

/** What stands after an element's name. */
function readBody(node: YamlNode, problems: Problems): RuleBody | undefined {
  switch (node.kind) {
    case 'scalar': {
      const expression = readExpression(node, problems);
      return expression && { kind: 'value', expression, place: placeInside(node, 0) };
    }
    case 'list': {
      const items = node.items.flatMap((item) => {
        const body = item.kind === 'map' ? readControl(item, problems) : readBody(item, problems);
        return body ? [{ body, name: readItemName(item, problems) }] : [];
      });
      const names = items.map(({ name }) => name);
      checkItemNames(names, node, problems);
      return { kind: 'list', items: items.map(({ body }) => body), names, place: node };
    }
    case 'map': {
      const name = entryOf(node, 'name');
      if (name)
        problems.add(
          name.keyPlace,
          'MAPPING_NAME',
          'only a rule in a list has a name; elsewhere it is that of the element',
          'remove name:',
        );
      return readControl(node, problems);
    }
  }
}

const itemName = /^[a-z][A-Za-z0-9_-]*$/;

/** The name of a rule in a list, by which layers find it. */
function readItemName(node: YamlNode, problems: Problems): string | undefined {
  const entry = node.kind === 'map' ? entryOf(node, 'name') : undefined;
  if (!entry) return undefined;
  if (entry.value.kind === 'scalar' && itemName.test(entry.value.text)) return entry.value.text;
  problems.add(
    entry.keyPlace,
    'MAPPING_NAME',
    'this is no name of a rule',
    'start with a small letter; letters, digits and - follow',
  );
  return undefined;
}

function checkItemNames(names: readonly (string | undefined)[], place: Place, problems: Problems): void {
  const twice = names.find((name, i) => name !== undefined && names.indexOf(name) < i);
  if (twice !== undefined)
    problems.add(place, 'MAPPING_DUPLICATE_RULE', `two rules are named ${twice}`, 'rename one of them');
}

function readControl(node: MapNode, problems: Problems): RuleBody | undefined {
  for (const { key, keyPlace } of node.entries) {
    if (!(ruleKeys as readonly string[]).includes(key)) {
      problems.add(
        keyPlace,
        'MAPPING_UNKNOWN_KEY',
        `'${key}' is no key of a rule`,
        `use ${ruleKeys.join(', ')}; elements stand under set`,
      );
      return undefined;
    }
  }
  let body = readContent(node, problems);
  const when = entryOf(node, 'when');
  if (when && body) {
    const condition = readCondition(when.value, problems);
    body = condition && { kind: 'when', condition, body, place: placeOf(when.value) };
  }
  const each = entryOf(node, 'each');
  if (each && body) {
    const path = readPath(each.value, problems);
    body = path && { kind: 'each', path, body, place: placeOf(each.value) };
  }
  return body;
}

function placeOf(node: YamlNode): Place {
  return node.kind === 'scalar' ? placeInside(node, 0) : node;
}

function readContent(node: MapNode, problems: Problems): RuleBody | undefined {
  const contents = ['use', 'set', 'value', 'choose', 'by'].filter((key) => entryOf(node, key));
  const [content, second] = contents;
  if (content === undefined || second !== undefined) {
    problems.add(
      node,
      'MAPPING_SHAPE',
      'a rule has exactly one of use, set, value, choose, by',
      second ? `remove ${second}` : 'add use: with an expression',
    );
    return undefined;
  }
  const entry = entryOf(node, content) as MapEntry;
  switch (content) {
    case 'use':
      return readBody(entry.value, problems);
    case 'set':
      return { kind: 'object', set: readElementRules(entry.value, problems), place: entry.keyPlace };
    case 'value':
      return { kind: 'constant', value: plainValue(entry.value), place: placeOf(entry.value) };
    case 'choose':
      return readChoose(entry, problems);
    default:
      return readBy(node, entry, problems);
  }
}

function readChoose(entry: MapEntry, problems: Problems): RuleBody | undefined {
  if (entry.value.kind !== 'list') {
    problems.add(
      entry.keyPlace,
      'MAPPING_SHAPE',
      'choose holds a list of rules, the first that gives something wins',
      'write `- { when: ..., use: ... }`',
    );
    return undefined;
  }
  const options = entry.value.items
    .map((item) => readBody(item, problems))
    .filter((item) => item !== undefined);
  return { kind: 'choose', options, place: entry.keyPlace };
}

function readBy(node: MapNode, entry: MapEntry, problems: Problems): RuleBody | undefined {
  const path = readPath(entry.value, problems);
  const cases = entryOf(node, 'cases');
  if (cases?.value.kind !== 'map') {
    problems.add(
      entry.keyPlace,
      'MAPPING_SHAPE',
      'by needs cases',
      'write cases: with codes and what each gets',
    );
    return undefined;
  }
  const otherwise = entryOf(node, 'else');
  const list: RuleCase[] = [];
  for (const one of cases.value.entries) {
    const body = readBody(one.value, problems);
    if (body) list.push({ names: one.key.split(',').map((name) => name.trim()), body, place: one.keyPlace });
  }
  const last = otherwise && readBody(otherwise.value, problems);
  return path && { kind: 'by', path, cases: list, otherwise: last, place: entry.keyPlace };
}
