import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FhirObject } from '#fhir';
import { Run } from '../run/run.js';
import { LiveRules } from './live-rules.js';
import { noNeed } from './need.js';
import {
  type SetRule,
  unrolledCollect,
  unrolledFill,
  unrolledRead,
  unrolledSet,
  unrolledSetFirst,
  unrolledSteps,
} from './unrolled.js';

const seed = 20_261;

/** What a rule does: gives a value, gives nothing, or finds `""`. */
const deed = fc.record({
  value: fc.option(fc.integer(), { nil: undefined }),
  nulled: fc.boolean(),
  constant: fc.boolean(),
  isDirect: fc.boolean(),
});
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

/** Notes the number of the rule at work with each value, so that an unrolled function must set it as the loop does. */
function ruleOf({ value, nulled, constant, isDirect }: Deed, n: number): SetRule {
  const name = `it's "${n}"\\\u2028`;
  const read = (run: Run): unknown => {
    if (value === undefined) run.nulled = nulled;
    return value === undefined ? undefined : [value, run.rule];
  };
  const set = (run: Run, target: FhirObject): boolean => {
    const one = read(run);
    if (one === undefined) return false;
    target[name] = one as number[];
    return true;
  };
  return { set, constant, rule: n + 1, element: name, direct: isDirect ? { name, read } : undefined };
}

function looped(rules: readonly SetRule[], removes: boolean): unknown {
  const run = new Run();
  const target: FhirObject = {};
  const removals: string[] = [];
  let valued = false;
  for (const { set, rule, element, constant } of rules) {
    run.rule = rule;
    run.nulled = false;
    if (set(run, target)) valued ||= !constant;
    else if (run.nulled && removes) removals.push(element);
  }
  return { target, removals, valued };
}

describe('rules as one function', () => {
  test('fill a resource as one after the other does', () => {
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 20 }), fc.boolean(), (deeds, removes) => {
        const rules = deeds.map(ruleOf);
        const target: FhirObject = {};
        const owner = { removals: [] as string[] };
        const valued = unrolledFill(rules, removes)(new Run(), target, owner);
        expect({ target, removals: owner.removals, valued }).toEqual(looped(rules, removes));
      }),
      { seed },
    );
  });

  test('set members, the first of several, or all of a list', () => {
    const run = new Run();
    const [nothing, constant, valued] = (
      [
        { value: undefined, nulled: false, constant: false, isDirect: true },
        { value: 1, nulled: false, constant: true, isDirect: true },
        { value: 2, nulled: false, constant: false, isDirect: false },
      ] as const
    ).map(ruleOf) as [SetRule, SetRule, SetRule];
    expect(unrolledSet([nothing, constant])(run, {})).toBe(false);
    expect(unrolledSet([constant, valued])(run, {})).toBe(true);
    const target: FhirObject = {};
    expect(unrolledSetFirst([nothing, constant, valued])(run, target)).toBe(true);
    expect(Object.keys(target)).toEqual([constant.element]);
    const give = (value: unknown) => ({
      read: () => value,
      collect: (_: Run, list: unknown[] | undefined) =>
        value === undefined ? list : [...(list ?? []), value],
    });
    expect(unrolledRead([give(undefined), give(3), give(4)])(run)).toBe(3);
    expect(unrolledRead([give(undefined)])(run)).toBeUndefined();
    expect(unrolledCollect([give(3), give(undefined), give(4)])(run, undefined)).toEqual([3, 4]);
    expect(unrolledCollect([give(undefined)])(run, undefined)).toBeUndefined();
  });

  test('do the steps whose segments are there', () => {
    const done: number[] = [];
    const steps = [1, 2, 4].map((segments) => ({
      segments,
      run: (_run: Run, _group: undefined) => void done.push(segments),
    }));
    const run = new Run();
    run.segmentBits = 5;
    unrolledSteps(steps)(run, undefined);
    expect(done).toEqual([1, 4]);
  });

  test('are not used while lineage is asked for', () => {
    const rules = new LiveRules([{ need: noNeed }], () => 'one function');
    const run = new Run();
    for (let n = 0; n <= 1_000; n++) rules.unrolled(run);
    expect(rules.unrolled(run)).toBe('one function');
    run.lineage = {} as never;
    expect(rules.unrolled(run)).toBeUndefined();
  });
});
