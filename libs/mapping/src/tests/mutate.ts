import type { MappingProblem } from '../mapping-problem.js';
import { type PreparedTest, PreparedTests } from './run-tests.js';
import { type SwitchedRule, Switches } from './switches.js';

export interface MutationRun {
  readonly rules: number;
  /** Rules that can go without any test noticing. */
  readonly survivors: readonly SwitchedRule[];
  /** Tests must pass, and files be good, before rules are taken away: otherwise nothing was tried. */
  readonly failing: readonly string[];
  readonly errors: readonly MappingProblem[];
}

/** Takes every rule of the mappings under `dir` away in turn and lists those that no test misses. */
export function mutateMappings(
  dir: string,
  onProgress: (done: number, of: number) => void = () => {},
): MutationRun {
  const switches = new Switches();
  const tests = new PreparedTests(dir, switches.on);
  const failing: string[] = [];
  const testsOf = new Map<string, PreparedTest[]>();
  for (const one of tests.list) {
    switches.used = new Set();
    if (tests.run(one).failures.length > 0)
      failing.push(`${one.file}:${one.test.place.line} ${one.test.name}`);
    for (const key of switches.used) {
      const list = testsOf.get(key) ?? [];
      list.push(one);
      testsOf.set(key, list);
    }
  }
  const { rules } = switches;
  if (failing.length + tests.errors.length > 0)
    return { rules: rules.size, survivors: [], failing, errors: tests.errors };
  const survivors: SwitchedRule[] = [];
  let done = 0;
  for (const [key, rule] of rules) {
    onProgress(++done, rules.size);
    const isMissed = switches.without(key, () =>
      (testsOf.get(key) ?? []).some((one) => tests.run(one).failures.length > 0),
    );
    if (!isMissed) survivors.push(rule);
  }
  return { rules: rules.size, survivors, failing, errors: [] };
}
