import { EngineError } from '#kernel';
import type { RowPlace } from './search-candidates.js';

/**
 * Where a page ended: in which of the types, and by row number, by id where the index is in the order of ids, by the last
 * change where the order is that of time, or by what it was sorted by. None of these changes while others write, except the times and values
 * that a sorted search looks at.
 */
export type PagePlace = { readonly type: number } & (
  | RowPlace
  | { readonly by: 'sort'; readonly keys: readonly (string | number | null)[]; readonly rid: number }
);

/** The text of a place for a next link. */
export function formatPlace(place: PagePlace): string {
  const type = place.type === 0 ? '' : `${place.type}.`;
  if (place.by === 'rid') return `${type}r${place.rid}`;
  if (place.by === 'id') return `${type}i${place.id}`;
  if (place.by === 'time') return `${type}t${place.lastUpdatedMs}-${place.rid}`;
  return `s${Buffer.from(JSON.stringify([...place.keys, place.rid])).toString('base64url')}`;
}

const PLACE =
  /^(?:(\d{1,3})\.)?(?:r(\d{1,15})|i([A-Za-z0-9\-.]{0,64})|s([A-Za-z0-9_-]{1,4000})|t(\d{1,15})-(\d{1,15}))$/;

/** Reads the text of `formatPlace`. Throws `rejected` SEARCH_VALUE_INVALID. */
export function parsePlace(text: string): PagePlace {
  const match = PLACE.exec(text);
  const type = Number(match?.[1] ?? 0);
  if (match?.[2] !== undefined) return { type, by: 'rid', rid: Number(match[2]) };
  if (match?.[3] !== undefined) return { type, by: 'id', id: match[3] };
  if (match?.[4] !== undefined) {
    const keys = sortKeys(match[4]);
    const rid = keys?.at(-1);
    if (keys !== undefined && typeof rid === 'number')
      return { type, by: 'sort', keys: keys.slice(0, -1), rid };
  }
  if (match?.[5] !== undefined)
    return { type, by: 'time', lastUpdatedMs: Number(match[5]), rid: Number(match[6]) };
  throw new EngineError(
    'rejected',
    'SEARCH_VALUE_INVALID',
    "'_page' comes from a next link of this server only",
    { cause: { at: 'http._page' } },
  );
}

function sortKeys(text: string): (string | number | null)[] | undefined {
  try {
    const keys: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return Array.isArray(keys) &&
      keys.every((key) => key === null || ['string', 'number'].includes(typeof key))
      ? (keys as (string | number | null)[])
      : undefined;
  } catch {
    return undefined; // not ours
  }
}
