import type { Leaf } from './expression.js';

/** What a value of a resource must be like. */
export type Test = (value: unknown, leaf: Leaf) => boolean;

/** One alternative of a parameter. */
export interface ValueQuery {
  readonly test: Test;
  /** Index keys (`index-keys.ts`): whatever passes the test has one of them. Undefined: no index serves. */
  readonly keys: readonly string[] | undefined;
  /** Of references: a resource of this server that is asked for. */
  readonly target?: Target | undefined;
  /** Of times: what every value that passes overlaps with. */
  readonly reach?: Span | undefined;
}

/** A resource of this server; without a type it is any that has the id. */
export interface Target {
  readonly type: string | undefined;
  readonly id: string;
}

/** What a query may need to know beside its text. */
export interface QueryContext {
  /** The address under which this server is asked, so that absolute references to it are understood. */
  readonly ownUrl?: string | undefined;
  /** For the prefix `ap` of dates; where it is missing (subscriptions: time goes on) the prefix is refused. */
  readonly nowMs?: number | undefined;
  /** The codes of a value set that this server has, by system; for `:in`. */
  readonly valueSet?: ((url: string) => ReadonlyMap<string, ReadonlySet<string>> | undefined) | undefined;
}

export type Prefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap';

const PREFIX = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)(?=[\d.+-])/;

/** The prefix of an ordered value and what follows it (R4 search, section 3.1.1.4.5). */
export function cutPrefix(text: string): [prefix: Prefix, rest: string] {
  const match = PREFIX.exec(text);
  return match ? [match[1] as Prefix, text.slice(2)] : ['eq', text];
}

/** Values from `low` to `high`. Of times the end is excluded, of numbers it is included. */
export interface Span {
  readonly low: number;
  readonly high: number;
}

/**
 * True when `target` is as `prefix` says of `query` (R4 search, section 3.1.1.4.5): `eq` contains it, `gt` and `lt` overlap with
 * what lies above and below, `sa` and `eb` lie there as a whole. The ends of `query` count as outside of it for what is above.
 */
export function spanMatches(prefix: Prefix, query: Span, target: Span): boolean {
  const within = target.low >= query.low && target.high <= query.high;
  switch (prefix) {
    case 'eq':
      return within;
    case 'ne':
      return !within;
    case 'gt':
      return target.high > query.high;
    case 'lt':
      return target.low < query.low;
    case 'ge':
      return within || target.high > query.high;
    case 'le':
      return within || target.low < query.low;
    case 'sa':
      return target.low >= query.high;
    case 'eb':
      return target.high <= query.low;
    case 'ap':
      return target.low < query.high && target.high > query.low;
  }
}
