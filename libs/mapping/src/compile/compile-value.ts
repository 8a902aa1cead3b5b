import type { FhirObject } from '#fhir';
import { typeKind } from '#fhir';
import type { V2Type } from '../dictionary/v2-dictionary.js';
import type { PathExpression, ValueExpression } from '../language/expression.js';
import type { ResourceMapSource } from '../language/mapping-file.js';
import type { Run } from '../run/run.js';
import type { CodeTable } from '../tables/code-table.js';
import { type ConversionOptions, conversion } from '../types/conversion.js';
import type { Convert, Level } from '../types/convert.js';
import { compilePath } from './compile-path.js';
import { compileCall } from './functions.js';
import type { PathReader } from './path-reader.js';
import { mistake, type Scope } from './scope.js';

/** Makes one FHIR value; undefined when there is nothing. */
export type ReadValue = (run: Run) => unknown;
/** Appends FHIR values to a list, which it makes when there is a first one. */
export type CollectValues = (run: Run, list: unknown[] | undefined) => unknown[] | undefined;

/** What an expression must give. */
export interface Target {
  /** R4 type. */
  readonly type: string;
  /** Resource types a Reference may point to; empty: any. */
  readonly targets: readonly string[];
  /** Codes of a required binding; undefined when there is none. */
  readonly codes: ReadonlySet<string> | undefined;
  readonly simpleQuantity: boolean;
  /** Of the element, for messages. */
  readonly path: string;
}

/** What functions add to a conversion. */
export interface Modifiers {
  readonly table?: CodeTable;
  readonly use?: string;
  readonly identifierType?: string;
  /** Turns a Quantity, Range or Ratio into one with a unit. */
  readonly finish?: (run: Run, value: unknown) => unknown;
  /** A code system for codes that name none. */
  readonly system?: string;
}

export interface CompiledValue {
  readonly read: ReadValue;
  readonly collect: CollectValues;
  /** What it reads, when that is one path. */
  readonly source?: PathReader;
}

/** Compiles `expression` to give `target`; undefined, and a problem, when it cannot. */
export function compileValue(
  expression: ValueExpression,
  target: Target,
  scope: Scope,
  modifiers: Modifiers = {},
): CompiledValue | undefined {
  switch (expression.kind) {
    case 'path':
      return compilePathValue(expression, target, scope, modifiers);
    case 'literal':
      return compileLiteral(expression, target, scope);
    case 'parameter':
      return single((run) => run.parameters[expression.name]);
    case 'name':
      return compileName(expression, target, scope);
    case 'first':
      return compileFirst(expression.options, target, scope, modifiers);
    case 'call':
      return compileCall(expression, target, scope, modifiers);
    case 'as':
      return compileAs(expression, target, scope, modifiers);
  }
}

export function single(read: ReadValue): CompiledValue {
  return {
    read,
    collect: (run, list) => {
      const value = read(run);
      if (value === undefined) return list;
      if (!list) return [value];
      list.push(value);
      return list;
    },
  };
}

function compilePathValue(
  path: PathExpression,
  target: Target,
  scope: Scope,
  modifiers: Modifiers,
): CompiledValue | undefined {
  const reader = compilePath(path, scope);
  const convert = reader && convertFor(reader.type, reader.level, target, scope, modifiers, path.offset);
  return reader && convert && reading(reader, convert);
}

export function reading(reader: PathReader, convert: Convert): CompiledValue {
  const read = reader.reading?.(convert);
  return {
    source: reader,
    read:
      read ??
      ((run) => {
        const start = reader.first(run);
        return start < 0 ? undefined : convert(run, start, run.end);
      }),
    collect: (run, list) => reader.collect(run, convert, list),
  };
}

/** The conversion from a source type to the target, with everything that modifies it. */
export function convertFor(
  source: V2Type,
  level: Level,
  target: Target,
  scope: Scope,
  modifiers: Modifiers,
  offset: number,
): Convert | undefined {
  if (target.type === 'Reference') return compileReference(source, level, target, scope, offset);
  const { vocabulary } = scope.compiler;
  const options: ConversionOptions = {
    vocabulary,
    level,
    hl7Table: source.table,
    table: modifiers.table,
    use: modifiers.use ?? '',
    identifierType: modifiers.identifierType ?? '',
    simpleQuantity: target.simpleQuantity,
    withoutDegree: scope.map.endsWith('.Practitioner'),
    system: modifiers.system ?? '',
  };
  const convert = conversion(source.type, target.type, options);
  if (!convert)
    return mistake(
      scope,
      offset,
      'MAPPING_NO_CONVERSION',
      `${source.type} cannot become ${target.type} (${target.path})`,
      'choose a component of it, a function, or another element',
    );
  const checked =
    target.codes && !modifiers.table ? checkCodes(convert, target.codes, scope, target, offset) : convert;
  const finish = /^Organization\.(?:address|telecom)$/.test(target.path) ? notAtHome : modifiers.finish;
  if (!checked || !finish) return checked;
  return (run, start, end) => {
    const value = checked(run, start, end);
    return value === undefined ? undefined : finish(run, value);
  };
}

/** An organisation has no home (R4 org-2, org-3): the use goes, the address stays. */
function notAtHome(_run: Run, value: unknown): unknown {
  const point = value as FhirObject;
  if (point['use'] === 'home') delete point['use'];
  return point;
}

/** Source codes do not go unchecked into a required binding: the compiler asks for a table. */
function checkCodes(
  convert: Convert,
  codes: ReadonlySet<string>,
  scope: Scope,
  target: Target,
  offset: number,
): Convert | undefined {
  if (target.type === 'code')
    return mistake(
      scope,
      offset,
      'MAPPING_BINDING',
      `${target.path} takes only its own codes; a source code needs a table`,
      `write | table(...); the codes are ${[...codes].slice(0, 12).join(', ')}`,
    );
  return (run, start, end) => {
    const value = convert(run, start, end);
    return value === undefined || hasCode(value, codes) ? value : undefined;
  };
}

function hasCode(value: unknown, codes: ReadonlySet<string>): boolean {
  const concept = value as { code?: unknown; coding?: readonly { code?: unknown }[] };
  if (concept.coding)
    return concept.coding.some((coding) => typeof coding.code === 'string' && codes.has(coding.code));
  return typeof concept.code !== 'string' || codes.has(concept.code);
}

/** A value that is a person, organization or place of its own: the map for its data type makes the resource. */
function compileReference(
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
      `write a map with source: hl7v2/${source.type}`,
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
  const plan = scope.compiler.valuePlan(map, level);
  if (plan) return (run, start, end) => plan.ofValue(run, start, end)?.reference;
  return mistake(
    scope,
    offset,
    'MAPPING_UNUSABLE',
    `${map.name} has mistakes of its own, or comes back to itself`,
    `correct ${map.file}`,
  );
}

function compileLiteral(
  literal: Extract<ValueExpression, { kind: 'literal' }>,
  target: Target,
  scope: Scope,
): CompiledValue | undefined {
  if (target.codes && target.type === 'code' && !target.codes.has(literal.text))
    return mistake(
      scope,
      literal.offset,
      'MAPPING_BINDING',
      `'${literal.text}' is no code of ${target.path}`,
      `use one of: ${[...target.codes].slice(0, 20).join(', ')}`,
    );
  const value = literalValue(literal.text, target.type);
  if (value === undefined)
    return mistake(
      scope,
      literal.offset,
      'MAPPING_NO_CONVERSION',
      `a literal cannot be a ${target.type} (${target.path})`,
      'write `value:` with the whole value',
    );
  return single(() => value);
}

function literalValue(text: string, type: string): unknown {
  switch (type) {
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined;
    case 'integer':
    case 'positiveInt':
    case 'unsignedInt':
    case 'decimal':
      return Number.isFinite(Number(text)) ? Number(text) : undefined;
    case 'CodeableConcept':
      return { text };
    case 'Annotation':
      return { text };
    default:
      return typeKind(type) === 'primitive' ? text : undefined;
  }
}

function compileName(
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

function compileFirst(
  options: readonly ValueExpression[],
  target: Target,
  scope: Scope,
  modifiers: Modifiers,
): CompiledValue | undefined {
  const compiled = options.map((option) => compileValue(option, target, scope, modifiers));
  const good = compiled.filter((one) => one !== undefined);
  if (good.length < options.length) return undefined;
  return {
    read: (run) => {
      for (const one of good) {
        const value = one.read(run);
        if (value === undefined) continue;
        if (run.accounting) markEqual(run, one, good);
        return value;
      }
      return undefined;
    },
    collect: (run, list) => {
      const before = list?.length ?? 0;
      for (const one of good) {
        const after = one.collect(run, list);
        if (!after || after.length === before) continue;
        if (run.accounting) markEqual(run, one, good);
        return after;
      }
      return list;
    },
  };
}

/** The same value in another place (OBR-2 and ORC-2) is mapped too: nothing of it is lost. */
function markEqual(run: Run, chosen: CompiledValue, options: readonly CompiledValue[]): void {
  const start = chosen.source?.first(run) ?? -1;
  if (start < 0) return;
  const text = run.text.slice(start, run.end);
  for (const option of options) {
    if (option === chosen || !option.source) continue;
    const other = option.source.first(run);
    if (other >= 0 && run.text.slice(other, run.end) === text) run.markAll(other, run.end);
  }
}

function compileAs(
  expression: Extract<ValueExpression, { kind: 'as' }>,
  target: Target,
  scope: Scope,
  modifiers: Modifiers,
): CompiledValue | undefined {
  const { type, input, offset } = expression;
  const map = scope.compiler.maps.get(type);
  if (!map) {
    if (type === target.type) return compileValue(input, target, scope, modifiers);
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
  if (map.source.kind !== 'value')
    return mistake(
      scope,
      offset,
      'MAPPING_NO_CONVERSION',
      `${type} reads segments, not values`,
      'choose a map of a data type',
    );
  const convert = referenceTo(map, reader.level, scope, offset);
  return convert && reading(reader, convert);
}
