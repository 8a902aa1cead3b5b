import { Decimal, type FhirValue } from '#fhir';
import { type Item, isObject } from './item.js';

export function numberOf(item: Item | undefined): number | undefined {
  const value = item?.value;
  if (value instanceof Decimal) return value.toNumber();
  return typeof value === 'number' ? value : undefined;
}

/** Equal as FHIRPath has it: numbers by value, objects by content. */
export function isSame(a: FhirValue | undefined, b: FhirValue | undefined): boolean {
  if (a === b) return true;
  if (a instanceof Decimal || b instanceof Decimal) {
    const [left, right] = [a instanceof Decimal ? a.toNumber() : a, b instanceof Decimal ? b.toNumber() : b];
    return left === right;
  }
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => isSame(a[name], b[name]));
}

export const isSameItem = (a: Item, b: Item): boolean => isSame(a.value, b.value);

/** Items without those that are equal to one before. Quick for texts, of which there may be thousands. */
export function distinct(items: readonly Item[]): Item[] {
  const seen = new Set<FhirValue | undefined>();
  const others: Item[] = [];
  return items.filter((item) => {
    if (typeof item.value === 'string') return !seen.has(item.value) && seen.add(item.value);
    return !others.some((other) => isSameItem(other, item)) && others.push(item);
  });
}

const moments = new Set(['date', 'dateTime', 'instant', 'time']);

/** Below, equal, above: -1, 0, 1; undefined where they cannot be compared. */
export function order(a: Item, b: Item): number | undefined {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined && right !== undefined) return Math.sign(left - right);
  if (isObject(a.value) && isObject(b.value)) return orderOfQuantities(a.value, b.value);
  if (typeof a.value !== 'string' || typeof b.value !== 'string') return undefined;
  if (moments.has(a.type) || moments.has(b.type)) return orderOfMoments(a.value, b.value);
  return a.value < b.value ? -1 : Number(a.value > b.value);
}

function orderOfQuantities(
  a: { [name: string]: FhirValue },
  b: { [name: string]: FhirValue },
): number | undefined {
  if (a['code'] !== b['code'] || a['system'] !== b['system']) return undefined;
  // A unit that has a code is called as one likes.
  if (a['code'] === undefined && a['unit'] !== b['unit']) return undefined;
  const [left, right] = [a['value'], b['value']].map((value) => numberOf({ value, type: 'decimal' }));
  return left === undefined || right === undefined ? undefined : Math.sign(left - right);
}

/** Moments of different precision have an order only where the shorter one differs (FHIRPath N1, section 6.2). */
function orderOfMoments(a: string, b: string): number | undefined {
  if (a.length > 10 && b.length > 10) {
    const [left, right] = [Date.parse(a), Date.parse(b)];
    if (!Number.isNaN(left) && !Number.isNaN(right)) return Math.sign(left - right);
  }
  const shared = Math.min(a.length, b.length, a.length === b.length ? a.length : 10);
  const [left, right] = [a.slice(0, shared), b.slice(0, shared)];
  if (left !== right) return left < right ? -1 : 1;
  return a.length === b.length ? 0 : undefined;
}
