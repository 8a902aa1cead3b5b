import type { FhirObject } from '#fhir';
import type { Run } from '../run/run.js';
import type { CollectValues, ReadValue } from './compiled-value.js';

/**
 * Rules that are run often get a function of their own, which calls each of them by a name of its own. In a loop over
 * rules every call and every member may be any; here V8 learns what each of them is, and compiles them into one another.
 * The text that is compiled holds numbers, and names of elements as string literals; all else is called.
 */
export interface SetPart {
  readonly set: (run: Run, target: FhirObject) => boolean;
  /** What `set` does is to set a member to what this gives, unless that is undefined. */
  readonly direct?: DirectSet | undefined;
  readonly constant: boolean;
}

export interface DirectSet {
  readonly name: string;
  readonly read: ReadValue;
}

export interface SetRule extends SetPart {
  /** Number in the rule book. */
  readonly rule: number;
  /** What `""` removes. */
  readonly element: string;
}

/** Sets all; true when the message had a part in one of them. */
export type SetAll = (run: Run, target: FhirObject) => boolean;

/** The same; the elements that gave nothing because of `""` go to `removals`. */
export type FillAll = (run: Run, target: FhirObject, owner: { removals: string[] }) => boolean;

export function unrolledSet(parts: readonly SetPart[]): SetAll {
  return setter(parts, (_, setting) => setting);
}

export function unrolledFill(rules: readonly SetRule[], removes: boolean): FillAll {
  return setter(rules, ({ rule, element }, setting) => {
    const removed = JSON.stringify(element);
    const otherwise = removes
      ? ` else if (run.nulled) owner.removals = [...owner.removals, ${removed}];`
      : '';
    return `run.rule = ${rule}; run.nulled = false; ${setting}${otherwise}`;
  });
}

export function unrolledCollect(bodies: readonly { readonly collect: CollectValues }[]): CollectValues {
  const lines = bodies.map((_, n) => `list = f${n}(run, list);`);
  return unrolled(
    '(run, list)',
    bodies.map(({ collect }) => collect),
    [...lines, 'return list;'],
  );
}

/** The first that gives something. */
export function unrolledRead(bodies: readonly { readonly read: ReadValue }[]): ReadValue {
  const lines = bodies.map((_, n) => `value = f${n}(run); if (value !== undefined) return value;`);
  return unrolled(
    '(run)',
    bodies.map(({ read }) => read),
    ['let value;', ...lines, 'return undefined;'],
  );
}

/** The first that sets something. */
export function unrolledSetFirst(setters: readonly { readonly set: SetAll }[]): SetAll {
  const lines = setters.map((_, n) => `if (f${n}(run, target)) return true;`);
  return unrolled(
    '(run, target)',
    setters.map(({ set }) => set),
    [...lines, 'return false;'],
  );
}

/** Those whose segments the message has. */
export function unrolledSteps<F>(steps: readonly { readonly run: F; readonly segments: number }[]): F {
  const lines = steps.map(
    ({ segments }, n) => `if ((run.segmentBits & ${segments}) !== 0) f${n}(run, group);`,
  );
  return unrolled(
    '(run, group)',
    steps.map(({ run }) => run),
    lines,
  );
}

function setter<T extends SetPart, F>(parts: readonly T[], around: (part: T, setting: string) => string): F {
  const lines = parts.map((part, n) => {
    const noted = part.constant ? '' : ' valued = true;';
    const { direct } = part;
    const setting = direct
      ? `value = f${n}(run); if (value !== undefined) { target[${JSON.stringify(direct.name)}] = value;${noted} }`
      : `if (f${n}(run, target)) {${noted} }`;
    return around(part, setting);
  });
  return unrolled(
    '(run, target, owner)',
    parts.map(({ set, direct }) => direct?.read ?? set),
    ['let value, valued = false;', ...lines, 'return valued;'],
  );
}

let functions = 0;

/** A function whose lines call `called` as f0, f1 ... */
function unrolled<F>(parameters: string, called: readonly unknown[], lines: readonly string[]): F {
  const names = called.map((_, n) => `f${n}`);
  // V8 keeps one code for equal texts, with what it learned of all: a number tells them apart.
  const text = `// ${++functions}\nreturn ${parameters} => {\n${lines.join('\n')}\n};`;
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- what its text is made of stands above
  const make = new Function(...names, text) as (...functions: readonly unknown[]) => F;
  return make(...called);
}
