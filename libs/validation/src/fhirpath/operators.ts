import { type FhirValue } from '#fhir';
import { distinct, isSameItem, numberOf, order } from './compare.js';
import { type Item, no, nothing, text, truth, written, yes } from './item.js';

type Items = readonly Item[];
/** The right side is a function, so that it is not looked at where the left side decides. */
type Operator = (left: Items, right: () => Items) => Items;

/** A collection as a truth value: one item that is no boolean counts as true, nothing as unknown. */
export function truthOf(items: Items): boolean | undefined {
  const [first] = items;
  if (!first) return undefined;
  return typeof first.value === 'boolean' && items.length === 1 ? first.value : true;
}

function equal(left: Items, right: Items): boolean | undefined {
  if (left.length === 0 || right.length === 0) return undefined;
  return left.length === right.length && left.every((item, index) => isSameItem(item, right[index] ?? item));
}

const known = (value: boolean | undefined): Items => (value === undefined ? nothing : truth(value));

const compared =
  (holds: (order: number) => boolean): Operator =>
  (left, right) => {
    const [a, b] = [left[0], right()[0]];
    const found = a && b && order(a, b);
    return found === undefined ? nothing : truth(holds(found));
  };

const textOf = (items: Items): string => (items[0] ? written(items[0]) : '');

function calculated(sign: 1 | -1): Operator {
  return (left, right) => {
    const [a, b] = [left[0], right()[0]];
    if (!a || !b) return nothing;
    const [x, y] = [numberOf(a), numberOf(b)];
    if (x !== undefined && y !== undefined) return [{ value: x + sign * y, type: 'decimal' }];
    if (sign === 1 && typeof a.value === 'string' && typeof b.value === 'string')
      return text(a.value + b.value);
    return nothing;
  };
}

const has = (items: Items, wanted: Item | undefined): Items => {
  if (!wanted) return nothing;
  return truth(items.some((item) => isSameItem(item, wanted)));
};

function equivalent(left: Items, right: Items): boolean {
  const plain = (value: FhirValue | undefined): FhirValue | undefined =>
    typeof value === 'string' ? value.trim().replace(/\s+/g, ' ').toLowerCase() : value;
  const same = (a: Item, b: Item): boolean =>
    isSameItem({ ...a, value: plain(a.value) }, { ...b, value: plain(b.value) });
  return left.length === right.length && left.every((a) => right.some((b) => same(a, b)));
}

/** The operators of FHIRPath N1, section 6. */
export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['=', (left, right) => known(equal(left, right()))],
  [
    '!=',
    (left, right) => {
      const same = equal(left, right());
      return known(same === undefined ? undefined : !same);
    },
  ],
  ['~', (left, right) => truth(equivalent(left, right()))],
  ['!~', (left, right) => truth(!equivalent(left, right()))],
  ['<', compared((found) => found < 0)],
  ['<=', compared((found) => found <= 0)],
  ['>', compared((found) => found > 0)],
  ['>=', compared((found) => found >= 0)],
  ['|', (left, right) => distinct([...left, ...right()])],
  ['&', (left, right) => text(textOf(left) + textOf(right()))],
  ['+', calculated(1)],
  ['-', calculated(-1)],
  ['in', (left, right) => has(right(), left[0])],
  ['contains', (left, right) => has(left, right()[0])],
  [
    'and',
    (left, right) => {
      const a = truthOf(left);
      if (a === false) return no;
      const b = truthOf(right());
      if (b === false) return no;
      return a === undefined || b === undefined ? nothing : yes;
    },
  ],
  [
    'or',
    (left, right) => {
      const a = truthOf(left);
      if (a === true) return yes;
      const b = truthOf(right());
      if (b === true) return yes;
      return a === undefined || b === undefined ? nothing : no;
    },
  ],
  [
    'xor',
    (left, right) => {
      const [a, b] = [truthOf(left), truthOf(right())];
      return a === undefined || b === undefined ? nothing : truth(a !== b);
    },
  ],
  [
    'implies',
    (left, right) => {
      const a = truthOf(left);
      if (a === false) return yes;
      const b = truthOf(right());
      if (b === true) return yes;
      return a === undefined || b === undefined ? nothing : no;
    },
  ],
]);
