import type { Condition, ValueExpression } from './expression.js';
import type { ElementRule, RuleBody } from './mapping-file.js';

/** Calls `see` with every expression of a body, those inside others too. */
export function eachExpression(body: RuleBody, see: (expression: ValueExpression) => void): void {
  switch (body.kind) {
    case 'constant':
      return;
    case 'value':
      walkExpression(body.expression, see);
      return;
    case 'list':
      for (const item of body.items) eachExpression(item, see);
      return;
    case 'object':
      for (const rule of body.set) eachExpression(rule.body, see);
      return;
    case 'when':
      walkCondition(body.condition, see);
      eachExpression(body.body, see);
      return;
    case 'each':
      see(body.path);
      eachExpression(body.body, see);
      return;
    case 'choose':
      for (const option of body.options) eachExpression(option, see);
      return;
    case 'by':
      see(body.path);
      for (const one of body.cases) eachExpression(one.body, see);
      if (body.otherwise) eachExpression(body.otherwise, see);
  }
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
