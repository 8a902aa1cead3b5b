import type { Message, Segment } from '#hl7v2';
import { EngineError } from '#kernel';
import type { Condition, PathExpression, ValueExpression } from './language/expression.js';
import { ExpressionMistake } from './language/expression-mistake.js';
import { parseCondition } from './language/parse-expression.js';

type Test = (message: Message) => boolean;
type Read = (message: Message) => readonly string[];

/**
 * Compiles a condition of a channel file (`MSH-11.1 == 'T'`), in the expression language of mappings. A path means every
 * segment of that name and the first repetition of its field, a column the cells of all rows; a comparison holds when one of the values fits. Paths,
 * literals, `==  !=  in  valued  count  and  or  not`; `misconfigured` CHANNEL_CONDITION_WRONG says what is not understood
 * and where.
 */
export function compileMessageCondition(text: string): Test {
  try {
    return testOf(parseCondition(text));
  } catch (error) {
    if (error instanceof ExpressionMistake) throw wrong(`${error.message}, at character ${error.offset + 1}`);
    throw error;
  }
}

function testOf(condition: Condition): Test {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const parts = condition.parts.map(testOf);
      return condition.kind === 'and'
        ? (message) => parts.every((part) => part(message))
        : (message) => parts.some((part) => part(message));
    }
    case 'not': {
      const part = testOf(condition.part);
      return (message) => !part(message);
    }
    case 'valued': {
      const read = readOf(condition.value);
      return (message) => read(message).length > 0;
    }
    case 'equals': {
      const left = readOf(condition.left);
      const right = condition.right.map(readOf);
      return (message) => left(message).some((value) => right.some((read) => read(message).includes(value)));
    }
    case 'switch':
      return condition.isOn;
    case 'count': {
      const { operator, number } = condition;
      const read = pathOf(condition.path);
      return (message) => compare(read(message).length, operator, number);
    }
  }
}

function compare(count: number, operator: '==' | '>' | '<', number: number): boolean {
  if (operator === '==') return count === number;
  return operator === '>' ? count > number : count < number;
}

function readOf(value: ValueExpression): Read {
  if (value.kind === 'name' && value.part === 'reference') return columnOf(value.name);
  if (value.kind === 'path' && value.field === 0 && value.scope === undefined) return columnOrName(value);
  if (value.kind === 'path') return pathOf(value);
  if (value.kind === 'literal') return () => [value.text];
  throw wrong(`only paths and 'text' can be compared here, at character ${value.offset + 1}`);
}

/** The values of a column, of rows; nothing in a message of HL7. */
function columnOf(name: string): Read {
  return (message) => {
    const field = (message.columnNames?.indexOf(name) ?? -1) + 1;
    return field === 0 ? [] : message.segments.flatMap((segment) => segment.value(field) ?? []);
  };
}

/** A name in capitals is that of a column, in rows; in a message of HL7 that of a segment. */
function columnOrName(path: PathExpression): Read {
  const [column, segments] = [columnOf(path.name), pathOf(path)];
  return (message) => (message.columnNames ? column(message) : segments(message));
}

/** The values that the path has in the message; empty ones are left out. */
function pathOf(path: PathExpression): Read {
  const { name, field, filter, scope, steps } = path;
  if (steps) throw wrong(`paths through documents cannot be used here, at character ${path.offset + 1}`);
  if (scope !== undefined || (filter !== undefined && filter.kind !== 'index')) {
    throw wrong(`groups and named repetitions cannot be used here, at character ${path.offset + 1}`);
  }
  const repetition = filter?.index ?? 1;
  const component = path.component || 1;
  const subcomponent = path.subcomponent || 1;
  const valueOf = (segment: Segment) =>
    field === 0 ? segment.name : segment.value(field, repetition, component, subcomponent);
  return (message) => {
    const values: string[] = [];
    for (const segment of message.segments) {
      if (segment.name !== name) continue;
      const value = valueOf(segment);
      if (value !== undefined && value !== null) values.push(value);
    }
    return values;
  };
}

function wrong(what: string): EngineError {
  return new EngineError(
    'misconfigured',
    'CHANNEL_CONDITION_WRONG',
    `the condition is not understood: ${what}`,
  );
}
