import type { FhirObject } from '#fhir';
import { nearestName } from '#kernel';
import type { ValueExpression } from '../language/expression.js';
import { suggestion } from '../language/problems.js';
import type { Run } from '../run/run.js';
import { unitConversion } from '../types/conversion.js';
import { periodOf } from '../types/period.js';
import { giveUnit, withUnit } from '../types/quantity.js';
import { formatTime } from '../types/time.js';
import { compilePath } from './compile-path.js';
import { compileText, textOfTarget } from './compile-text.js';
import { type CompiledValue, type Modifiers, reading, single, type Target } from './compiled-value.js';
import { documentFunctions } from './document-functions.js';
import { findTable, word } from './function-words.js';
import { mistake, type Scope } from './scope.js';
import { type CompileFunction, needsPath, textFunctions } from './text-functions.js';

type Call = Extract<ValueExpression, { kind: 'call' }>;

/** Every function of the language. Each is total; none reads a clock or makes a random choice. */
const functions: Readonly<Record<string, CompileFunction>> = {
  /** Codes through a code table: `OBX-11 | table(observation-status)`. */
  table: (call, target, scope, modifiers) => {
    const table = findTable(call, target, scope);
    return table && input(call, target, scope, { ...modifiers, table });
  },
  /** ContactPoint.use where the value names none: `PID-13 | use(home)`. */
  use: (call, target, scope, modifiers) => {
    const use = word(call, scope);
    return use === undefined ? undefined : input(call, target, scope, { ...modifiers, use });
  },
  /** Identifier.type where the value names none (table 0203): `OBR-3 | type(FILL)`. */
  type: (call, target, scope, modifiers) => {
    const identifierType = word(call, scope);
    return identifierType === undefined
      ? undefined
      : input(call, target, scope, { ...modifiers, identifierType });
  },
  /** System of codes that name none: `RXA-6 | system('http://unitsofmeasure.org')`. */
  system: (call, target, scope, modifiers) => {
    const system = word(call, scope);
    return system === undefined ? undefined : input(call, target, scope, { ...modifiers, system });
  },
  /** A number with its unit: `OBX-5 | quantity(OBX-6)`; for Quantity, Range and Ratio. */
  quantity: (call, target, scope, modifiers) => {
    const unit = unitOf(call, scope);
    if (!unit) return undefined;
    const finish = (run: Run, value: unknown): unknown => {
      const found = unit.read(run) as FhirObject | undefined;
      if (!found) return value;
      return target.type === 'Quantity'
        ? withUnit(value as FhirObject, found)
        : giveUnit(value as FhirObject, found);
    };
    return input(call, target, scope, { ...modifiers, finish });
  },
  /** All values as one text: `OBX-5 | join('\n')`. */
  join: (call, target, scope) => {
    const separator = word(call, scope);
    const path = call.input;
    if (separator === undefined || path?.kind !== 'path') return needsPath(call, scope);
    const reader = compilePath(path, scope);
    const text = reader && scope.compileValue(path, textTarget(target), scope);
    return (
      text &&
      textOfTarget(
        (run) => (text.collect(run, undefined) as string[] | undefined)?.join(separator),
        target,
        call,
        scope,
      )
    );
  },
  /** The source text as it is, separators included: `OBX-5 | raw`. */
  raw: (call, target, scope) => {
    const path = call.input;
    if (path?.kind !== 'path') return needsPath(call, scope);
    const reader = compilePath(path, scope);
    if (!reader) return undefined;
    const text = reading(reader, (run, start, end) => run.whole(start, end));
    return textOfTarget(
      (run) => (text.collect(run, undefined) as string[] | undefined)?.join('\n'),
      target,
      call,
      scope,
    );
  },
  /** A CodeableConcept with this text where it has none: `DG1-3 | text(DG1-4)`. */
  text: (call, target, scope, modifiers) => {
    const argument = call.args[0]?.value;
    const text = argument && compileText(argument, scope, 'read');
    if (!text || target.type !== 'CodeableConcept')
      return mistake(
        scope,
        call.offset,
        'MAPPING_FUNCTION',
        'text gives a CodeableConcept its text',
        'write for instance DG1-3 | text(DG1-4)',
      );
    const finish = (run: Run, value: unknown): unknown => {
      const found = text(run);
      const concept = value as FhirObject;
      return found === undefined || concept['text'] !== undefined ? value : { ...concept, text: found };
    };
    return input(call, target, scope, { ...modifiers, finish });
  },
  /** From one moment to another: `OBR-7 | period(OBR-8)`. */
  period: (call, target, scope) => {
    const start = call.input && compileText(call.input, scope, 'read');
    const last = call.args[0]?.value;
    const end = last && compileText(last, scope, 'read');
    if (target.type !== 'Period' || !start || !end)
      return mistake(
        scope,
        call.offset,
        'MAPPING_FUNCTION',
        'period makes a Period of two moments',
        'write OBR-7 | period(OBR-8) for a Period',
      );
    return single((run) => periodOf(run, start(run), end(run)));
  },
  /** A moment with a time of day, nothing for a mere date or an impossible one: `PID-7 | withTime`. */
  withTime: (call, target, scope, modifiers) => {
    const text = call.input && compileText(call.input, scope, 'peek');
    const value = call.input && scope.compileValue(call.input, target, scope, modifiers);
    if (!text) return needsPath(call, scope);
    return (
      value &&
      single((run) => {
        const sent = text(run);
        if (sent === undefined || sent.length <= 8) return undefined;
        return formatTime(run, sent, 'date') === undefined ? undefined : value.read(run);
      })
    );
  },
  /** A Coding, or the first one of a concept, with this display where it has none: `code | system('http://loinc.org') | display(name)`. */
  display: (call, target, scope, modifiers) => {
    const argument = call.args[0]?.value;
    const text = argument && compileText(argument, scope, 'read');
    if (!text || (target.type !== 'CodeableConcept' && target.type !== 'Coding'))
      return mistake(
        scope,
        call.offset,
        'MAPPING_FUNCTION',
        'display gives a Coding or a CodeableConcept its display',
        'write for instance code | display(description)',
      );
    const isConcept = target.type === 'CodeableConcept';
    const finish = (run: Run, value: unknown): unknown => {
      const shown = withDisplay(value as FhirObject, text(run), isConcept);
      return modifiers.finish ? modifiers.finish(run, shown) : shown;
    };
    return input(call, target, scope, { ...modifiers, finish });
  },
  ...textFunctions,
};

const allFunctions: typeof functions = { ...functions, ...documentFunctions };
const functionNames = Object.keys(allFunctions);

export function compileCall(
  call: Call,
  target: Target,
  scope: Scope,
  modifiers: Modifiers,
): CompiledValue | undefined {
  const compile = Object.hasOwn(allFunctions, call.name) ? allFunctions[call.name] : undefined;
  if (compile) return compile(call, target, scope, modifiers);
  const remedy = suggestion(nearestName(call.name, functionNames), functionNames, 'remove it');
  return mistake(
    scope,
    call.offset,
    'MAPPING_UNKNOWN_FUNCTION',
    `there is no function '${call.name}'`,
    remedy,
  );
}

function input(call: Call, target: Target, scope: Scope, modifiers: Modifiers): CompiledValue | undefined {
  if (call.input) return scope.compileValue(call.input, target, scope, modifiers);
  return mistake(
    scope,
    call.offset,
    'MAPPING_FUNCTION',
    `${call.name} needs a value before it`,
    `write a path and | ${call.name}(...)`,
  );
}

/** What a table gives is shared, and never changed. */
function withDisplay(value: FhirObject, display: string | undefined, isConcept: boolean): FhirObject {
  if (display === undefined) return value;
  if (!isConcept) return { display, ...value };
  const [first, ...others] = (value['coding'] ?? []) as readonly FhirObject[];
  return { ...value, coding: [{ ...first, display: first?.['display'] ?? display }, ...others] };
}

function unitOf(call: Call, scope: Scope): CompiledValue | undefined {
  const path = call.args[0]?.value;
  if (path?.kind !== 'path' || call.args.length !== 1)
    return mistake(
      scope,
      call.offset,
      'MAPPING_FUNCTION',
      `${call.name} takes the path of the unit`,
      `write ${call.name}(OBX-6)`,
    );
  const reader = compilePath(path, scope);
  const convert = reader && unitConversion(reader.type.type, scope.compiler.vocabulary, reader.level);
  if (reader && convert) return reading(reader, convert);
  return (
    reader &&
    mistake(
      scope,
      path.offset,
      'MAPPING_NO_CONVERSION',
      `${reader.type.type} is no unit`,
      'name the field that holds the unit',
    )
  );
}

function textTarget(target: Target): Target {
  return { ...target, type: 'string', targets: [], codes: undefined };
}
