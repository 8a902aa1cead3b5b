import { spanOfTime } from './date-query.js';
import type { Leaf } from './expression.js';
import { numberOf } from './number-query.js';
import type { SearchKind } from './search-parameters.js';
import { foldText, textsOf } from './string-query.js';
import { tokensOf } from './token-query.js';

/**
 * What a value of a parameter of `kind` is sorted by: its time (the end of a span when the order goes down), its number, its folded
 * text, its code, or where it points; null where it says none.
 */
export function sortKeyOf(
  kind: SearchKind,
  descending: boolean,
  value: unknown,
  leaf: Leaf,
): string | number | null {
  return kind === 'date' ? timeKey(value, descending) : valueKey(value, leaf);
}

function timeKey(value: unknown, descending: boolean): number | null {
  const span = spanOfTime(value);
  if (span === undefined) return null;
  const key = descending ? span.high : span.low;
  return Number.isFinite(key) ? key : Math.sign(key) * Number.MAX_SAFE_INTEGER;
}

function valueKey(value: unknown, leaf: Leaf): string | number | null {
  if (typeof value === 'string') return foldText(value);
  const number = numberOf(value);
  if (number !== undefined) return number;
  let text: string | undefined;
  if (leaf.type === 'HumanName' || leaf.type === 'Address') {
    textsOf(value, (one) => {
      text ??= foldText(one);
    });
    return text ?? null;
  }
  const { value: own, reference } = value as { value?: unknown; reference?: unknown };
  if (typeof reference === 'string') return reference;
  tokensOf(value, leaf, (token) => {
    text ??= token.value;
  });
  return text ?? numberOf(own) ?? null;
}
