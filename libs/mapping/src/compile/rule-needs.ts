import { attributeBit, nameBit } from '#cda';
import type { Condition, PathExpression, ValueExpression } from '../language/expression.js';
import type { RuleBody } from '../language/mapping-file.js';
import type { XmlStep } from '../language/xml-path.js';
import { numberBit } from '../run/segment-bits.js';
import { type Need, noNeed } from './need.js';
import type { Scope } from './scope.js';

type NeedScope = Pick<Scope, 'frame' | 'names' | 'compiler'>;

/** The bit of a field in `Segment.valued`; fields from 31 on share one. */
function fieldBit(field: number): number {
  return 1 << Math.min(field, 31);
}

/** Rules for one element: one of them must give something. */
export function needOf(bodies: readonly RuleBody[], scope: NeedScope): Need {
  return any(bodies.map((body) => bodyNeed(body, scope)));
}

function any(parts: readonly Need[]): Need {
  if (parts.some(({ kind }) => kind === 'nothing')) return noNeed;
  const [only] = parts;
  return parts.length === 1 && only ? only : { kind: 'any', parts };
}

function all(parts: readonly Need[]): Need {
  const some = parts.filter(({ kind }) => kind !== 'nothing');
  const [first] = some;
  if (!first) return noNeed;
  return some.length === 1 ? first : { kind: 'all', parts: some };
}

function bodyNeed(body: RuleBody, scope: NeedScope): Need {
  switch (body.kind) {
    case 'value':
      return expressionNeed(body.expression, scope);
    case 'constant':
      return noNeed;
    case 'list':
      return needOf(body.items, scope);
    case 'object': {
      // Constants alone make no object.
      const parts = body.set.filter((rule) => rule.body.kind !== 'constant');
      return parts.length === 0 ? noNeed : any(parts.map((rule) => bodyNeed(rule.body, scope)));
    }
    case 'when':
      return all([conditionNeed(body.condition, scope), bodyNeed(body.body, scope)]);
    case 'each':
      return pathNeed(body.path, scope);
    case 'choose':
      return needOf(body.options, scope);
    case 'by':
      return needOf(
        [...body.cases.map((one) => one.body), ...(body.otherwise ? [body.otherwise] : [])],
        scope,
      );
  }
}

/** The child or the attribute that a path begins with. */
function xmlNeed(steps: readonly XmlStep[]): Need {
  const first = steps.find(({ axis }) => axis !== 'self');
  if (!first || first.name === '*') return noNeed;
  if (first.axis === 'child') return { kind: 'field', bit: nameBit(first.name) };
  return first.axis === 'attribute' ? { kind: 'field', bit: attributeBit(first.name) } : noNeed;
}

function pathNeed(path: PathExpression, scope: NeedScope): Need {
  const { name, scope: alias, where, field, steps } = path;
  const { frame, compiler } = scope;
  if (frame.kind === 'element') return steps ? xmlNeed(steps) : noNeed;
  if (frame.kind === 'value') return noNeed;
  if (name === frame.name && alias === undefined && !where)
    return field > 0 ? { kind: 'field', bit: fieldBit(field) } : noNeed;
  return { kind: 'segment', bit: compiler.segments.bitOf(name) };
}

export function expressionNeed(expression: ValueExpression, scope: NeedScope): Need {
  switch (expression.kind) {
    case 'path':
      return pathNeed(expression, scope);
    case 'literal':
    case 'parameter':
      return noNeed;
    case 'name': {
      const named = scope.names.get(expression.name);
      return named ? { kind: 'name', bit: numberBit(named.slot) } : { kind: 'never' };
    }
    case 'first':
      return any(expression.options.map((option) => expressionNeed(option, scope)));
    case 'as':
      return expressionNeed(expression.input, scope);
    case 'call': {
      // Literals alone give no value; words like the name of a table are no values either.
      const args = expression.args.map(({ value }) => value);
      const values = args.filter(({ kind }) => kind !== 'literal' && kind !== 'name');
      const inputs = expression.input ? [expression.input, ...values] : values;
      return inputs.length === 0 ? noNeed : any(inputs.map((input) => expressionNeed(input, scope)));
    }
  }
}

/** What must be there for a condition to hold. */
export function conditionNeed(condition: Condition, scope: NeedScope): Need {
  switch (condition.kind) {
    case 'and':
      return all(condition.parts.map((part) => conditionNeed(part, scope)));
    case 'or':
      return any(condition.parts.map((part) => conditionNeed(part, scope)));
    case 'valued':
      return expressionNeed(condition.value, scope);
    case 'equals': {
      const isText = condition.right.every((right) => right.kind === 'literal' && right.text !== '');
      return isText ? expressionNeed(condition.left, scope) : noNeed;
    }
    case 'count':
      return condition.operator === '>' ? pathNeed(condition.path, scope) : noNeed;
    case 'not':
    case 'switch':
      return noNeed;
  }
}
