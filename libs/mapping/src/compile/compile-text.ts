import type { FhirObject } from '#fhir';
import type { Condition, ValueExpression } from '../language/expression.js';
import type { Run } from '../run/run.js';
import { formatTime } from '../types/time.js';
import { compilePath, compileSelector } from './compile-path.js';
import { type CompiledValue, single, type Target } from './compiled-value.js';
import type { ReadText } from './resource-plan.js';
import { mistake, type Scope } from './scope.js';
import { xmlPeek } from './xml-reader.js';

const textTarget: Target = {
  type: 'string',
  targets: [],
  codes: undefined,
  simpleQuantity: false,
  path: 'a text',
};

/** What a table gives is a code. */
const codeTarget: Target = { ...textTarget, type: 'code', path: 'a code' };

function isTable(expression: ValueExpression): boolean {
  return expression.kind === 'call' && expression.name === 'table';
}

/**
 * Compiles `expression` to text. `peek` reads without marking, for keys and conditions: the first leaf of what the
 * path leads to; `read` marks what it reads as mapped.
 */
export function compileText(
  expression: ValueExpression,
  scope: Scope,
  mode: 'peek' | 'read',
): ReadText | undefined {
  switch (expression.kind) {
    case 'literal':
      return () => expression.text;
    case 'first': {
      const options = expression.options.map((option) => compileText(option, scope, mode));
      const good = options.filter((option) => option !== undefined);
      if (good.length < options.length) return undefined;
      return (run) => {
        for (const option of good) {
          const text = option(run);
          if (text !== undefined) return text;
        }
        return undefined;
      };
    }
    case 'path':
      if (mode === 'read') break;
      return compilePeek(expression, scope);
    case 'parameter':
    case 'name':
    case 'call':
    case 'as':
      break;
  }
  const value = scope.compileValue(expression, isTable(expression) ? codeTarget : textTarget, scope);
  if (!value) return undefined;
  if (mode === 'read') return (run) => asText(value.read(run));
  return (run) => {
    // A computation marks what it reads; a condition must not.
    const { rule } = run;
    run.rule = 0;
    const text = asText(value.read(run));
    run.rule = rule;
    return text;
  };
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function compilePeek(path: Extract<ValueExpression, { kind: 'path' }>, scope: Scope): ReadText | undefined {
  const reader = compilePath(path, scope);
  if (!reader) return undefined;
  if (path.steps) return xmlPeek(path.steps);
  const { level } = reader;
  return (run) => {
    const start = reader.first(run);
    if (start < 0) return undefined;
    let end = run.end;
    if (level === 1) end = run.cut(start, end, run.componentCode);
    return run.peek(start, run.cut(start, end, run.subcomponentCode));
  };
}

/** Whether the values of both sides are equal text, whether a path is valued, how many values it has. */
export function compileCondition(condition: Condition, scope: Scope): ((run: Run) => boolean) | undefined {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const parts = condition.parts.map((part) => compileCondition(part, scope));
      const good = parts.filter((part) => part !== undefined);
      if (good.length < parts.length) return undefined;
      // The first part that is not like all the others decides.
      const usual = condition.kind === 'and';
      return (run) => {
        for (const part of good) if (part(run) !== usual) return !usual;
        return usual;
      };
    }
    case 'not': {
      const part = compileCondition(condition.part, scope);
      return part && ((run) => !part(run));
    }
    case 'switch':
      return condition.isOn;
    case 'valued':
      return compileValued(condition.value, scope);
    case 'equals':
      return compileEquals(condition, scope);
    case 'count': {
      const count = compileCount(condition.path, scope);
      const { operator, number } = condition;
      if (!count) return undefined;
      if (operator === '>') return (run) => count(run) > number;
      return operator === '<' ? (run) => count(run) < number : (run) => count(run) === number;
    }
  }
}

function compileCount(
  path: Extract<ValueExpression, { kind: 'path' }>,
  scope: Scope,
): ((run: Run) => number) | undefined {
  if (path.field > 0 || path.steps || scope.frame.kind === 'value') {
    const reader = compilePath(path, scope);
    return reader && ((run) => reader.count(run));
  }
  if (path.name === scope.frame.name && path.scope === undefined) return () => 1;
  const select = compileSelector(path, scope);
  return select && ((run) => select(run)?.length ?? 0);
}

function compileValued(value: ValueExpression, scope: Scope): ((run: Run) => boolean) | undefined {
  if (value.kind === 'path') {
    if (value.steps) {
      const reader = compilePath(value, scope);
      return reader && ((run) => reader.first(run) >= 0);
    }
    const count = compileCount(value, scope);
    return count && ((run) => count(run) > 0);
  }
  if (value.kind === 'name') {
    const named = scope.names.get(value.name);
    if (!named) {
      if (scope.uses.has(value.name)) return () => false;
      return mistake(
        scope,
        value.offset,
        'MAPPING_UNKNOWN_NAME',
        `nothing is called '${value.name}' here`,
        'name a step with `as`',
      );
    }
    scope.reads.addName(named.slot);
    return (run) => (run.names[named.slot]?.length ?? 0) > 0;
  }
  const text = compileText(value, scope, 'peek');
  return text && ((run) => text(run) !== undefined);
}

function compileEquals(
  condition: Extract<Condition, { kind: 'equals' }>,
  scope: Scope,
): ((run: Run) => boolean) | undefined {
  const left = compileText(condition.left, scope, 'peek');
  const rights = condition.right.map((right) => compileText(right, scope, 'peek'));
  const good = rights.filter((right) => right !== undefined);
  if (!left || good.length < rights.length) return undefined;
  const literals = condition.right.flatMap((right) => (right.kind === 'literal' ? [right.text] : []));
  if (literals.length === good.length) return oneOf(condition.left, left, literals, scope);
  return (run) => {
    const text = left(run) ?? '';
    for (const right of good) if ((right(run) ?? '') === text) return true;
    return false;
  };
}

/** Whether a value is one of these words; where its text needs no care, without cutting it out of the message. */
function oneOf(
  value: ValueExpression,
  text: ReadText,
  words: readonly string[],
  scope: Scope,
): (run: Run) => boolean {
  const set = new Set(words);
  const longest = Math.max(...words.map((word) => word.length));
  const reader = value.kind === 'path' && !value.steps ? compilePath(value, scope) : undefined;
  if (!reader || reader.level !== 1 || value.kind !== 'path') return (run) => set.has(text(run) ?? '');
  return (run) => {
    if (run.escaped || run.unclean) return set.has(text(run) ?? '');
    const start = reader.first(run);
    if (start < 0) return set.has('');
    const component = run.cut(start, run.end, run.componentCode);
    const end = run.cut(start, component, run.subcomponentCode);
    const source = run.text;
    if (end - start <= longest && set.has(source.slice(start, end))) return true;
    // Blanks around it do not count.
    const isPlain = source.charCodeAt(start) > 0x20 && source.charCodeAt(end - 1) > 0x20;
    return isPlain ? false : set.has(run.peek(start, end) ?? '');
  };
}

/** A computed text as the target type. */
export function textOfTarget(
  read: ReadText,
  target: Target,
  call: { readonly offset: number; readonly name: string },
  scope: Scope,
): CompiledValue | undefined {
  switch (target.type) {
    case 'string':
    case 'markdown':
    case 'id':
      return single(read);
    case 'uri':
    case 'url':
      // No white space in a URI.
      return single((run) => read(run)?.replace(/\s/g, '%20'));
    case 'code':
      if (!target.codes) return single(read);
      break;
    case 'Annotation':
    case 'CodeableConcept':
      return single((run) => {
        const text = read(run);
        const value: FhirObject | undefined = text === undefined ? undefined : { text };
        return value;
      });
    case 'date':
    case 'dateTime':
    case 'instant':
    case 'time': {
      const { type } = target;
      return single((run) => {
        const text = read(run);
        return text === undefined ? undefined : formatTime(run, text, type);
      });
    }
    default:
      break;
  }
  return mistake(
    scope,
    call.offset,
    'MAPPING_NO_CONVERSION',
    `${call.name} gives text; ${target.path} is ${target.type}`,
    'use it for a text element',
  );
}
