import { invalidValue, parametersOf, type SearchParameter, sortKeyOf } from '#search';

/** One key of `_sort`. */
export interface SortRule {
  readonly descending: boolean;
  /** `_id`, `_lastUpdated`: of the row. */
  readonly parameter: '_id' | '_lastUpdated' | SearchParameter;
}

export type SortKey = string | number | null;

const MAX_RULES = 5;

/** Reads `_sort`: names of parameters, a minus before those that go down. Throws `rejected` SEARCH_VALUE_INVALID. */
export function parseSort(text: string, types: readonly string[]): SortRule[] {
  const [type, ...others] = types;
  const names = text.split(',').filter((name) => name !== '');
  if (type === undefined || others.length > 0) throw invalidValue('_sort', 'sorts one resource type only');
  if (names.length > MAX_RULES) throw invalidValue('_sort', `takes at most ${MAX_RULES} names`);
  return names.map((name) => {
    const descending = name.startsWith('-');
    const plain = descending ? name.slice(1) : name;
    if (plain === '_id' || plain === '_lastUpdated') return { descending, parameter: plain };
    const parameter = parametersOf(type).get(plain);
    if (parameter === undefined || parameter.kind === 'composite') {
      throw invalidValue('_sort', `takes names of search parameters of ${type}, _id and _lastUpdated`);
    }
    return { descending, parameter };
  });
}

/** What a resource is sorted by; null where it says nothing. */
export function sortKeysOf(
  rules: readonly SortRule[],
  row: { readonly id: string; readonly lastUpdatedMs: number },
  resource: object,
): SortKey[] {
  return rules.map(({ parameter, descending }) => {
    if (parameter === '_id') return row.id;
    if (parameter === '_lastUpdated') return row.lastUpdatedMs;
    let best: SortKey = null;
    parameter.extract(resource, (value, leaf) => {
      const key = sortKeyOf(parameter.kind, descending, value, leaf);
      if (key !== null && (best === null || compareKeys(key, best) * (descending ? -1 : 1) < 0)) best = key;
    });
    return best;
  });
}

/** The order of a sorted search; what has no value comes last either way, and equals go by row number. */
export function compareSorted(
  rules: readonly SortRule[],
  a: { readonly keys: readonly SortKey[]; readonly rid: number },
  b: { readonly keys: readonly SortKey[]; readonly rid: number },
): number {
  for (const [at, { descending }] of rules.entries()) {
    const left = a.keys[at] ?? null;
    const right = b.keys[at] ?? null;
    if (left === null || right === null) {
      if (left !== right) return left === null ? 1 : -1;
      continue;
    }
    const order = compareKeys(left, right);
    if (order !== 0) return descending ? -order : order;
  }
  return a.rid - b.rid;
}

function compareKeys(left: string | number, right: string | number): number {
  if (left === right) return 0;
  if (typeof left !== typeof right) return typeof left === 'number' ? -1 : 1;
  return left < right ? -1 : 1;
}
