import { type FhirObject, typeKind } from '#fhir';
import { nearestName } from '#kernel';
import type { V2Type } from '../dictionary/v2-dictionary.js';
import type { PathExpression, ValueExpression } from '../language/expression.js';
import type { Run } from '../run/run.js';
import { mergedTiming } from '../types/cda/timing.js';
import { conversion } from '../types/conversion.js';
import type { ConversionOptions } from '../types/conversion-options.js';
import type { Convert, Level } from '../types/convert.js';
import { compilePath } from './compile-path.js';
import { compileAs, compileName, compileReference } from './compile-reference.js';
import { type CompiledValue, type Modifiers, reading, single, type Target } from './compiled-value.js';
import { compileCall } from './functions.js';
import { mistake, type Scope } from './scope.js';
import { elementValue } from './xml-reader.js';

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
      return compileParameter(expression, scope);
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

/** What the conversions of data types read themselves; others are the business of a site. */
const builtInParameters = ['assigner', 'time_zone'];

function compileParameter(
  { name, offset }: Extract<ValueExpression, { kind: 'parameter' }>,
  scope: Scope,
): CompiledValue | undefined {
  const nearest = builtInParameters.includes(name) ? undefined : nearestName(name, builtInParameters);
  if (nearest === undefined) return single((run) => run.parameters[name]);
  const message = `there is no parameter '${name}'`;
  return mistake(scope, offset, 'MAPPING_UNKNOWN_PARAMETER', message, `did you mean channel.${nearest}?`);
}

function compilePathValue(
  path: PathExpression,
  target: Target,
  scope: Scope,
  modifiers: Modifiers,
): CompiledValue | undefined {
  const reader = compilePath(path, scope);
  const convert = reader && convertFor({ ...reader, offset: path.offset }, target, scope, modifiers);
  if (!reader || !convert) return undefined;
  if (reader.type === elementValue && target.type === 'Timing')
    return single((run) => mergedTiming((reader.collect(run, convert, undefined) ?? []) as FhirObject[]));
  return reading(reader, convert);
}

/** The conversion from a source type to the target, with everything that modifies it. */
function convertFor(
  { type: source, level, offset }: { type: V2Type; level: Level; offset: number },
  target: Target,
  scope: Scope,
  modifiers: Modifiers,
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
  // A table gives `code` nothing else (that is seen when it is compiled); beside a concept the source code may stay.
  const isSure = modifiers.table !== undefined && target.type === 'code';
  const checked =
    target.codes && !isSure ? checkCodes(convert, target.codes, scope, target, offset) : convert;
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
