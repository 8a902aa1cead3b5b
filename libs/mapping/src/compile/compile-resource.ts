import { childrenOf, resourceTypes, typeKind } from '#fhir';
import { nearestName } from '#kernel';
import type { GroupNode } from '../dictionary/structure.js';
import { isComposite, isKnownSegment } from '../dictionary/v2-dictionary.js';
import type { ResourceMapSource, RuleBody } from '../language/mapping-file.js';
import { suggestion } from '../language/problems.js';
import { withXmlNames } from '../language/xml-names.js';
import { xmlDrops } from '../run/xml-drops.js';
import { checkReachable } from './check-reachable.js';
import { compileElement } from './compile-element.js';
import { compileCondition, compileText } from './compile-text.js';
import { compileValue } from './compile-value.js';
import { type ElementGroup, groupRules } from './element-group.js';
import { fieldsOf } from './need.js';
import { PlanReads } from './plan-reads.js';
import { place, requiredMembers } from './required-members.js';
import { type ElementSetter, ResourcePlan, type Setter } from './resource-plan.js';
import { conditionNeed, needOf } from './rule-needs.js';
import type { Compiler, NamedResource, Scope, SourceFrame } from './scope.js';

interface CompiledElement {
  readonly group: ElementGroup;
  readonly compiled: NonNullable<ReturnType<typeof compileElement>>;
}

/** Where in a message map a resource map is used. */
export interface UseSite {
  readonly group: GroupNode | undefined;
  readonly names: ReadonlyMap<string, NamedResource>;
  readonly aliases: ReadonlyMap<string, GroupNode>;
  readonly level: 1 | 2;
}

/** A map for one place; undefined, and problems, when something in it is wrong there. */
export function compileResource(
  source: ResourceMapSource,
  site: UseSite,
  compiler: Compiler,
): ResourcePlan | undefined {
  const map = source.source.kind === 'element' ? withXmlNames(source) : source;
  const problems = compiler.problemsOf(map.file);
  const before = problems.list.length;
  const { type } = map.create;
  if (!checkNames(map, compiler)) return undefined;
  compiler.parts.add(map.file);
  compiler.used.add(source);
  const frame: SourceFrame =
    map.source.kind === 'value'
      ? { kind: 'value', name: map.source.name, level: site.level }
      : { kind: map.source.kind, name: map.source.name };
  const scope = scopeOf(map, site, compiler, frame);
  const key = map.key.map(({ expression, place: at }) =>
    compileText(expression, { ...scope, place: at }, 'peek'),
  );
  const when = map.when && compileCondition(map.when.condition, { ...scope, place: map.when.place });
  checkReachable(map, problems);
  const good = compileElements(map, scope);
  const required = requiredMembers(
    type,
    good.map((one) => one.compiled.element),
    scope,
    map.create.place,
  );
  const keyGood = key.filter((one) => one !== undefined);
  if (!required || problems.list.length > before || keyGood.length < key.length) return undefined;
  return new ResourcePlan({
    name: map.name,
    type,
    merge: map.merge === 'gather' ? 'snapshot' : map.merge,
    gathers: map.merge === 'gather',
    isValue: map.source.kind === 'value',
    drops: map.source.kind === 'element' ? xmlDrops(map.name, map.drop) : undefined,
    number: compiler.nextNumber(),
    when,
    whenFields: map.when ? fieldsOf(conditionNeed(map.when.condition, scope)) : -1,
    key: keyGood,
    telling: map.key.map(({ expression }) => map.source.kind !== 'element' || expression.kind !== 'name'),
    setters: good.map(({ group, compiled }) => setterOf(map, group, compiled, scope)),
    required,
    surroundings: scope.reads.surroundings(),
    fields: frame.kind === 'segment' && frame.name === 'MSH' ? scope.reads.own : undefined,
  });
}

/** What the rules of a map may read and refer to at one place of a message map. */
export function scopeOf(
  map: ResourceMapSource,
  site: UseSite,
  compiler: Compiler,
  frame: SourceFrame,
): Scope {
  return {
    compiler,
    compileValue,
    problems: compiler.problemsOf(map.file),
    place: map.place,
    map: map.name,
    frame,
    group: map.source.kind === 'segment' ? site.group : undefined,
    names: site.names,
    aliases: site.aliases,
    uses: new Set(map.uses.map(({ text }) => text)),
    each: undefined,
    inEachSegment: false,
    settled: new Map(),
    reads: new PlanReads(),
  };
}

function setterOf(
  map: ResourceMapSource,
  group: ElementGroup,
  compiled: NonNullable<ReturnType<typeof compileElement>>,
  scope: Scope,
): ElementSetter {
  const { compiler } = scope;
  return {
    rule: compiler.rules.add(`${map.name}/${group.name}`, group.place.file ?? map.file, group.place.line),
    element: elementName(group, compiled.element.name),
    set: isExtension(group) ? appending(group.name, compiled.set) : compiled.set,
    direct: isExtension(group) ? undefined : compiled.direct,
    constant: compiled.constant,
    need: needOf(group.bodies, scope),
  };
}

/** The elements of a map that could be compiled, in the order of R4. */
function compileElements(map: ResourceMapSource, scope: Scope): CompiledElement[] {
  const { type } = map.create;
  const order = childrenOf(type);
  const elements = groupRules(map.set, scope)
    .flatMap(splitExtensions)
    .map((group) => {
      const compiled = compileElement(type, group, scope);
      return compiled && { group, compiled };
    });
  const good = elements.filter((one) => one !== undefined);
  good.sort((a, b) => place(order, a.compiled.element) - place(order, b.compiled.element));
  return good;
}

function isExtension(group: ElementGroup): boolean {
  return group.name === 'extension' || group.name === 'modifierExtension';
}

/** Each extension is an element of its own: `""` for one of them removes that one. */
function splitExtensions(group: ElementGroup): ElementGroup[] {
  if (!isExtension(group)) return [group];
  const bodies = group.bodies.flatMap((body) => (body.kind === 'list' ? body.items : [body]));
  return bodies.map((body) => ({ ...group, bodies: [body], place: body.place }));
}

function elementName(group: ElementGroup, name: string): string {
  const plain = name.replace('[x]', '');
  const url = isExtension(group) && group.bodies[0] ? urlOf(group.bodies[0]) : undefined;
  return url === undefined ? plain : `${plain}:${url}`;
}

function urlOf(body: RuleBody): string | undefined {
  switch (body.kind) {
    case 'when':
    case 'each':
      return urlOf(body.body);
    case 'object': {
      const rule = body.set.find(({ path }) => path === 'url');
      return rule?.body.kind === 'constant' && typeof rule.body.value === 'string'
        ? rule.body.value
        : undefined;
    }
    default:
      return undefined;
  }
}

function appending(name: string, set: Setter): Setter {
  return (run, target) => {
    const before = target[name];
    if (!set(run, target)) return false;
    const added = target[name];
    if (Array.isArray(before) && Array.isArray(added)) target[name] = [...before, ...added];
    return true;
  };
}

function checkNames(map: ResourceMapSource, compiler: Compiler): boolean {
  const problems = compiler.problemsOf(map.file);
  if (typeKind(map.create.type) !== 'resource') {
    const remedy = suggestion(nearestName(map.create.type, resourceTypes), [], 'name a resource type of R4');
    problems.add(
      map.create.place,
      'MAPPING_RESOURCE_TYPE',
      `there is no resource type '${map.create.type}'`,
      remedy,
    );
    return false;
  }
  const { kind, name } = map.source;
  if (kind === 'element') return true;
  const known = kind === 'segment' ? name.startsWith('Z') || isKnownSegment(name) : isComposite(name);
  if (!known)
    problems.add(
      map.source.place,
      'MAPPING_SOURCE',
      `HL7 v2 has no ${kind === 'segment' ? 'segment' : 'data type'} ${name}`,
      'correct the name',
    );
  return known;
}
