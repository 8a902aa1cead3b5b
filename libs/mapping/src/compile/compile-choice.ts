import { choiceName, type ElementType, type FhirValue } from '#fhir';
import type { ValueExpression } from '../language/expression.js';
import type { RuleBody } from '../language/mapping-file.js';
import { candidateTypes } from '../types/cda/element-type.js';
import { compileCases } from './compile-each.js';
import { compilePath } from './compile-path.js';
import { compileCondition } from './compile-text.js';
import { targetOf } from './compiled-body.js';
import type { ReadValue } from './compiled-value.js';
import type { ElementGroup } from './element-group.js';
import { LiveRules } from './live-rules.js';
import { type Need, noNeed } from './need.js';
import type { Setter } from './resource-plan.js';
import { expressionNeed, needOf } from './rule-needs.js';
import { mistake, type Scope } from './scope.js';
import { switchedSetter } from './switched.js';
import { unrolledSetFirst } from './unrolled.js';
import { elementValue } from './xml-reader.js';

const naturalTargets: Readonly<Record<string, readonly string[]>> = {
  DTM: ['dateTime', 'instant', 'date'],
  TS: ['dateTime', 'instant', 'date'],
  DT: ['dateTime', 'date'],
  TM: ['time', 'string'],
  NM: ['Quantity', 'decimal', 'integer', 'positiveInt', 'unsignedInt', 'string'],
  SN: ['Quantity', 'Range', 'Ratio'],
  CQ: ['Quantity'],
  NR: ['Range'],
  DR: ['Period'],
  ED: ['Attachment'],
  RP: ['Attachment'],
  XAD: ['Address'],
  CX: ['Identifier'],
  EI: ['Identifier'],
  XTN: ['ContactPoint'],
  XCN: ['Reference'],
  XON: ['Reference'],
  PL: ['Reference'],
  MO: ['Money'],
  CP: ['Money'],
};
const codedTargets = ['CodeableConcept', 'Coding', 'code'];
const textTargets = ['string', 'markdown', 'code'];

/** Compiles a choice (`value[x]`): each expression decides its type, by `as`, by its function, or by its source. */
export function compileChoice(
  element: ElementType,
  group: ElementGroup,
  scope: Scope,
): { set: Setter; constant: boolean; element: ElementType } | undefined {
  const [body, ...others] = group.bodies;
  if (!body || others.length > 0)
    return mistake(
      { ...scope, place: group.place },
      0,
      'MAPPING_DUPLICATE_RULE',
      `${element.path} takes one value`,
      'keep one rule',
    );
  const set = choiceSetter(body, element, scope);
  return set && { set, constant: false, element };
}

function choiceSetter(body: RuleBody, element: ElementType, outer: Scope): Setter | undefined {
  const scope = { ...outer, place: body.place };
  switch (body.kind) {
    case 'value':
      return choiceValue(body.expression, element, scope);
    case 'choose':
      return firstSetter(
        body.options.map((option) => choiceSetter(option, element, scope)),
        body.options.map((option) => needOf([option], scope)),
      );
    case 'when': {
      const condition = compileCondition(body.condition, scope);
      const inner = choiceSetter(body.body, element, scope);
      if (inner && body.condition.kind === 'switch') return switchedSetter(body.condition, inner);
      return condition && inner && ((run, target) => condition(run) && inner(run, target));
    }
    case 'by': {
      const cases = compileCases(body, scope, (one, inner) => choiceSetter(one, element, inner));
      return cases && ((run, target) => cases.pick(run)?.(run, target) ?? false);
    }
    default:
      return mistake(
        scope,
        0,
        'MAPPING_CHOICE',
        `${element.path} is one of ${element.types.join(', ')}`,
        `name the one: ${choiceName(element.name, element.types[0] ?? '')}`,
      );
  }
}

function firstSetter(setters: readonly (Setter | undefined)[], needs: readonly Need[]): Setter | undefined {
  const good = setters.flatMap((set, n) => (set ? [{ set, need: needs[n] ?? noNeed }] : []));
  if (good.length < setters.length) return undefined;
  const live = new LiveRules(good, unrolledSetFirst);
  return (run, target) => {
    const setFirst = live.unrolled(run);
    if (setFirst) return setFirst(run, target);
    for (const { set } of live.of(run)) if (set(run, target)) return true;
    return false;
  };
}

function choiceValue(expression: ValueExpression, element: ElementType, scope: Scope): Setter | undefined {
  if (expression.kind === 'first')
    return firstSetter(
      expression.options.map((option) => choiceValue(option, element, scope)),
      expression.options.map((option) => expressionNeed(option, scope)),
    );
  if (expression.kind === 'path' && expression.steps) {
    const reader = compilePath(expression, scope);
    if (!reader) return undefined;
    if (reader.type === elementValue) return elementChoice(expression, element, scope);
  }
  const type = choiceType(expression, element, scope);
  if (type === undefined || !element.types.includes(type))
    return mistake(
      scope,
      expression.offset,
      'MAPPING_CHOICE',
      `${element.path} is one of ${element.types.join(', ')}${type === undefined ? '' : `, not ${type}`}`,
      `add for instance \`as ${element.types[0] ?? ''}\``,
    );
  const value = scope.compileValue(expression, targetOf(element, type), scope);
  if (!value) return undefined;
  const name = choiceName(element.name, type);
  const { read } = value;
  const at = scope.place;
  return (run, target) => {
    const begin = run.lineage?.length ?? 0;
    const one = read(run);
    if (one === undefined) return false;
    target[name] = one as FhirValue;
    run.lineage?.wrote(target, name, one, run.rule, at, begin);
    return true;
  };
}

/** An element of a document decides its type when it is read: the best of those that R4 has there. */
function elementChoice(
  path: Extract<ValueExpression, { kind: 'path' }>,
  element: ElementType,
  scope: Scope,
): Setter | undefined {
  const reads = new Map<string, ReadValue>();
  for (const type of element.types) {
    const quiet = { ...scope, problems: scope.problems.quiet() };
    const value = type === 'Reference' ? undefined : scope.compileValue(path, targetOf(element, type), quiet);
    if (value) reads.set(type, value.read);
  }
  const reader = compilePath(path, scope);
  const at = scope.place;
  return (run, target) => {
    const begin = run.lineage?.length ?? 0;
    const start = reader?.first(run) ?? -1;
    const found = start < 0 ? undefined : run.document.elementAt(start);
    if (!found) return false;
    for (const type of candidateTypes(run, found)) {
      const one = reads.get(type)?.(run);
      if (one === undefined) continue;
      const name = choiceName(element.name, type);
      target[name] = one as FhirValue;
      run.lineage?.wrote(target, name, one, run.rule, at, begin);
      return true;
    }
    return false;
  };
}

function choiceType(expression: ValueExpression, element: ElementType, scope: Scope): string | undefined {
  switch (expression.kind) {
    case 'as':
      return scope.compiler.maps.has(expression.type) ? 'Reference' : expression.type;
    case 'name':
      return 'Reference';
    case 'call':
      if (expression.name === 'period') return 'Period';
      if (['join', 'raw', 'concat', 'upper', 'lower'].includes(expression.name)) return 'string';
      return expression.input && choiceType(expression.input, element, scope);
    case 'path': {
      const source = compilePath(expression, { ...scope, problems: scope.problems.quiet() })?.type.type ?? '';
      const natural =
        naturalTargets[source] ?? (/^C[WNE]E?$|^CF$|^I[DS]$/.test(source) ? codedTargets : textTargets);
      return natural.find((type) => element.types.includes(type));
    }
    default:
      return textTargets.find((type) => element.types.includes(type));
  }
}
