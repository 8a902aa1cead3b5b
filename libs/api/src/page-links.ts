import type { HttpRequest } from './http-exchange.js';
import { generalPairs } from './representation.js';

type Pair = readonly [name: string, value: string];

/** A link of a Bundle. */
export interface PageLink {
  readonly relation: 'self' | 'next';
  readonly url: string;
}

/**
 * The self link, with the parameters that were followed, and the next link, if there is a next page. Both keep what shapes the answer: pages
 * have one shape.
 */
export function pageLinks(
  request: HttpRequest,
  url: string,
  followed: readonly Pair[],
  next?: string,
): PageLink[] {
  const shape = generalPairs(request).filter(([general]) => followed.every(([name]) => name !== general));
  const all = [...followed, ...shape];
  const links: PageLink[] = [{ relation: 'self', url: withQuery(url, all) }];
  if (next !== undefined) links.push({ relation: 'next', url: withQuery(url, [...all, ['_page', next]]) });
  return links;
}

function withQuery(url: string, pairs: readonly Pair[]): string {
  if (pairs.length === 0) return url;
  return `${url}?${new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString()}`;
}
