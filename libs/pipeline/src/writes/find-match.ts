import { EngineError } from '#kernel';
import type { QueryPair } from '#search';
import type { ResourceReader, ResourceVersion } from '#store';

export type LiveVersion = ResourceVersion & { readonly deleted: false };

/** A condition as pairs. Throws `rejected` SEARCH_VALUE_INVALID for none. */
export function pairsOf(criteria: string, at: string): QueryPair[] {
  const pairs = [...new URLSearchParams(criteria)].filter(([name]) => name !== '_format');
  if (pairs.length > 0) return pairs;
  throw new EngineError('rejected', 'SEARCH_VALUE_INVALID', 'a condition needs a search parameter', {
    cause: { at },
  });
}

/**
 * At most `most` stored resources that match. Throws `rejected` SEARCH_TOO_COSTLY where a search gave up before it knew: nobody may take that
 * for "there is none".
 */
export async function findMatches(
  reader: ResourceReader,
  type: string,
  pairs: readonly QueryPair[],
  { ownUrl, most }: { readonly ownUrl: string | undefined; readonly most: number },
): Promise<LiveVersion[]> {
  const asked = [...pairs, ['_count', String(most)]] as const;
  const { matches, next } = await reader.search(type, asked, { lenient: false, ownUrl });
  if (next !== undefined && matches.length < most)
    throw new EngineError(
      'rejected',
      'SEARCH_TOO_COSTLY',
      'too many resources would have to be looked at to answer the condition; use one that leads to few, as an identifier does',
    );
  return matches.filter((match): match is LiveVersion => !match.deleted);
}

/** The one; undefined: there is none. Throws `rejected` CONDITION_AMBIGUOUS for several. */
export function onlyOf<T>([one, other]: readonly T[], at: string): T | undefined {
  if (other === undefined) return one;
  throw new EngineError(
    'rejected',
    'CONDITION_AMBIGUOUS',
    'more than one resource matches the condition; make it narrower',
    { cause: { at } },
  );
}
