type Pair = readonly [name: string, value: string];

/** A link of a Bundle. */
export interface PageLink {
  readonly relation: 'self' | 'next';
  readonly url: string;
}

/** The self link, with the parameters that were followed, and the next link, if there is a next page. */
export function pageLinks(url: string, followed: readonly Pair[], next: string | undefined): PageLink[] {
  const links: PageLink[] = [{ relation: 'self', url: withQuery(url, followed) }];
  if (next !== undefined)
    links.push({ relation: 'next', url: withQuery(url, [...followed, ['_page', next]]) });
  return links;
}

function withQuery(url: string, pairs: readonly Pair[]): string {
  if (pairs.length === 0) return url;
  return `${url}?${new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString()}`;
}
