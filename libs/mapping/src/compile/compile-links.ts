import { elementType } from '#fhir';
import type { PathExpression, ValueExpression } from '../language/expression.js';
import type { ParentRule, ResourceMapSource, TextPart } from '../language/mapping-file.js';
import type { LabelReader, ParentLinks, PlanLinks } from '../run/message-links.js';
import { compilePath } from './compile-path.js';
import { scopeOf, type UseSite } from './compile-resource.js';
import { compileText } from './compile-text.js';
import { type Compiler, mistake, type Scope } from './scope.js';

/** What a map says of labels and parents, at one place of a message map. `null`: a mistake. */
export function compileLinks(
  map: ResourceMapSource,
  site: UseSite,
  compiler: Compiler,
): PlanLinks | null | undefined {
  if (map.labels.length === 0 && map.parents.length === 0) return undefined;
  // What they read is no part of the resource: it does not matter to the memory of resources.
  const scope = scopeOf(map, site, compiler, { kind: 'segment', name: map.source.name });
  const labels = map.labels.map((parts) => compileLabel(parts, scope));
  const parents = map.parents.map((parent) => compileParent(parent, map, scope));
  const goodLabels = labels.filter((one) => one !== undefined);
  const goodParents = parents.filter((one) => one !== undefined);
  if (goodLabels.length < labels.length || goodParents.length < parents.length) return null;
  return { labels: goodLabels, parents: goodParents };
}

function compileLabel(parts: readonly TextPart[], outer: Scope): LabelReader | undefined {
  const reads = parts.map(({ expression, place }) => {
    const scope = { ...outer, place };
    if (hasName(expression))
      return mistake(scope, 0, 'MAPPING_LABEL', 'a label is made of the message alone', 'name paths');
    return compileText(expression, scope, 'peek');
  });
  const good = reads.filter((one) => one !== undefined);
  if (good.length < reads.length) return undefined;
  return (run) => {
    let label = '';
    for (const read of good) {
      const part = read(run);
      if (part === undefined) return undefined;
      label += `${part}\r`;
    }
    return label;
  };
}

function compileParent(
  { element, labels, isOn, place }: ParentRule,
  map: ResourceMapSource,
  outer: Scope,
): ParentLinks | undefined {
  const scope = { ...outer, place };
  const found = elementType(map.create.type, element);
  const { type } = map.create;
  const lists = found.known && found.max > 1 && found.types.includes('Reference');
  if (!lists || (found.targets.length > 0 && !found.targets.includes(type))) {
    const text = `${type}.${element} is no list of references to ${type}`;
    return mistake(scope, 0, 'MAPPING_TARGET_PATH', text, 'name for instance hasMember of Observation');
  }
  const choices = labels.map((parts) => {
    const read = compileLabel(parts, scope);
    const path = parts.map(({ expression }) => firstPath(expression)).find((one) => one !== undefined);
    // What tells the parent is mapped by that: the whole field.
    const told = path && compilePath({ ...path, component: 0, subcomponent: 0 }, scope);
    const own = path?.name === map.source.name && path.scope === undefined && !path.where;
    const inGroup = scope.group?.nodes.some((node) => node.kind === 'segment' && node.name === path?.name);
    const ownField = own ? path.field : 0;
    return read && { read, told, ownField, isAround: inGroup === false };
  });
  const good = choices.filter((one) => one !== undefined);
  if (good.length < choices.length) return undefined;
  const rule = scope.compiler.rules.add(`${map.name}/parent ${element}`, place.file ?? map.file, place.line);
  return { element, rule, choices: good, isOn };
}

function hasName(expression: ValueExpression): boolean {
  switch (expression.kind) {
    case 'name':
    case 'as':
      return true;
    case 'first':
      return expression.options.some(hasName);
    case 'call':
      return expression.input !== undefined && hasName(expression.input);
    default:
      return false;
  }
}

function firstPath(expression: ValueExpression): PathExpression | undefined {
  switch (expression.kind) {
    case 'path':
      return expression;
    case 'first':
      return expression.options.map(firstPath).find((one) => one !== undefined);
    case 'call':
      return expression.input && firstPath(expression.input);
    default:
      return undefined;
  }
}
