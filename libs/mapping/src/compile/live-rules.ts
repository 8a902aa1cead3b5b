import type { Run } from '../run/run.js';
import { bitsOf, isMet, type Need } from './need.js';

/** So many different presences are kept; results of one laboratory have a few. */
const choicesMax = 8;

interface Choice<T> {
  readonly valued: number;
  readonly segments: number;
  readonly names: number;
  readonly rules: readonly T[];
}

/** Rules of which only those are run that find what they need. Which ones these are is worked out once for each presence. */
export class LiveRules<T extends { readonly need: Need }> {
  readonly #rules: readonly T[];
  readonly #valued: number;
  readonly #segments: number;
  readonly #names: number;
  /** All of them are run always. */
  readonly #isPlain: boolean;
  #choices: Choice<T>[] = [];
  #last: Choice<T> | undefined;

  constructor(rules: readonly T[]) {
    this.#rules = rules;
    const bits = (kind: 'field' | 'segment' | 'name') =>
      rules.reduce((sum, { need }) => sum | bitsOf(need, kind), 0);
    this.#valued = bits('field');
    this.#segments = bits('segment');
    this.#names = bits('name');
    this.#isPlain = rules.every(({ need }) => need.kind === 'nothing');
  }

  /** Those that may give something, in their order. */
  of(run: Run): readonly T[] {
    if (this.#isPlain) return this.#rules;
    const valued = run.segment?.valued ?? run.element?.bits ?? -1;
    const fields = valued & this.#valued;
    const segments = run.segmentBits & this.#segments;
    const names = run.nameBits & this.#names;
    const last = this.#last;
    if (last && last.valued === fields && last.segments === segments && last.names === names)
      return last.rules;
    for (const one of this.#choices) {
      if (one.valued !== fields || one.segments !== segments || one.names !== names) continue;
      this.#last = one;
      return one.rules;
    }
    return this.#choose(fields, segments, names);
  }

  #choose(valued: number, segments: number, names: number): readonly T[] {
    const there = { valued, segments, names };
    const rules = this.#rules.filter(({ need }) => isMet(need, there));
    if (this.#choices.length === choicesMax) this.#choices.shift();
    this.#last = { ...there, rules };
    this.#choices.push(this.#last);
    return rules;
  }
}
