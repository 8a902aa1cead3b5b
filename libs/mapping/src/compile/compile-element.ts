import {
  childrenOf,
  choiceName,
  type ElementType,
  elementType,
  type FhirObject,
  type FhirValue,
} from '#fhir';
import type { ElementRule, RuleBody } from '../language/mapping-file.js';
import type { Place } from '../language/place.js';
import { suggestion } from '../language/problems.js';
import type { Run } from '../run/run.js';
import { checkPeriod } from '../types/period.js';
import { checkConstant } from './check-constant.js';
import { compileChoice } from './compile-choice.js';
import { compileBy, compileEach } from './compile-each.js';
import { compileCondition } from './compile-text.js';
import { type CompiledBody, targetOf } from './compiled-body.js';
import { type CollectValues, single } from './compiled-value.js';
import { type ElementGroup, groupRules } from './element-group.js';
import { keepingMoment } from './keep-moment.js';
import { LiveRules } from './live-rules.js';
import type { Need } from './need.js';
import { place, requiredMembers } from './required-members.js';
import type { Setter } from './resource-plan.js';
import { needOf } from './rule-needs.js';
import { mistake, type Scope } from './scope.js';
import { switchedBody } from './switched.js';
import { type DirectSet, unrolledCollect, unrolledRead, unrolledSet } from './unrolled.js';

/** Compiles one element of `type` (a resource, a data type, a nested element): undefined, and a problem, on a mistake. */
export function compileElement(
  type: string,
  group: ElementGroup,
  scope: Scope,
): { set: Setter; constant: boolean; element: ElementType; direct?: DirectSet | undefined } | undefined {
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
  if (element.choice && element.types.length > 1) {
    const chosen = compileChoice(element, group, scope);
    return chosen && { ...chosen, set: keepingMoment(chosen.set, element) };
  }
  const [only] = element.types;
  if (only === undefined) return undefined;
  const name = element.choice ? choiceName(element.name, only) : element.name;
  const bodies = compileBodies(group.bodies, element, only, scope);
  if (!bodies) return undefined;
  const constant = bodies.every((body) => body.constant);
  const set = element.max === 1 ? setOne : setMany;
  const plainSet = set(name, bodies, group.place);
  const kept = keepingMoment(plainSet, element);
  const [one] = bodies;
  const direct =
    kept === plainSet && bodies.length === 1 && one
      ? { name, read: element.max === 1 ? one.read : (run: Run) => one.collect(run, undefined) }
      : undefined;
  return { set: kept, constant, element, direct };
}

function setOne(name: string, bodies: readonly CompiledBody[], at: Place): Setter {
  const [only] = bodies;
  if (only && bodies.length === 1) {
    const { read } = only;
    return (run, target) => {
      const begin = run.lineage?.length ?? 0;
      const value = read(run);
      if (value === undefined) return false;
      target[name] = value as FhirValue;
      run.lineage?.wrote(target, name, value, run.rule, at, begin);
      return true;
    };
  }
  // Parts of one object, written apart.
  return (run, target) => {
    const begin = run.lineage?.length ?? 0;
    let whole: FhirObject | undefined;
    for (const body of bodies) {
      const value = body.read(run) as FhirObject | undefined;
      if (value === undefined) continue;
      const before = whole;
      whole = { ...before, ...value };
      if (before) run.lineage?.joins(whole, before);
      run.lineage?.joins(whole, value);
    }
    if (!whole) return false;
    target[name] = whole;
    run.lineage?.wrote(target, name, whole, run.rule, at, begin);
    return true;
  };
}

function setMany(name: string, bodies: readonly (CompiledBody & { need: Need })[], at: Place): Setter {
  const [only] = bodies;
  if (only && bodies.length === 1) {
    const { collect } = only;
    return (run, target) => {
      const begin = run.lineage?.length ?? 0;
      const list = collect(run, undefined);
      if (!list) return false;
      target[name] = list as FhirValue[];
      run.lineage?.wrote(target, name, list, run.rule, at, begin);
      return true;
    };
  }
  const live = new LiveRules(bodies, unrolledCollect);
  return (run, target) => {
    const begin = run.lineage?.length ?? 0;
    let list: unknown[] | undefined;
    for (const body of live.of(run)) list = body.collect(run, list);
    if (!list) return false;
    target[name] = list as FhirValue[];
    run.lineage?.wrote(target, name, list, run.rule, at, begin);
    return true;
  };
}

function compileBody(
  body: RuleBody,
  element: ElementType,
  type: string,
  outer: Scope,
): CompiledBody | undefined {
  const scope = { ...outer, place: body.place };
  switch (body.kind) {
    case 'value': {
      const value = scope.compileValue(body.expression, targetOf(element, type), scope);
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
      if (body.condition.kind === 'switch') return switchedBody(body.condition, inner);
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

/** Each of them, with what it needs; undefined when one has a mistake. */
function compileBodies(
  bodies: readonly RuleBody[],
  element: ElementType,
  type: string,
  scope: Scope,
): (CompiledBody & { readonly need: Need })[] | undefined {
  const compiled = bodies.map((body) => {
    const one = compileBody(body, element, type, scope);
    return one && { ...one, need: needOf([body], scope) };
  });
  const good = compiled.filter((one) => one !== undefined);
  return good.length < compiled.length ? undefined : good;
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
  const good = compileBodies(items, element, type, scope);
  if (!good) return undefined;
  const live = new LiveRules(good, unrolledCollect);
  const collect: CollectValues = (run, list) => {
    const collectAll = live.unrolled(run);
    if (collectAll) return collectAll(run, list);
    let out = list;
    for (const one of live.of(run)) out = one.collect(run, out);
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
  const good = compileBodies(options, element, type, scope);
  if (!good) return undefined;
  const live = new LiveRules(good, unrolledRead);
  return {
    read: (run) => {
      const readFirst = live.unrolled(run);
      if (readFirst) return readFirst(run);
      for (const one of live.of(run)) {
        const value = one.read(run);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    collect: (run, list) => {
      const before = list?.length ?? 0;
      for (const one of live.of(run)) {
        const after = one.collect(run, list);
        if (after && after.length > before) return after;
      }
      return list;
    },
    constant: good.every((one) => one.constant),
  };
}

/** The parts of an object in the order of R4. Without a part that the message valued there is no object. */
function compileObject(
  rules: readonly ElementRule[],
  element: ElementType,
  type: string,
  scope: Scope,
): CompiledBody | undefined {
  const owner = element.backbone ? element.path : type;
  const order = [...childrenOf(owner)];
  const compiled = groupRules(rules, scope).map((group) => {
    const part = compileElement(owner, group, scope);
    return part && { ...part, need: needOf(group.bodies, scope) };
  });
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
  const live = new LiveRules(parts, unrolledSet);
  const read = (run: Run): FhirObject | undefined => {
    const object: FhirObject = {};
    let valued = constant;
    const setAll = live.unrolled(run);
    if (setAll) valued = setAll(run, object) || valued;
    else for (const part of live.of(run)) if (part.set(run, object) && !part.constant) valued = true;
    if (!valued) return undefined;
    if (type === 'Period') checkPeriod(run, object);
    for (const names of required) {
      if (names.some((name) => object[name] !== undefined)) continue;
      run.failAt(
        'MAPPING_REQUIRED_MISSING',
        `${owner}.${names[0] ?? ''} has no value; the element is left out`,
      );
      return undefined;
    }
    return object;
  };
  return { ...single(read), constant };
}
