import { unescapeValue } from './query-text.js';
import type { ValueQuery } from './value-query.js';

/**
 * Reads one value of a uri parameter (R4 search, section 3.1.1.4.9): the same address, digit for digit; `:below` what begins with it,
 * `:above` what it begins with, both at a `/`. URNs have no above and below.
 */
export function uriQuery(query: string, modifier: 'above' | 'below' | undefined): ValueQuery {
  const wanted = unescapeValue(query);
  if (modifier === undefined) return { test: (value) => value === wanted, keys: [`|${wanted}`] };
  if (modifier === 'below') {
    return { test: (value) => typeof value === 'string' && isBelow(value, wanted), keys: undefined };
  }
  const ancestors = [wanted];
  for (let slash = wanted.lastIndexOf('/'); slash > 0; slash = wanted.lastIndexOf('/', slash - 1)) {
    ancestors.push(wanted.slice(0, slash), wanted.slice(0, slash + 1));
  }
  return {
    test: (value) => typeof value === 'string' && isBelow(wanted, value),
    keys: ancestors.map((one) => `|${one}`),
  };
}

function isBelow(address: string, ancestor: string): boolean {
  if (address === ancestor) return true;
  if (address.startsWith('urn:')) return false;
  return address.startsWith(ancestor.endsWith('/') ? ancestor : `${ancestor}/`);
}
