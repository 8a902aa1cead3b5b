import type { Condition, ValueExpression } from '../language/expression.js';
import type { RuleBody } from '../language/mapping-file.js';
import { fieldBit } from './resource-plan.js';

/** All bits: the rule may give something whatever fields are valued. */
const anything = -1;

/**
 * The fields of `segment` without which a rule gives nothing, as bits: most rules of a map read fields that most
 * messages leave empty, and need not be run to find that out.
 */
export function ruleFields(bodies: readonly RuleBody[], segment: string): number {
  return union(bodies.map((body) => bodyFields(body, segment)));
}

function union(parts: readonly number[]): number {
  return parts.reduce((bits, part) => bits | part, 0);
}

function bodyFields(body: RuleBody, segment: string): number {
  switch (body.kind) {
    case 'value':
      return expressionFields(body.expression, segment);
    case 'constant':
      return anything;
    case 'list':
      return union(body.items.map((item) => bodyFields(item, segment)));
    case 'object': {
      // Constants alone make no object.
      const parts = body.set.filter((rule) => rule.body.kind !== 'constant');
      return parts.length === 0 ? anything : union(parts.map((rule) => bodyFields(rule.body, segment)));
    }
    case 'when':
      return bodyFields(body.body, segment);
    case 'each':
      return expressionFields(body.path, segment);
    case 'choose':
      return union(body.options.map((option) => bodyFields(option, segment)));
    case 'by': {
      const cases = union(body.cases.map((one) => bodyFields(one.body, segment)));
      return body.otherwise ? cases | bodyFields(body.otherwise, segment) : cases;
    }
  }
}

function expressionFields(expression: ValueExpression, segment: string): number {
  switch (expression.kind) {
    case 'path': {
      const { name, scope, where, field } = expression;
      const own = name === segment && scope === undefined && !where && field > 0;
      return own ? fieldBit(field) : anything;
    }
    case 'literal':
    case 'parameter':
    case 'name':
      return anything;
    case 'first':
      return union(expression.options.map((option) => expressionFields(option, segment)));
    case 'as':
      return expressionFields(expression.input, segment);
    case 'call': {
      const args = expression.args.filter(({ value }) => value.kind === 'path' || value.kind === 'call');
      const bits = union(args.map(({ value }) => expressionFields(value, segment)));
      return expression.input ? bits | expressionFields(expression.input, segment) : bits;
    }
  }
}

/** The fields of `segment` without which a condition cannot hold, as bits. */
export function conditionFields(condition: Condition, segment: string): number {
  switch (condition.kind) {
    case 'and': {
      const parts = condition.parts.map((part) => conditionFields(part, segment));
      return parts.find((part) => part !== anything) ?? anything;
    }
    case 'or':
      return union(condition.parts.map((part) => conditionFields(part, segment)));
    case 'valued':
      return expressionFields(condition.value, segment);
    case 'equals':
    case 'not':
    case 'switch':
    case 'count':
      return anything;
  }
}
