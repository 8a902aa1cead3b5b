import type { Leaf } from './expression.js';
import { numberOf } from './number-query.js';
import { foldText, textsOf } from './string-query.js';
import { tokensOf } from './token-query.js';

/** What a value is sorted by, times apart: its number, its folded text, its code, or where it points; null where it says none. */
export function sortValueOf(value: unknown, leaf: Leaf): string | number | null {
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
