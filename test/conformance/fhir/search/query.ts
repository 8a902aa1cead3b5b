import type { TypedValue } from '../../../../libs/search/testing/original-parameters.js';

/** What one value of a resource must be like. */
export type Matches = (value: TypedValue) => boolean;

/** One query on one parameter, with the rule by which brute force answers it. */
export interface Query {
  /** `:exact`, or nothing. */
  readonly modifier: string;
  readonly text: string;
  readonly matches: Matches;
  /** A resource matches when no value does. */
  readonly negated?: boolean;
}

/** Writes a value into a query (R4 search, section 3.1.1.3.1). */
export function escaped(text: string): string {
  return text.replace(/[\\$,|]/g, '\\$&');
}

/** Chooses without chance: the same seed, the same choice. */
export class Chooser {
  constructor(private state: number) {}

  /** A number from 0 to 1, 1 excluded (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** At most `count` different ones. */
  some<T>(from: readonly T[], count: number): T[] {
    const left = [...from];
    const chosen: T[] = [];
    while (chosen.length < count && left.length > 0)
      chosen.push(...left.splice(Math.floor(this.next() * left.length), 1));
    return chosen;
  }
}
