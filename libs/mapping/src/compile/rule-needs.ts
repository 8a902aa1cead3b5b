import type { Condition, PathExpression, ValueExpression } from '../language/expression.js';
import type { RuleBody } from '../language/mapping-file.js';
import { numberBit } from '../run/segment-bits.js';
import type { Scope } from './scope.js';

/**
 * What must be there for a rule to give something: most rules of a map read what most messages lack, and need not be run
 * to find that out. `bit`: of a field of the segment at hand (`Segment.valued`), of a segment somewhere in the message, of
 * a name that holds a resource.
 */
export type Need =
  | { readonly kind: 'nothing' | 'never' }
  | { readonly kind: 'field' | 'segment' | 'name'; readonly bit: number }
  | { readonly kind: 'any' | 'all'; readonly parts: readonly Need[] };

/** What there is, as bits. */
export interface Presence {
  readonly valued: number;
  readonly segments: number;
  readonly names: number;
}

type NeedScope = Pick<Scope, 'frame' | 'names' | 'compiler'>;

export const noNeed: Need = { kind: 'nothing' };

export function isMet(need: Need, there: Presence): boolean {
  switch (need.kind) {
    case 'nothing':
      return true;
    case 'never':
      return false;
    case 'field':
      return (there.valued & need.bit) !== 0;
    case 'segment':
      return (there.segments & need.bit) !== 0;
    case 'name':
      return (there.names & need.bit) !== 0;
    case 'any':
      return need.parts.some((part) => isMet(part, there));
    case 'all':
      return need.parts.every((part) => isMet(part, there));
  }
}

/** The bit of a field in `Segment.valued`; fields from 31 on share one. */
export function fieldBit(field: number): number {
  return 1 << Math.min(field, 31);
}

/** Fields of the segment at hand of which one must be valued, as bits; all bits when it depends on more. */
export function fieldsOf(need: Need): number {
  switch (need.kind) {
    case 'never':
      return 0;
    case 'field':
      return need.bit;
    case 'any':
      return need.parts.reduce((bits, part) => bits | fieldsOf(part), 0);
    case 'all':
      return need.parts.map(fieldsOf).find((bits) => bits !== -1) ?? -1;
    default:
      return -1;
  }
}

/** All bits that a need looks at, by kind. */
export function bitsOf(need: Need, kind: 'field' | 'segment' | 'name'): number {
  if (need.kind === kind) return need.bit;
  if (need.kind !== 'any' && need.kind !== 'all') return 0;
  return need.parts.reduce((bits, part) => bits | bitsOf(part, kind), 0);
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

function pathNeed({ name, scope: alias, where, field }: PathExpression, scope: NeedScope): Need {
  const { frame, compiler } = scope;
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
