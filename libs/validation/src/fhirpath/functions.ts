import { EngineError } from '#kernel';
import { distinct, isSameItem } from './compare.js';
import {
  children,
  type Item,
  isObject,
  no,
  nothing,
  step,
  text,
  truth,
  whole,
  written,
  yes,
} from './item.js';
import { truthOf } from './operators.js';
import type { Program, Scope } from './program.js';

type Items = readonly Item[];
type Call = (input: Items, args: readonly Program[], scope: Scope, focus: Items) => Items;

/** Descendants beyond this many are not looked at: a resource of 16 MiB has fewer. */
const descendantsMax = 2_000_000;
/** A pattern of an invariant is matched against texts up to this length. */
const matchedMax = 10_000;
const patterns = new Map<string, RegExp | undefined>();
const patternsMax = 1_000;

function holds(program: Program | undefined, item: Item, scope: Scope): boolean {
  return program === undefined || truthOf(program([item], scope)) === true;
}

function argument(args: readonly Program[], index: number, focus: Items, scope: Scope): Item['value'] {
  return args[index]?.(focus, scope)[0]?.value;
}

/** A number of items; what is none counts as 0. */
function numberIn(args: readonly Program[], focus: Items, scope: Scope): number {
  const value = argument(args, 0, focus, scope);
  return typeof value === 'number' ? Math.max(0, value) : 0;
}

function patternOf(source: string): RegExp | undefined {
  if (!patterns.has(source) && patterns.size < patternsMax) {
    let pattern: RegExp | undefined;
    try {
      pattern = new RegExp(source, 's');
    } catch {
      // A pattern of another dialect: then the call gives nothing, and the invariant is not judged.
    }
    patterns.set(source, pattern);
  }
  return patterns.get(source);
}

/** A function from one text, and a text argument, to something. */
function onText(give: (input: string, argument: string) => Items): Call {
  return (input, args, scope, focus) => {
    const value = input[0]?.value;
    if (typeof value !== 'string') return nothing;
    if (args.length === 0) return give(value, '');
    const wanted = argument(args, 0, focus, scope);
    return typeof wanted === 'string' ? give(value, wanted) : nothing;
  };
}

function descendants(input: Items): Item[] {
  const out: Item[] = [];
  for (const item of input) children(item, out);
  for (let i = 0; i < out.length && out.length < descendantsMax; i++) children(out[i] as Item, out);
  return out;
}

const truths =
  (wanted: boolean): Call =>
  (input) =>
    truth(input.every(({ value }) => value === wanted));

const existence: readonly (readonly [string, Call])[] = [
  ['exists', (input, [criteria], scope) => truth(input.some((item) => holds(criteria, item, scope)))],
  ['empty', (input) => truth(input.length === 0)],
  ['all', (input, [criteria], scope) => truth(input.every((item) => holds(criteria, item, scope)))],
  ['allTrue', truths(true)],
  ['allFalse', truths(false)],
  ['anyTrue', (input) => truth(input.some(({ value }) => value === true))],
  ['count', (input) => whole(input.length)],
  ['isDistinct', (input) => truth(distinct(input).length === input.length)],
  [
    'hasValue',
    (input) => truth(input.length === 1 && input[0]?.value !== undefined && !isObject(input[0].value)),
  ],
  [
    'not',
    (input) => {
      const known = truthOf(input);
      return known === undefined ? nothing : known ? no : yes;
    },
  ],
  [
    'subsetOf',
    (input, [other], scope, focus) => {
      const others = other?.(focus, scope) ?? [];
      return truth(input.every((item) => others.some((one) => isSameItem(one, item))));
    },
  ],
];

const subsets: readonly (readonly [string, Call])[] = [
  ['where', (input, [criteria], scope) => input.filter((item) => holds(criteria, item, scope))],
  ['select', (input, [project], scope) => input.flatMap((item) => project?.([item], scope) ?? [])],
  ['first', (input) => input.slice(0, 1)],
  [
    'single',
    (input) => {
      if (input.length <= 1) return input;
      throw new EngineError('rejected', 'FHIRPATH_NOT_SINGLE', 'single() was asked of several elements');
    },
  ],
  ['last', (input) => input.slice(-1)],
  ['tail', (input) => input.slice(1)],
  ['skip', (input, args, scope, focus) => input.slice(numberIn(args, focus, scope))],
  ['take', (input, args, scope, focus) => input.slice(0, numberIn(args, focus, scope))],
  ['distinct', (input) => distinct(input)],
  ['trace', (input) => input],
  ['descendants', descendants],
  [
    'children',
    (input) => {
      const out: Item[] = [];
      for (const item of input) children(item, out);
      return out;
    },
  ],
  ['combine', (input, [other], scope, focus) => [...input, ...(other?.(focus, scope) ?? [])]],
  ['union', (input, [other], scope, focus) => distinct([...input, ...(other?.(focus, scope) ?? [])])],
  [
    'intersect',
    (input, [other], scope, focus) => {
      const others = other?.(focus, scope) ?? [];
      return distinct(input.filter((item) => others.some((one) => isSameItem(one, item))));
    },
  ],
  [
    'exclude',
    (input, [other], scope, focus) => {
      const others = other?.(focus, scope) ?? [];
      return input.filter((item) => !others.some((one) => isSameItem(one, item)));
    },
  ],
  [
    'extension',
    (input, args, scope, focus) => {
      const url = argument(args, 0, focus, scope);
      const out: Item[] = [];
      for (const item of input) step(item, 'extension', out);
      return out.filter(({ value }) => isObject(value) && value['url'] === url);
    },
  ],
  [
    'iif',
    (input, [condition, then, otherwise], scope) =>
      truthOf(condition?.(input, scope) ?? []) === true
        ? (then?.(input, scope) ?? nothing)
        : (otherwise?.(input, scope) ?? nothing),
  ],
];

const texts: readonly (readonly [string, Call])[] = [
  ['startsWith', onText((input, start) => truth(input.startsWith(start)))],
  ['endsWith', onText((input, end) => truth(input.endsWith(end)))],
  ['contains', onText((input, part) => truth(input.includes(part)))],
  ['lower', onText((input) => text(input.toLowerCase()))],
  ['upper', onText((input) => text(input.toUpperCase()))],
  ['length', onText((input) => whole(input.length))],
  [
    'matches',
    onText((input, source) => {
      const pattern = input.length > matchedMax ? undefined : patternOf(source);
      return pattern ? truth(pattern.test(input)) : nothing;
    }),
  ],
  [
    'replaceMatches',
    (input, args, scope, focus) => {
      const [value, source, by] = [
        input[0]?.value,
        argument(args, 0, focus, scope),
        argument(args, 1, focus, scope),
      ];
      if (typeof value !== 'string' || typeof source !== 'string' || typeof by !== 'string') return nothing;
      const pattern = value.length > matchedMax ? undefined : patternOf(source);
      return pattern ? text(value.replace(new RegExp(pattern, 'gs'), by)) : nothing;
    },
  ],
  [
    'substring',
    (input, args, scope, focus) => {
      const [value, start, length] = [
        input[0]?.value,
        argument(args, 0, focus, scope),
        argument(args, 1, focus, scope),
      ];
      if (typeof value !== 'string' || typeof start !== 'number') return nothing;
      if (start < 0 || start >= value.length) return nothing;
      return text(value.slice(start, typeof length === 'number' ? start + length : undefined));
    },
  ],
  ['toString', (input) => (input[0] ? text(written(input[0])) : nothing)],
  [
    'toInteger',
    (input) => {
      const value = input[0]?.value;
      if (typeof value === 'number') return Number.isInteger(value) ? whole(value) : nothing;
      return typeof value === 'string' && /^[+-]?\d+$/.test(value) ? whole(Number(value)) : nothing;
    },
  ],
];

/** The functions of FHIRPath that invariants use. */
export const functions: ReadonlyMap<string, Call> = new Map([...existence, ...subsets, ...texts]);
