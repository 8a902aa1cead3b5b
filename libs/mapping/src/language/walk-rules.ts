import type { Condition, ValueExpression } from './expression.js';
import type { ElementRule, RuleBody } from './mapping-file.js';

/** Calls `see` with every expression of rules, those inside others too. */
export function eachExpression(
  rules: readonly ElementRule[],
  see: (expression: ValueExpression) => void,
): void {
  eachBody(rules, (body) => {
    if (body.kind === 'value') walkExpression(body.expression, see);
    else if (body.kind === 'when') walkCondition(body.condition, see);
    else if (body.kind === 'each' || body.kind === 'by') see(body.path);
  });
}

/** Calls `see` with every body of rules, those inside others too. */
export function eachBody(rules: readonly ElementRule[], see: (body: RuleBody) => void): void {
  const walk = (body: RuleBody): void => {
    see(body);
    for (const inner of innerBodies(body)) walk(inner);
  };
  for (const { body } of rules) walk(body);
}

function innerBodies(body: RuleBody): readonly RuleBody[] {
  switch (body.kind) {
    case 'constant':
    case 'value':
      return [];
    case 'list':
      return body.items;
    case 'object':
      return body.set.map((rule) => rule.body);
    case 'when':
    case 'each':
      return [body.body];
    case 'choose':
      return body.options;
    case 'by':
      return [...body.cases.map((one) => one.body), ...(body.otherwise ? [body.otherwise] : [])];
  }
}

export function walkExpression(
  expression: ValueExpression,
  see: (expression: ValueExpression) => void,
): void {
  see(expression);
  switch (expression.kind) {
    case 'first':
      for (const option of expression.options) walkExpression(option, see);
      return;
    case 'as':
      walkExpression(expression.input, see);
      return;
    case 'call':
      if (expression.input) walkExpression(expression.input, see);
      for (const { value } of expression.args) walkExpression(value, see);
      return;
    default:
      return;
  }
}

export function walkCondition(condition: Condition, see: (expression: ValueExpression) => void): void {
  switch (condition.kind) {
    case 'and':
    case 'or':
      for (const part of condition.parts) walkCondition(part, see);
      return;
    case 'not':
      walkCondition(condition.part, see);
      return;
    case 'valued':
      walkExpression(condition.value, see);
      return;
    case 'equals':
      walkExpression(condition.left, see);
      for (const right of condition.right) walkExpression(right, see);
      return;
    case 'count':
      see(condition.path);
      return;
    case 'switch':
      return;
  }
}
