import { nearestName } from '#kernel';
import {
  componentType,
  fieldCount,
  fieldType,
  isComposite,
  isKnownSegment,
  segmentNames,
  type V2Type,
} from '../dictionary/v2-dictionary.js';
import type { PathExpression, ValueExpression } from './expression.js';
import type { DropRule, ElementRule, RuleBody } from './mapping-file.js';
import { type Problems, suggestion } from './problems.js';

/** Drops name what can be in a message, and nothing that one of the rules, which always run, reads anyway. */
export function checkDrops(
  drops: readonly DropRule[],
  rules: readonly ElementRule[],
  problems: Problems,
): void {
  for (const drop of drops) {
    if (!checkPlace(drop, problems) || !rules.some(({ body }) => readsAlways(body, drop.path))) continue;
    problems.add(
      drop.place,
      'MAPPING_DROP_READ',
      `a rule reads ${drop.text} whenever it is valued, so the drop never counts`,
      'remove the drop, or give the rule a condition',
    );
  }
}

/** False, and a problem, when no message can have a value there. */
function checkPlace({ path, text, place }: DropRule, problems: Problems): boolean {
  const wrong = (message: string, remedy: string): false => {
    problems.add(place, 'MAPPING_DROP_PATH', message, remedy);
    return false;
  };
  const { name, field, component, subcomponent, filter, scope, steps } = path;
  if (steps) return true;
  if (filter !== undefined || scope !== undefined)
    return wrong(`${text}: a drop is for every repetition, in every group`, `write ${name}-${field}`);
  if (name.startsWith('Z')) return true;
  if (!isKnownSegment(name)) {
    if (isComposite(name))
      return wrong(`${text}: a drop names fields of segments`, 'write for instance PID-3.4, in that map');
    const remedy = suggestion(nearestName(name, segmentNames()), [], 'correct the name');
    return wrong(`HL7 v2 has no segment ${name}`, remedy);
  }
  if (field === 0) return true;
  const type = fieldType(name, field);
  if (!type)
    return wrong(`no version of HL7 v2 has ${name}-${field}`, `${name} has ${fieldCount(name)} fields`);
  const part = partOf(type, component);
  if (!part) return wrong(`${name}-${field} is ${type.type} and has no component ${component}`, 'correct it');
  if (!partOf(part, subcomponent))
    return wrong(
      `${name}-${field}.${component} is ${part.type} and has no part ${subcomponent}`,
      'correct it',
    );
  return true;
}

/** 0 is the whole. What the dictionary does not know, or what another field decides, may have any part. */
function partOf(type: V2Type, number: number): V2Type | undefined {
  if (number === 0 || type.type === 'VARIES' || type.type === 'ST') return type;
  return isComposite(type.type) || number > 1 ? componentType(type.type, number) : type;
}

/** Whether it marks every leaf that the drop is for, in every message. */
function readsAlways(body: RuleBody, drop: PathExpression): boolean {
  switch (body.kind) {
    case 'value':
      return readsWhole(body.expression, drop);
    case 'list':
      return body.items.some((item) => readsAlways(item, drop));
    default:
      return false;
  }
}

function readsWhole(expression: ValueExpression, drop: PathExpression): boolean {
  if (expression.kind === 'as') return readsWhole(expression.input, drop);
  if (expression.kind !== 'path' || drop.field === 0 || expression.steps) return false;
  const { name, field, component, subcomponent, filter, scope } = expression;
  const isSame =
    name === drop.name &&
    field === drop.field &&
    component === drop.component &&
    subcomponent === drop.subcomponent;
  if (!isSame || filter !== undefined || scope !== undefined) return false;
  const type = fieldType(name, field);
  const part = type && (component === 0 ? type : componentType(type.type, component));
  // Of a composite some parts may stay unread, and of those the drop speaks; so does it of what is no moment or number.
  return part !== undefined && /^(ST|TX|FT|ID|IS)$/.test(part.type);
}
