import { rowSegment } from '../dictionary/v2-dictionary.js';
import { checkDrops } from './check-drops.js';
import type { ValueExpression } from './expression.js';
import type { MapSource, MapStep, PatchSource, ResourceMapSource } from './mapping-file.js';
import type { Place } from './place.js';
import type { Problems } from './problems.js';
import { eachBody, eachExpression, walkCondition, walkExpression } from './walk-rules.js';

/**
 * What can be seen in one map or patch by itself. Higher layers take rules away and add others: what is of use in the
 * document that says it is never wrong because of them.
 */
export function checkDocument(source: MapSource | PatchSource, problems: Problems): void {
  if (source.kind === 'message') {
    if (!source.rows) checkDrops(source.drop, [], problems);
    checkSteps(source.steps, problems);
    return;
  }
  const rules = source.kind === 'patch' ? source.set.map(({ rule }) => rule) : source.set;
  // Where the map makes nothing, its rules read nothing and its drops count.
  if (!speaksOfColumns(source)) checkDrops(source.drop, source.when ? [] : rules, problems);
  eachBody(rules, (body) => {
    if (body.kind === 'list')
      checkTwice(body.items, 'MAPPING_DUPLICATE_RULE', 'the same rule stands in this list twice', problems);
    if (body.kind === 'choose')
      checkTwice(body.options, 'MAPPING_UNREACHABLE', 'the same alternative stands before it', problems);
    if (body.kind !== 'value') return;
    walkExpression(body.expression, (expression) => {
      if (expression.kind !== 'first') return;
      const options = expression.options.map((option) => ({ option, place: shifted(body.place, option) }));
      checkTwice(options, 'MAPPING_UNREACHABLE', 'the same alternative stands before it', problems);
    });
  });
  if (source.kind === 'patch') checkSteps(source.steps, problems);
  checkUses(source, rules, problems);
}

/** Which columns there are is known when the map is compiled; of a patch even whether it speaks of some. */
function speaksOfColumns(source: ResourceMapSource | PatchSource): boolean {
  return source.kind === 'resource'
    ? source.source.name === rowSegment
    : source.drop.some(({ path }) => path.field === 0 && !/^[A-Z][A-Z0-9]{2}$/.test(path.name));
}

function shifted({ line, column, file }: Place, { offset }: { offset: number }): Place {
  return { line, column: column + offset, file };
}

/** Without the places: equal texts mean equal rules. */
function contentOf(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) =>
    ['place', 'whenPlace', 'offset', 'names'].includes(key) ? undefined : inner,
  );
}

function checkTwice(
  list: readonly { readonly place: Place }[],
  code: string,
  message: string,
  problems: Problems,
): void {
  const seen = new Set<string>();
  for (const one of list) {
    const content = contentOf(one);
    if (seen.has(content)) problems.add(one.place, code, message, 'remove one of them');
    seen.add(content);
  }
}

function checkSteps(steps: readonly MapStep[], problems: Problems): void {
  checkTwice(steps, 'MAPPING_DUPLICATE_RULE', 'the same step stands here twice', problems);
  for (const step of steps) if (step.kind === 'each') checkSteps(step.steps, problems);
}

/** A name that no rule refers to: it was forgotten, or the rule was. */
function checkUses(
  { uses, key, when }: Pick<ResourceMapSource, 'uses' | 'key' | 'when'>,
  rules: ResourceMapSource['set'],
  problems: Problems,
): void {
  if (uses.length === 0) return;
  const names = new Set<string>();
  const see = (expression: ValueExpression): void => {
    if (expression.kind === 'name') names.add(expression.name);
  };
  eachExpression(rules, see);
  for (const { expression } of key) walkExpression(expression, see);
  if (when) walkCondition(when.condition, see);
  for (const { text, place } of uses)
    if (!names.has(text))
      problems.add(
        place,
        'MAPPING_UNUSED_NAME',
        `uses names '${text}', and no rule refers to it`,
        'remove it from uses, or write the rule',
      );
}
