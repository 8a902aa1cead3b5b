import type { FhirObject } from '#fhir';
import type { V2Type } from '../dictionary/v2-dictionary.js';
import type { ValueExpression } from '../language/expression.js';
import type { ResourceMapSource } from '../language/mapping-file.js';
import type { Convert, Level } from '../types/convert.js';
import { compilePath } from './compile-path.js';
import { type CompiledValue, type Modifiers, reading, single, type Target } from './compiled-value.js';
import { mistake, type Scope } from './scope.js';
import { elementValue } from './xml-reader.js';

/** A value that is a person, organization or place of its own: the map for its data type makes the resource. */
export function compileReference(
  source: V2Type,
  level: Level,
  target: Target,
  scope: Scope,
  offset: number,
): Convert | undefined {
  const { maps } = scope.compiler;
  const fitting = [...maps.values()].filter(
    (map) =>
      map.source.kind === 'value' &&
      map.source.name === source.type &&
      (target.targets.length === 0 || target.targets.includes(map.create.type)),
  );
  const [only] = fitting;
  if (!only)
    return mistake(
      scope,
      offset,
      'MAPPING_NO_CONVERSION',
      `no map makes a resource of ${source.type} that ${target.path} may refer to`,
      source === elementValue ? 'choose: as NAME OF A MAP' : `write a map with source: hl7v2/${source.type}`,
    );
  const unconditional = fitting.filter((map) => !map.when);
  if (fitting.length > 1 && unconditional.length > 1)
    return mistake(
      scope,
      offset,
      'MAPPING_NO_CONVERSION',
      `several maps make a resource of ${source.type}: ${unconditional.map((one) => one.name).join(', ')}`,
      `choose: as ${only.name}`,
    );
  const converts = fitting
    .map((map) => referenceTo(map, level, scope, offset))
    .filter((one) => one !== undefined);
  if (converts.length < fitting.length) return undefined;
  const [first] = converts;
  if (converts.length === 1) return first;
  // In the order of the file: the first map whose condition holds.
  return (run, start, end) => {
    for (const convert of converts) {
      const value = convert(run, start, end);
      if (value !== undefined) return value;
    }
    return undefined;
  };
}

function referenceTo(
  map: ResourceMapSource,
  level: Level,
  scope: Scope,
  offset: number,
): Convert | undefined {
  const isElement = map.source.kind === 'element';
  const plan = isElement
    ? scope.compiler.elementPlan(map, scope.names)
    : scope.compiler.valuePlan(map, level);
  if (plan && isElement)
    return (run, start) => {
      const element = run.document.elementAt(start);
      return element && plan.ofElement(run, element)?.reference;
    };
  if (plan) return (run, start, end) => plan.ofValue(run, start, end)?.reference;
  return mistake(
    scope,
    offset,
    'MAPPING_UNUSABLE',
    `${map.name} has mistakes of its own, or comes back to itself`,
    `correct ${map.file}`,
  );
}

export function compileName(
  expression: Extract<ValueExpression, { kind: 'name' }>,
  target: Target,
  scope: Scope,
): CompiledValue | undefined {
  const named = scope.names.get(expression.name);
  if (!named) {
    if (scope.uses.has(expression.name)) return single(() => undefined);
    return mistake(
      scope,
      expression.offset,
      'MAPPING_UNKNOWN_NAME',
      `nothing is called '${expression.name}' here`,
      'name a step with `as`, and list the name under `uses` of this map; text stands in quotes',
    );
  }
  const { slot } = named;
  scope.reads.addName(slot);
  if (scope.inEachSegment) scope.reads.addPlaces();
  if (expression.part === 'id') return single((run) => run.names[slot]?.[0]?.id);
  if (target.type !== 'Reference')
    return mistake(
      scope,
      expression.offset,
      'MAPPING_NO_CONVERSION',
      `'${expression.name}' is a resource; ${target.path} is no Reference`,
      'write its path, or .id',
    );
  const wrong = named.types.find((type) => target.targets.length > 0 && !target.targets.includes(type));
  if (wrong !== undefined)
    return mistake(
      scope,
      expression.offset,
      'MAPPING_REFERENCE_TARGET',
      `${target.path} may not refer to ${wrong}`,
      `it refers to ${target.targets.join(', ')}`,
    );
  return {
    read: scope.inEachSegment
      ? (run) => run.names[slot]?.find((one) => one.start === run.segment?.start)?.reference
      : (run) => run.names[slot]?.[0]?.reference,
    collect: (run, list) => {
      const mapped = run.names[slot];
      if (!mapped || mapped.length === 0) return list;
      const references: FhirObject[] = mapped.map((one) => one.reference);
      return list ? [...list, ...references] : references;
    },
  };
}

export function compileAs(
  expression: Extract<ValueExpression, { kind: 'as' }>,
  target: Target,
  scope: Scope,
  modifiers: Modifiers,
): CompiledValue | undefined {
  const { type, input, offset } = expression;
  const map = scope.compiler.maps.get(type);
  if (!map) {
    if (type === target.type) return scope.compileValue(input, target, scope, modifiers);
    const message = type.includes('.')
      ? `there is no map ${type}`
      : `${target.path} is no ${type} but ${target.type}`;
    return mistake(
      scope,
      offset,
      type.includes('.') ? 'MAPPING_UNKNOWN_MAP' : 'MAPPING_NO_CONVERSION',
      message,
      'correct what stands after `as`',
    );
  }
  if (target.type !== 'Reference' || (target.targets.length > 0 && !target.targets.includes(map.create.type)))
    return mistake(
      scope,
      offset,
      'MAPPING_REFERENCE_TARGET',
      `${target.path} may not refer to ${map.create.type}`,
      'choose another map or element',
    );
  if (input.kind !== 'path')
    return mistake(
      scope,
      offset,
      'MAPPING_NO_CONVERSION',
      'a map makes a resource of a path',
      'write a path before `as`',
    );
  const reader = compilePath(input, scope);
  if (!reader) return undefined;
  const { kind, name } = map.source;
  const fits = reader.type === elementValue ? kind === 'element' : kind === 'value';
  if (!fits)
    return mistake(
      scope,
      offset,
      'MAPPING_NO_CONVERSION',
      `${type} reads ${kind === 'segment' ? 'segments' : name}, not what stands here`,
      'choose a map of a data type, or of an element',
    );
  const convert = referenceTo(map, reader.level, scope, offset);
  return convert && reading(reader, convert);
}
