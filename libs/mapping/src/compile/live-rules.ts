import type { Run } from '../run/run.js';
import { bitsOf, isMet, type Need } from './need.js';

/** So many different presences are kept; results of one laboratory have a few. */
const choicesMax = 8;

/** Rules that were wanted so often get a function of their own. */
const hot = 1_000;

interface Choice<T, F> {
  readonly valued: number;
  readonly segments: number;
  readonly names: number;
  readonly rules: readonly T[];
  wanted: number;
  unrolled: F | undefined;
}

/**
 * Rules of which only those are run that find what they need. Which ones these are is worked out once for each presence.
 * `unroll` makes one function of them that does the same as one after the other, without lineage.
 */
export class LiveRules<T extends { readonly need: Need }, F> {
  readonly #rules: readonly T[];
  readonly #valued: number;
  readonly #segments: number;
  readonly #names: number;
  readonly #unroll: (rules: readonly T[]) => F;
  /** All of them, where all are run always. */
  readonly #whole: Choice<T, F> | undefined;
  #choices: Choice<T, F>[] = [];
  #last: Choice<T, F> | undefined;

  constructor(rules: readonly T[], unroll: (rules: readonly T[]) => F) {
    this.#rules = rules;
    this.#unroll = unroll;
    const bits = (kind: 'field' | 'segment' | 'name') =>
      rules.reduce((sum, { need }) => sum | bitsOf(need, kind), 0);
    this.#valued = bits('field');
    this.#segments = bits('segment');
    this.#names = bits('name');
    if (rules.every(({ need }) => need.kind === 'nothing'))
      this.#whole = { valued: 0, segments: 0, names: 0, rules, wanted: 0, unrolled: undefined };
  }

  /** Those that may give something, in their order. */
  of(run: Run): readonly T[] {
    return this.#choice(run).rules;
  }

  /** The same as one function, where they are wanted often and nobody asks for lineage. */
  unrolled(run: Run): F | undefined {
    if (run.lineage !== undefined) return undefined;
    const choice = this.#choice(run);
    if (choice.unrolled === undefined && ++choice.wanted > hot) choice.unrolled = this.#unroll(choice.rules);
    return choice.unrolled;
  }

  #choice(run: Run): Choice<T, F> {
    if (this.#whole) return this.#whole;
    const there = run.segment?.valued ?? run.element?.bits ?? -1;
    const valued = there & this.#valued;
    const segments = run.segmentBits & this.#segments;
    const names = run.nameBits & this.#names;
    const last = this.#last;
    if (last && last.valued === valued && last.segments === segments && last.names === names) return last;
    for (const one of this.#choices) {
      if (one.valued !== valued || one.segments !== segments || one.names !== names) continue;
      this.#last = one;
      return one;
    }
    return this.#choose(valued, segments, names);
  }

  #choose(valued: number, segments: number, names: number): Choice<T, F> {
    const there = { valued, segments, names };
    const rules = this.#rules.filter(({ need }) => isMet(need, there));
    const choice = { ...there, rules, wanted: 0, unrolled: undefined };
    if (this.#choices.length === choicesMax) this.#choices.shift();
    this.#choices.push(choice);
    this.#last = choice;
    return choice;
  }
}
