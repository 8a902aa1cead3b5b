import type { ValueExpression } from '../language/expression.js';
import type { ResourceMapSource, RuleBody } from '../language/mapping-file.js';
import type { Place } from '../language/place.js';
import type { Problems } from '../language/problems.js';

/** Reports every alternative of a map that can never be taken, because the one before it always gives something. */
export function checkReachable(map: ResourceMapSource, problems: Problems): void {
  for (const { body } of map.set) checkBody(body, problems);
}

function checkBody(body: RuleBody, problems: Problems): void {
  switch (body.kind) {
    case 'constant':
      return;
    case 'value':
      checkExpression(body.expression, body.place, problems);
      return;
    case 'list':
      for (const item of body.items) checkBody(item, problems);
      return;
    case 'object':
      for (const rule of body.set) checkBody(rule.body, problems);
      return;
    case 'when':
    case 'each':
      checkBody(body.body, problems);
      return;
    case 'choose':
      body.options.forEach((option, index) => {
        const before = body.options[index - 1];
        if (before !== undefined && always(before)) tell(option.place, problems);
        checkBody(option, problems);
      });
      return;
    case 'by':
      for (const one of body.cases) checkBody(one.body, problems);
      if (body.otherwise) checkBody(body.otherwise, problems);
  }
}

function checkExpression(expression: ValueExpression, place: Place, problems: Problems): void {
  if (expression.kind !== 'first') return;
  expression.options.forEach((option, index) => {
    const before = expression.options[index - 1];
    if (before !== undefined && alwaysValued(before))
      tell({ ...place, column: place.column + option.offset }, problems);
  });
}

function tell(place: Place, problems: Problems): void {
  problems.add(
    place,
    'MAPPING_UNREACHABLE',
    'this is never reached: the alternative before it always gives a value',
    'remove it, put it first, or give the one before it a condition',
  );
}

/** Gives something whatever the message holds. */
function always(body: RuleBody): boolean {
  switch (body.kind) {
    case 'constant':
      return true;
    case 'value':
      return alwaysValued(body.expression);
    case 'choose':
      return body.options.some(always);
    case 'by':
      return (
        body.otherwise !== undefined && always(body.otherwise) && body.cases.every((one) => always(one.body))
      );
    default:
      return false;
  }
}

function alwaysValued(expression: ValueExpression): boolean {
  if (expression.kind === 'first') return expression.options.some(alwaysValued);
  return expression.kind === 'literal' && expression.text !== '';
}
