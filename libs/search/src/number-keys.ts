import type { Span } from './value-query.js';

/**
 * Index keys for numbers, so that a range is found by equality. Cells are numbers of two digits (5.4 to 5.5, 540 to 550) and their
 * decades; what lies nearer to 0 than 1e-9, and what is beyond 1e15, is one cell. A value has the keys of both cells; one that no cell
 * holds (a Range) has, from the smallest that does, a `+` key: "somewhere in here". A query looks up the largest cells that it covers.
 */
const DECADE = 90;
const FIRST_POWER = -9;
const LAST_POWER = 14;
/** Place of the cell of all larger numbers; those of negative ones have a minus, 0 is around zero. */
const BEYOND = (LAST_POWER - FIRST_POWER + 1) * DECADE + 1;
const ANY = '#+';

/** The place of the small cell that holds a number, by its digits: the noise of floating point decides nothing. */
function placeOf(value: number): number {
  const size = Math.abs(value);
  if (size >= 10 ** (LAST_POWER + 1)) return Math.sign(value) * BEYOND;
  const [digits = '', power = '0'] = size.toExponential(13).split('e');
  const first = Number(power) - FIRST_POWER;
  if (size === 0 || first < 0) return 0;
  const place = first * DECADE + Math.trunc(Number(digits) * 10 + 1e-9) - 9;
  return Math.sign(value) * Math.min(place, BEYOND);
}

/** The decade that holds a place; places beyond and around zero are decades by themselves. */
function decadeOf(place: number): number {
  return Math.sign(place) * Math.ceil(Math.abs(place) / DECADE);
}

/** The keys of a value that spans `span`. */
export function numberKeysOfValue({ low, high }: Span): string[] {
  const [from, to] = [placeOf(low), placeOf(high)];
  const decade = decadeOf(from);
  if (from === to) return [`#${from}`, `#d${decade}`];
  return decade === decadeOf(to) ? [`#d${decade}`, `#d${decade}+`] : [ANY];
}

/** The keys that a value which overlaps with `span` may have. */
export function numberKeysOfQuery({ low, high }: Span): string[] {
  const keys = [ANY];
  const last = placeOf(high);
  for (let place = placeOf(low); place <= last; ) {
    const decade = decadeOf(place);
    const end = endOf(decade);
    if (isStart(place, decade) && end <= last) {
      keys.push(`#d${decade}`);
      place = end + 1;
      continue;
    }
    keys.push(`#d${decade}+`);
    for (; place <= Math.min(end, last); place++) keys.push(`#${place}`);
  }
  return keys;
}

/** The last place of a decade, upwards. */
function endOf(decade: number): number {
  if (decade === 0) return 0;
  return decade > 0 ? Math.min(decade * DECADE, BEYOND) : (decade + 1) * DECADE - 1;
}

function isStart(place: number, decade: number): boolean {
  if (decade === 0) return true;
  return place === (decade > 0 ? (decade - 1) * DECADE + 1 : Math.max(decade * DECADE, -BEYOND));
}
