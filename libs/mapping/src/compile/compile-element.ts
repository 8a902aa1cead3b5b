import {
  childrenOf,
  choiceName,
  type ElementType,
  elementType,
  type FhirObject,
  type FhirValue,
} from '#fhir';
import type { V2Type } from '../dictionary/v2-dictionary.js';
import type { PathExpression, ValueExpression } from '../language/expression.js';
import type { ElementRule, RuleBody } from '../language/mapping-file.js';
import { suggestion } from '../language/problems.js';
import type { Place } from '../language/yaml-node.js';
import type { Run } from '../run/run.js';
import { checkConstant } from './check-constant.js';
import { compilePath, compileSelector } from './compile-path.js';
import { compileCondition } from './compile-text.js';
import { type CollectValues, compileValue, type ReadValue, single, type Target } from './compile-value.js';
import type { Setter } from './resource-plan.js';
import { mistake, type Scope } from './scope.js';

/** A compiled body: one value, or all of them. `constant` says that the message has no part in it. */
export interface CompiledBody {
  readonly read: ReadValue;
  readonly collect: CollectValues;
  readonly constant: boolean;
}

/** Rules of one element, brought together: `referenceRange.low` and `referenceRange.text` make one referenceRange. */
export interface ElementGroup {
  readonly name: string;
  readonly bodies: RuleBody[];
  readonly place: Place;
}

/** Groups rules by their first step; what follows it becomes an object of its own. */
export function groupRules(rules: readonly ElementRule[], scope: Scope): ElementGroup[] {
  const groups = new Map<
    string,
    { name: string; bodies: RuleBody[]; place: Place; nested: Map<string, ElementRule[]> }
  >();
  for (const rule of rules) {
    const [step, ...rest] = rule.steps;
    if (!step) continue;
    let group = groups.get(step.name);
    if (!group) {
      group = { name: step.name, bodies: [], place: rule.place, nested: new Map() };
      groups.set(step.name, group);
    }
    if (rest.length === 0 && step.url === undefined) {
      if (group.bodies.length > 0)
        scope.problems.add(
          rule.place,
          'MAPPING_DUPLICATE_RULE',
          `${rule.path} has two rules`,
          'make one list of them',
        );
      group.bodies.push(rule.body);
      continue;
    }
    const nested = group.nested.get(step.url ?? '') ?? [];
    nested.push({ ...rule, steps: rest });
    group.nested.set(step.url ?? '', nested);
  }
  return [...groups.values()].map(({ name, bodies, place, nested }) => {
    for (const [url, set] of nested) bodies.push(nestedObject(url, set, place));
    return { name, bodies, place };
  });
}

function nestedObject(url: string, set: ElementRule[], place: Place): RuleBody {
  if (url === '') return { kind: 'object', set, place };
  const rule: ElementRule = {
    path: 'url',
    steps: [{ name: 'url', url: undefined }],
    body: { kind: 'constant', value: url, place },
    place,
  };
  return { kind: 'object', set: [rule, ...set], place };
}

/** Compiles one element of `type` (a resource, a data type, a nested element): undefined, and a problem, on a mistake. */
export function compileElement(
  type: string,
  group: ElementGroup,
  scope: Scope,
): { set: Setter; constant: boolean; element: ElementType } | undefined {
  const element = elementType(type, group.name);
  if (!element.known) {
    const remedy = suggestion(element.nearest, element.children, 'look at the definition of the resource');
    scope.problems.add(
      group.place,
      'MAPPING_TARGET_PATH',
      `${element.at || type} has no element '${element.name}'`,
      remedy,
    );
    return undefined;
  }
  if (element.choice && element.types.length > 1) return compileChoice(element, group, scope);
  const [only] = element.types;
  if (only === undefined) return undefined;
  const name = element.choice ? choiceName(element.name, only) : element.name;
  const [first, ...others] = group.bodies.map((body) => compileBody(body, element, only, scope));
  if (!first || others.includes(undefined)) return undefined;
  const bodies = [first, ...others.filter((body) => body !== undefined)];
  const constant = bodies.every((body) => body.constant);
  if (element.max === 1) return { set: setOne(name, bodies), constant, element };
  return { set: setMany(name, bodies), constant, element };
}

function setOne(name: string, bodies: readonly CompiledBody[]): Setter {
  const [only] = bodies;
  if (only && bodies.length === 1) {
    const { read } = only;
    return (run, target) => {
      const value = read(run);
      if (value === undefined) return false;
      target[name] = value as FhirValue;
      return true;
    };
  }
  // Parts of one object, written apart.
  return (run, target) => {
    let whole: FhirObject | undefined;
    for (const body of bodies) {
      const value = body.read(run);
      if (value !== undefined) whole = { ...whole, ...(value as FhirObject) };
    }
    if (whole) target[name] = whole;
    return whole !== undefined;
  };
}

function setMany(name: string, bodies: readonly CompiledBody[]): Setter {
  return (run, target) => {
    let list: unknown[] | undefined;
    for (const body of bodies) list = body.collect(run, list);
    if (!list) return false;
    target[name] = list as FhirValue[];
    return true;
  };
}

/** What an expression that gives this element must give. */
function targetOf(element: ElementType, type: string): Target {
  const codes = element.binding
    ? new Set([...element.binding.systems.values()].flatMap((set) => [...set]))
    : undefined;
  return {
    type,
    targets: element.targets,
    codes: codes && codes.size > 0 ? codes : undefined,
    simpleQuantity: element.simpleQuantity,
    path: element.path,
  };
}

export function compileBody(
  body: RuleBody,
  element: ElementType,
  type: string,
  outer: Scope,
): CompiledBody | undefined {
  const scope = { ...outer, place: body.place };
  switch (body.kind) {
    case 'value': {
      const value = compileValue(body.expression, targetOf(element, type), scope);
      return value && { ...value, constant: body.expression.kind === 'literal' };
    }
    case 'constant': {
      const value = checkConstant(body.value, element, type, scope);
      return value === undefined ? undefined : { ...single(() => value), constant: true };
    }
    case 'list':
      return compileList(body.items, element, type, scope);
    case 'object':
      return compileObject(body.set, element, type, scope);
    case 'when': {
      const condition = compileCondition(body.condition, scope);
      const inner = compileBody(body.body, element, type, scope);
      if (!condition || !inner) return undefined;
      return {
        read: (run) => (condition(run) ? inner.read(run) : undefined),
        collect: (run, list) => (condition(run) ? inner.collect(run, list) : list),
        constant: false,
      };
    }
    case 'each':
      return compileEach(body.path, scope, (inner) => compileBody(body.body, element, type, inner));
    case 'choose':
      return compileOptions(body.options, element, type, scope);
    case 'by':
      return compileBy(body, scope, (one, inner) => compileBody(one, element, type, inner));
  }
}

function compileList(
  items: readonly RuleBody[],
  element: ElementType,
  type: string,
  scope: Scope,
): CompiledBody | undefined {
  if (element.max === 1)
    return mistake(
      scope,
      0,
      'MAPPING_CARDINALITY',
      `${element.path} takes one value, not a list`,
      'use ?? or choose:',
    );
  const compiled = items.map((item) => compileBody(item, element, type, scope));
  const good = compiled.filter((one) => one !== undefined);
  if (good.length < compiled.length) return undefined;
  const collect: CollectValues = (run, list) => {
    let out = list;
    for (const one of good) out = one.collect(run, out);
    return out;
  };
  return {
    read: (run) => collect(run, undefined)?.[0],
    collect,
    constant: good.every((one) => one.constant),
  };
}

function compileOptions(
  options: readonly RuleBody[],
  element: ElementType,
  type: string,
  scope: Scope,
): CompiledBody | undefined {
  const compiled = options.map((option) => compileBody(option, element, type, scope));
  const good = compiled.filter((one) => one !== undefined);
  if (good.length < compiled.length) return undefined;
  return {
    read: (run) => {
      for (const one of good) {
        const value = one.read(run);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    collect: (run, list) => {
      const before = list?.length ?? 0;
      for (const one of good) {
        const after = one.collect(run, list);
        if (after && after.length > before) return after;
      }
      return list;
    },
    constant: good.every((one) => one.constant),
  };
}

/** The parts of an object in the order of R4. Without a part that the message valued there is no object. */
export function compileObject(
  rules: readonly ElementRule[],
  element: ElementType,
  type: string,
  scope: Scope,
): CompiledBody | undefined {
  const owner = element.backbone ? element.path : type;
  const order = [...childrenOf(owner)];
  const compiled = groupRules(rules, scope).map((group) => compileElement(owner, group, scope));
  const parts = compiled.filter((one) => one !== undefined);
  if (parts.length < compiled.length) return undefined;
  parts.sort((a, b) => place(order, a.element) - place(order, b.element));
  const required = requiredMembers(
    owner,
    parts.map((part) => part.element),
    scope,
    rules[0]?.place ?? scope.place,
  );
  if (!required) return undefined;
  const constant = parts.every((part) => part.constant);
  const read = (run: Run): FhirObject | undefined => {
    const object: FhirObject = {};
    let valued = constant;
    for (const part of parts) if (part.set(run, object) && !part.constant) valued = true;
    if (!valued) return undefined;
    if (type === 'Period') checkPeriod(run, object);
    for (const names of required) {
      if (names.some((name) => object[name] !== undefined)) continue;
      run.failAt('MAPPING_REQUIRED_MISSING', `${owner}.${names[0]} has no value; the element is left out`);
      return undefined;
    }
    return object;
  };
  return { ...single(read), constant };
}

/** A period that ends before it starts is none (R4 per-1): its end goes, and the report says so. */
function checkPeriod(run: Run, period: FhirObject): void {
  const start = period['start'];
  const end = period['end'];
  if (typeof start !== 'string' || typeof end !== 'string') return;
  const length = Math.min(start.length, end.length, 10);
  const days = start.slice(0, length).localeCompare(end.slice(0, length));
  if (days < 0 || (days === 0 && (start.length <= 10 || end.length <= 10))) return;
  if (days === 0 && Date.parse(start) <= Date.parse(end)) return;
  delete period['end'];
  run.failAt('MAPPING_PERIOD_REVERSED', 'the end lies before the start and is left out');
}

export function place(order: readonly string[], element: ElementType): number {
  const plain = order.indexOf(element.name);
  if (plain >= 0) return plain;
  const name = element.name.startsWith('_') ? element.name.slice(1) : element.name;
  return order.findIndex(
    (one) => name.startsWith(one.replace('[x]', '')) && (one === name || one.endsWith('[x]')),
  );
}

/**
 * Members of which one must be there, per required element of `owner`; undefined, and a problem, when no rule sets
 * one.
 */
export function requiredMembers(
  owner: string,
  elements: readonly ElementType[],
  scope: Scope,
  at: Place,
): (readonly string[])[] | undefined {
  const required: (readonly string[])[] = [];
  let complete = true;
  for (const name of childrenOf(owner)) {
    const child = elementType(owner, name);
    if (!child.known || child.min < 1) continue;
    const names = child.choice ? child.types.map((type) => choiceName(child.name, type)) : [child.name];
    if (elements.some((element) => names.includes(element.name) || element.name === child.name)) {
      required.push(names);
      continue;
    }
    complete = false;
    scope.problems.add(
      at,
      'MAPPING_REQUIRED_MISSING',
      `${owner}.${child.name} is required and no rule sets it`,
      `add ${child.name.replace('[x]', '')}: under set`,
    );
  }
  return complete ? required : undefined;
}

/** Walks over the repetitions of a field, or the segments of a name. */
function compileEach(
  path: PathExpression,
  scope: Scope,
  compile: (scope: Scope) => CompiledBody | undefined,
): CompiledBody | undefined {
  if (path.field === 0 && scope.frame.kind === 'segment') return eachSegment(path, scope, compile);
  const reader = compilePath(path, scope);
  if (!reader) return undefined;
  const type: V2Type = reader.type;
  const inner = compile({
    ...scope,
    each: { path: { ...path, component: 0, subcomponent: 0, filter: undefined }, type },
  });
  if (!inner) return undefined;
  const convert = (run: Run, start: number, end: number): unknown => {
    const { from, to } = run;
    run.from = start;
    run.to = end;
    const value = inner.read(run);
    run.from = from;
    run.to = to;
    return value;
  };
  return {
    read: (run) => reader.collect(run, convert, undefined)?.[0],
    collect: (run, list) => reader.collect(run, convert, list),
    constant: false,
  };
}

function eachSegment(
  path: PathExpression,
  scope: Scope,
  compile: (scope: Scope) => CompiledBody | undefined,
): CompiledBody | undefined {
  const select = compileSelector(path, scope);
  const inner = compile({
    ...scope,
    frame: { kind: 'segment', name: path.name },
    each: undefined,
    inEachSegment: true,
  });
  if (!select || !inner) return undefined;
  const collect: CollectValues = (run, list) => {
    const outer = run.segment;
    let out = list;
    for (const segment of select(run) ?? []) {
      run.segment = segment;
      out = inner.collect(run, out);
    }
    run.segment = outer;
    return out;
  };
  return { read: (run) => collect(run, undefined)?.[0], collect, constant: false };
}

type ByBody = Extract<RuleBody, { kind: 'by' }>;

/** Compiles each case with what the case settles: under `by: OBX-2`, OBX-5 is of the type that the case names. */
function compileBy(
  body: ByBody,
  scope: Scope,
  compile: (body: RuleBody, scope: Scope) => CompiledBody | undefined,
): CompiledBody | undefined {
  const cases = compileCases(body, scope, compile);
  if (!cases) return undefined;
  const { pick } = cases;
  return {
    read: (run) => pick(run)?.read(run),
    collect: (run, list) => pick(run)?.collect(run, list) ?? list,
    constant: false,
  };
}

export function compileCases<T>(
  body: ByBody,
  scope: Scope,
  compile: (body: RuleBody, scope: Scope) => T | undefined,
): { pick: (run: Run) => T | undefined } | undefined {
  const reader = compilePath(body.path, scope);
  const table = new Map<string, T>();
  let complete = reader !== undefined;
  for (const one of body.cases) {
    for (const name of one.names) {
      const compiled = compile(one.body, { ...scope, settled: settle(body.path, name, scope) });
      if (compiled === undefined) complete = false;
      else if (table.has(name))
        complete =
          mistake(
            { ...scope, place: one.place },
            0,
            'MAPPING_UNREACHABLE',
            `case ${name} stands here twice`,
            'remove one',
          ) ?? false;
      else table.set(name, compiled);
    }
  }
  const otherwise = body.otherwise && compile(body.otherwise, scope);
  if (!reader || !complete || (body.otherwise && otherwise === undefined)) return undefined;
  const pick = (run: Run): T | undefined => {
    const start = reader.first(run);
    const name = start < 0 ? '' : (run.peek(start, run.cut(start, run.end, run.componentCode)) ?? '');
    return table.get(name) ?? otherwise;
  };
  return { pick };
}

/** OBX-2 names the type of OBX-5 (HL7 v2.5.1 chapter 7.4.2.2). */
function settle(path: PathExpression, name: string, scope: Scope): ReadonlyMap<string, string> {
  if (path.name !== 'OBX' || path.field !== 2) return scope.settled;
  return new Map([...scope.settled, ['OBX-5', name]]);
}

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
function compileChoice(
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
      return firstSetter(body.options.map((option) => choiceSetter(option, element, scope)));
    case 'when': {
      const condition = compileCondition(body.condition, scope);
      const inner = choiceSetter(body.body, element, scope);
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

function firstSetter(setters: readonly (Setter | undefined)[]): Setter | undefined {
  const good = setters.filter((setter) => setter !== undefined);
  if (good.length < setters.length) return undefined;
  return (run, target) => good.some((setter) => setter(run, target));
}

function choiceValue(expression: ValueExpression, element: ElementType, scope: Scope): Setter | undefined {
  if (expression.kind === 'first')
    return firstSetter(expression.options.map((option) => choiceValue(option, element, scope)));
  const type = choiceType(expression, element, scope);
  if (type === undefined || !element.types.includes(type))
    return mistake(
      scope,
      expression.offset,
      'MAPPING_CHOICE',
      `${element.path} is one of ${element.types.join(', ')}${type === undefined ? '' : `, not ${type}`}`,
      `add for instance \`as ${element.types[0]}\``,
    );
  const value = compileValue(expression, targetOf(element, type), scope);
  if (!value) return undefined;
  const name = choiceName(element.name, type);
  const { read } = value;
  return (run, target) => {
    const one = read(run);
    if (one === undefined) return false;
    target[name] = one as FhirValue;
    return true;
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
