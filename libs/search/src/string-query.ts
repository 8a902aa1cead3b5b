import { unescapeValue } from './query-text.js';
import type { ValueQuery } from './value-query.js';

/** Parts of names and addresses that a search looks at (R4 search, section 3.1.1.4.8). */
const parts = [
  'family',
  'given',
  'prefix',
  'suffix',
  'text',
  'line',
  'city',
  'district',
  'state',
  'postalCode',
  'country',
];

/**
 * A text without what a search does not see: case, accents, punctuation, and how much white space there is (R4 search, section
 * 3.1.1.4.8). Signs that join words are spaces, so that Müller-Lüdenscheidt is found without its hyphen; others are nothing: O'Neil.
 */
export function foldText(text: string): string {
  const folded = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/ß/g, 'ss');
  return PUNCTUATED.test(folded) ? withoutPunctuation(folded) : folded;
}

/** What is no plain word: most texts are, so they are looked at once. */
const PUNCTUATED = /[\p{P}\s]/u;

function withoutPunctuation(folded: string): string {
  return folded
    .replace(/[\p{Pd}\p{Pc}/,]/gu, ' ')
    .replace(/\p{P}/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Calls `emit` for each text of a value. */
export function textsOf(value: unknown, emit: (text: string) => void): void {
  if (typeof value === 'string') emit(value);
  else if (Array.isArray(value)) for (const one of value as unknown[]) textsOf(one, emit);
  else if (typeof value === 'object' && value !== null) {
    for (const name of parts) textsOf((value as Record<string, unknown>)[name], emit);
  }
}

/** Lengths of the beginnings that are in the index; each serves queries up to the next. */
export const prefixLengths = [2, 4, 6, 9] as const;

/** The key that values which begin with `folded` have; undefined for a beginning that is too short for the index. */
function prefixKey(folded: string): string | undefined {
  const length = prefixLengths.findLast((one) => one <= folded.length);
  return length === undefined ? undefined : `^${folded.slice(0, length)}`;
}

/** Reads one value of a string parameter: begins with it, `:contains` it, or is `:exact`ly it. */
export function stringQuery(query: string, modifier: 'exact' | 'contains' | undefined): ValueQuery {
  const wanted = unescapeValue(query);
  const folded = foldText(wanted);
  const matches = (text: string): boolean => {
    if (modifier === 'exact') return text === wanted;
    if (folded === '') return modifier === 'contains' ? text.includes(wanted) : text.startsWith(wanted);
    return modifier === 'contains' ? foldText(text).includes(folded) : foldText(text).startsWith(folded);
  };
  const key = modifier === 'contains' ? undefined : prefixKey(folded);
  return {
    test: (value) => {
      let found = false;
      textsOf(value, (text) => {
        if (!found && matches(text)) found = true;
      });
      return found;
    },
    keys: key === undefined ? undefined : [key],
  };
}

/** `_text` and `_content`: every word asked for stands somewhere in `text`. */
export function containsWords(query: string): (text: string) => boolean {
  const words = foldText(unescapeValue(query)).split(' ');
  return (text) => {
    const folded = foldText(text);
    return words.every((word) => folded.includes(word));
  };
}
