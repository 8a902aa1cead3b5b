import type { ElementRule, RuleBody } from '../language/mapping-file.js';
import type { Place } from '../language/place.js';
import type { Scope } from './scope.js';

/** Rules of one element, brought together: `referenceRange.low` and `referenceRange.text` make one referenceRange. */
export interface ElementGroup {
  readonly name: string;
  readonly bodies: RuleBody[];
  readonly place: Place;
}

/** Groups rules by their first step; what follows it becomes an object of its own. */
export function groupRules(rules: readonly ElementRule[], scope: Scope): ElementGroup[] {
  const groups = new Map<
    string,
    { name: string; bodies: RuleBody[]; place: Place; nested: Map<string, ElementRule[]> }
  >();
  for (const rule of rules) {
    const [step, ...rest] = rule.steps;
    if (!step) continue;
    let group = groups.get(step.name);
    if (!group) {
      group = { name: step.name, bodies: [], place: rule.place, nested: new Map() };
      groups.set(step.name, group);
    }
    if (rest.length === 0 && step.url === undefined) {
      if (group.bodies.length > 0)
        scope.problems.add(
          rule.place,
          'MAPPING_DUPLICATE_RULE',
          `${rule.path} has two rules`,
          'make one list of them',
        );
      group.bodies.push(rule.body);
      continue;
    }
    const nested = group.nested.get(step.url ?? '') ?? [];
    nested.push({ ...rule, steps: rest });
    group.nested.set(step.url ?? '', nested);
  }
  return [...groups.values()].map(({ name, bodies, place, nested }) => {
    for (const [url, set] of nested) bodies.push(nestedObject(url, set, set[0]?.place ?? place));
    return { name, bodies, place };
  });
}

function nestedObject(url: string, set: ElementRule[], place: Place): RuleBody {
  if (url === '') return { kind: 'object', set, place };
  const rule: ElementRule = {
    path: 'url',
    steps: [{ name: 'url', url: undefined }],
    body: { kind: 'constant', value: url, place },
    place,
  };
  return { kind: 'object', set: [rule, ...set], place };
}
