import type { MapStep } from './mapping-file.js';
import type { NamedRule } from './patch-rules.js';

/** `PATIENT_RESULT/v2.PID.Patient`: the groups around a step and the map it runs, or the group it goes through. */
function stepName(step: MapStep, around: string): string {
  if (step.kind === 'create') return around + step.map;
  return around + (step.kind === 'each' ? step.group : `maps ${step.path}`);
}

/** The names of steps and of those in them; steps that run one map in one place share their name. */
export function namedSteps(steps: readonly MapStep[], around = ''): NamedRule[] {
  return steps.flatMap((step) => {
    const name = stepName(step, around);
    const inner = step.kind === 'each' ? namedSteps(step.steps, `${name}/`) : [];
    return [{ name, place: step.place }, ...inner];
  });
}

/** The steps without those of that name, with all that stands in them; undefined when there is none. */
export function withoutStep(steps: readonly MapStep[], name: string, around = ''): MapStep[] | undefined {
  let found = false;
  const rest = steps.flatMap((step): MapStep[] => {
    const own = stepName(step, around);
    if (own === name) {
      found = true;
      return [];
    }
    const inner = step.kind === 'each' ? withoutStep(step.steps, name, `${own}/`) : undefined;
    if (step.kind !== 'each' || !inner) return [step];
    found = true;
    return [{ ...step, steps: inner }];
  });
  return found ? rest : undefined;
}

/** More steps behind the others; those over a group that is gone through already are done there, behind its own. */
export function withSteps(steps: readonly MapStep[], more: readonly MapStep[]): MapStep[] {
  const all = [...steps];
  for (const step of more) {
    const at = all.findIndex(
      (one) =>
        one.kind === 'each' &&
        step.kind === 'each' &&
        one.group === step.group &&
        (step.as === undefined || step.as === one.as),
    );
    const same = all[at];
    if (same?.kind === 'each' && step.kind === 'each')
      all[at] = { ...same, steps: withSteps(same.steps, step.steps) };
    else all.push(step);
  }
  return all;
}
