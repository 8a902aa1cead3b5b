import type { ValueExpression } from '../language/expression.js';
import type { Run } from '../run/run.js';
import { isNumberText } from '../types/quantity.js';
import { compileText, textOfTarget } from './compile-text.js';
import { type CompiledValue, type Modifiers, single, type Target } from './compiled-value.js';
import { word } from './function-words.js';
import { mistake, type Scope } from './scope.js';

type Call = Extract<ValueExpression, { kind: 'call' }>;

/** Compiles a call to give the target. */
export type CompileFunction = (
  call: Call,
  target: Target,
  scope: Scope,
  modifiers: Modifiers,
) => CompiledValue | undefined;

/** The functions that make text of text. */
export const textFunctions: Readonly<Record<string, CompileFunction>> = {
  /** The URI of a code system's name: `CWE.3 | codeSystem`. */
  codeSystem: (call, target, scope) =>
    textFunction(call, target, scope, (text) => scope.compiler.vocabulary.systems.uri(text)),
  /** Text as an attachment holds it: `OBX-5 | join('\n') | base64`. */
  base64: (call, target, scope) => {
    const text = call.input && compileText(call.input, scope, 'read');
    if (text && target.type === 'base64Binary')
      return single((run) => {
        const value = text(run);
        return value === undefined ? undefined : Buffer.from(value, 'utf8').toString('base64');
      });
    const remedy = "write for instance data: OBX-5 | join('\\n') | base64";
    return mistake(scope, call.offset, 'MAPPING_FUNCTION', 'base64 gives text to a base64Binary', remedy);
  },
  /** The text before the last such separator, nothing where there is none: `OBX-4 | upTo('.')`. */
  upTo: (call, target, scope) => {
    const separator = word(call, scope);
    if (separator === undefined) return undefined;
    return textFunction(call, target, scope, (text) => {
      const at = text.lastIndexOf(separator);
      return at > 0 ? text.slice(0, at) : undefined;
    });
  },
  /** The text before the first such separator, nothing where there is none: `name | before(',')`. */
  before: (call, target, scope) => {
    const separator = word(call, scope);
    if (separator === undefined) return undefined;
    return textFunction(call, target, scope, (text) => {
      const at = text.indexOf(separator);
      return at > 0 ? text.slice(0, at).trim() : undefined;
    });
  },
  /** The text behind the first such separator, nothing where there is none: `name | after(',')`. */
  after: (call, target, scope) => {
    const separator = word(call, scope);
    if (separator === undefined) return undefined;
    return textFunction(call, target, scope, (text) => {
      const at = text.indexOf(separator);
      return at < 0 ? undefined : text.slice(at + separator.length).trim() || undefined;
    });
  },
  /** Text that is a number, with or without a comparator; nothing where it is none: `result | number valued`. */
  number: (call, target, scope) =>
    textFunction(call, target, scope, (text) => (isNumberText(text) ? text : undefined)),
  upper: (call, target, scope) => textFunction(call, target, scope, (text) => text.toUpperCase()),
  lower: (call, target, scope) => textFunction(call, target, scope, (text) => text.toLowerCase()),
  /** Values one after the other, what is missing left out: `concat(PID-5.1, ', ', PID-5.2)`. */
  concat: (call, target, scope) => {
    const parts = call.args.map(({ value }) => compileText(value, scope, 'read'));
    const good = parts.filter((part) => part !== undefined);
    if (good.length < parts.length) return undefined;
    const isLiteral = call.args.map(({ value }) => value.kind === 'literal');
    const read = (run: Run): string | undefined => {
      let text = '';
      let valued = false;
      good.forEach((part, i) => {
        const piece = part(run);
        if (piece === undefined) return;
        text += piece;
        if (isLiteral[i] === false) valued = true;
      });
      return valued ? text.trim() : undefined;
    };
    return textOfTarget(read, target, call, scope);
  },
};

/** A problem: the function has no path to work on. */
export function needsPath(call: Call, scope: Scope): undefined {
  return mistake(
    scope,
    call.offset,
    'MAPPING_FUNCTION',
    `${call.name} needs a path before it`,
    `write for instance OBX-5 | ${call.name}`,
  );
}

function textFunction(
  call: Call,
  target: Target,
  scope: Scope,
  change: (text: string) => string | undefined,
): CompiledValue | undefined {
  if (!call.input) return needsPath(call, scope);
  const text = compileText(call.input, scope, 'read');
  return (
    text &&
    textOfTarget(
      (run) => {
        const value = text(run);
        return value === undefined ? undefined : change(value);
      },
      target,
      call,
      scope,
    )
  );
}
