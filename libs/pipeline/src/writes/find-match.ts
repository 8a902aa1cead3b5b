import { EngineError } from '#kernel';
import type { QueryPair } from '#search';
import type { ResourceReader, ResourceVersion } from '#store';

export type LiveVersion = ResourceVersion & { readonly deleted: false };

/** What shapes an answer and chooses nothing; modifiers left out. */
const choosingNothing = new Set([
  '_count',
  '_elements',
  '_include',
  '_page',
  '_revinclude',
  '_sort',
  '_summary',
  '_total',
  '_type',
]);

/**
 * A condition as pairs. Throws `rejected` SEARCH_VALUE_INVALID for none, and for a parameter that chooses nothing: a search skips one without
 * a value, but what is written or deleted under `identifier=` would be whatever there is.
 */
export function pairsOf(criteria: string, at: string): QueryPair[] {
  const pairs = [...new URLSearchParams(criteria)].filter(([name]) => name !== '_format');
  const refuse = (problem: string): EngineError =>
    new EngineError('rejected', 'SEARCH_VALUE_INVALID', `a condition ${problem}`, { cause: { at } });
  if (pairs.length === 0) throw refuse('needs a search parameter');
  for (const [name, value] of pairs) {
    const shown = name.slice(0, 64);
    if (value.trim() === '')
      throw refuse(`needs a value for '${shown}'; without one it would match everything`);
    if (choosingNothing.has(name.split(':', 1)[0] ?? ''))
      throw refuse(`takes only what chooses resources, which '${shown}' does not`);
  }
  return pairs;
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
