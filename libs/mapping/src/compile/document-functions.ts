import type { FhirObject } from '#fhir';
import type { ValueExpression } from '../language/expression.js';
import { absentReason } from '../merge-update.js';
import { isElsewhere } from '../run/elsewhere.js';
import type { Mapped } from '../run/mapped.js';
import type { Run } from '../run/run.js';
import { xmlWalk } from '../run/xml-select.js';
import { elementIdentifierConvert } from '../types/cda/identifier.js';
import { compileText } from './compile-text.js';
import { type CompiledValue, type Modifiers, single, type Target } from './compiled-value.js';
import { word } from './function-words.js';
import { mistake, type Scope } from './scope.js';

type Call = Extract<ValueExpression, { kind: 'call' }>;

/** NullFlavor to data-absent-reason (C-CDA on FHIR, CF-NullFlavorDataAbsentReason). */
const reasons = new Map([
  ['NI', 'unknown'],
  ['UNK', 'unknown'],
  ['DER', 'unknown'],
  ['QS', 'unknown'],
  ['TRC', 'unsupported'],
  ['NP', 'unknown'],
  ['UNC', 'as-text'],
  ['OTH', 'unsupported'],
  ['ASKU', 'asked-unknown'],
  ['NAV', 'temp-unknown'],
  ['NASK', 'not-asked'],
  ['MSK', 'masked'],
  ['NA', 'not-applicable'],
  ['NINF', 'negative-infinity'],
  ['PINF', 'positive-infinity'],
]);

/** Functions that only maps of documents use. */
export const documentFunctions: Readonly<
  Record<
    string,
    (call: Call, target: Target, scope: Scope, modifiers: Modifiers) => CompiledValue | undefined
  >
> = {
  /**
   * What the steps made of the elements and of all in them, in their order: `entry | made`; `made(itself)` leaves away what
   * was made of elements in them. Resources that the target may not refer to are none of it.
   */
  made: (call, target, scope) => {
    const path = call.input;
    const itself = call.args.length > 0 && word(call, scope) === 'itself';
    const isRight =
      path?.kind === 'path' && path.steps && (target.type === 'Reference' || target.type === 'string');
    if (!isRight || !path.steps || call.args.length > Number(itself))
      return mistake(
        scope,
        call.offset,
        'MAPPING_FUNCTION',
        'made gives references to what was made of elements',
        'write for instance entry: entry | made',
      );
    const walk = xmlWalk(path.steps);
    const collect = (run: Run, list: unknown[] | undefined): unknown[] | undefined => {
      const found = new Set<unknown>(list);
      if (!run.element) return list;
      walk(run.document, run.element, (element) => {
        const end = itself ? element.start + 1 : element.end;
        for (const { type, reference } of madeBetween(run, element.start, end))
          if (target.targets.length === 0 || target.targets.includes(type)) found.add(reference);
        return false;
      });
      return found.size === 0 ? undefined : [...found];
    };
    if (target.type === 'Reference') return { read: (run) => collect(run, undefined)?.[0], collect };
    return single((run) => (collect(run, undefined)?.[0] as FhirObject | undefined)?.['reference']);
  },
  /**
   * A reference to what the document elsewhere says under this id, once it is made: `entryRelationship/act/id | elsewhere`. It
   * keeps the identifier, and is nothing where no other statement has it. In conditions: whether there is one.
   */
  elsewhere: (call, target, scope) => {
    const path = call.input;
    const isRight = target.type === 'Reference' || target.type === 'string';
    if (path?.kind !== 'path' || !path.steps || call.args.length > 0 || !isRight)
      return mistake(
        scope,
        call.offset,
        'MAPPING_FUNCTION',
        'elsewhere gives references to what has an id in another place of the document',
        'write for instance addresses: entryRelationship/act/id | elsewhere',
      );
    const walk = xmlWalk(path.steps);
    const identify = elementIdentifierConvert(scope.compiler.vocabulary);
    const { targets } = target;
    const collect = (run: Run, list: unknown[] | undefined): unknown[] | undefined => {
      const found = list ?? [];
      if (!run.element) return list;
      walk(run.document, run.element, (element) => {
        if (!isElsewhere(run.document, element)) return false;
        const identifier = identify(run, element.start, element.end);
        if (identifier === undefined) return false;
        const reference = { identifier } as FhirObject;
        run.awaited.push({ reference, targets });
        found.push(reference);
        return false;
      });
      return found.length === 0 ? undefined : found;
    };
    if (target.type === 'Reference') return { read: (run) => collect(run, undefined)?.[0], collect };
    return single((run) => {
      const { document, element: from } = run;
      return from && walk(document, from, (element) => isElsewhere(document, element))
        ? 'elsewhere'
        : undefined;
    });
  },
  /** The document as it was received, for an attachment or a Binary: `data: source()`. */
  source: (call, target, scope) => {
    if (target.type === 'base64Binary')
      return single(({ document: { bytes } }) =>
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64'),
      );
    return mistake(scope, call.offset, 'MAPPING_FUNCTION', 'source() is a base64Binary', 'use it for data:');
  },
  /** A whole number that is so much less, never below 0: `repeatNumber | less(1)`. */
  less: (call, target, scope, modifiers) => {
    const by = Number(word(call, scope));
    const value = call.input && scope.compileValue(call.input, target, scope, modifiers);
    if (!value || !(by > 0) || !/^(?:unsignedInt|positiveInt|integer)$/.test(target.type))
      return mistake(
        scope,
        call.offset,
        'MAPPING_FUNCTION',
        'less gives a whole number that is so much less',
        'write for instance repeatNumber | less(1)',
      );
    const least = target.type === 'positiveInt' ? 1 : 0;
    return single((run) => {
      const number = value.read(run);
      return typeof number === 'number' ? Math.max(least, number - by) : undefined;
    });
  },
  /** Says why there is no value: `code ?? (code/@nullFlavor | absent)`. */
  absent: (call, target, scope) => {
    const flavor = call.input && compileText(call.input, scope, 'read');
    if (!flavor || !/^[A-Z]/.test(target.type) || target.type === 'Reference')
      return mistake(
        scope,
        call.offset,
        'MAPPING_FUNCTION',
        'absent gives a value of a complex type its reason not to be there',
        'write for instance code: code ?? (code/@nullFlavor | absent)',
      );
    return single((run) => {
      const code = flavor(run);
      if (code === undefined) return undefined;
      return { extension: [{ url: absentReason, valueCode: reasons.get(code) ?? 'unknown' }] };
    });
  },
};

/** What steps made of elements between two places, in the order of the document. */
function madeBetween(run: Run, start: number, end: number): Mapped[] {
  const { made } = run;
  if (run.madeInOrder.length !== made.length) run.madeInOrder = made.toSorted((a, b) => a.start - b.start);
  const list = run.madeInOrder;
  let low = 0;
  for (let high = list.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((list[middle]?.start ?? 0) < start) low = middle + 1;
    else high = middle;
  }
  const found: Mapped[] = [];
  for (let one = list[low]; one && one.start < end; one = list[++low]) found.push(one.mapped);
  return found;
}
