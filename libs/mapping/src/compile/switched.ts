import type { FhirObject } from '#fhir';
import type { Condition } from '../language/expression.js';
import type { Run } from '../run/run.js';
import type { CompiledBody } from './compiled-body.js';
import type { Setter } from './resource-plan.js';

type Switch = Extract<Condition, { kind: 'switch' }>;

/** The body while its switch is on; whoever holds the switch is told when the body had an effect. */
export function switchedBody({ isOn, had }: Switch, inner: CompiledBody): CompiledBody {
  return {
    read: (run) => {
      if (!isOn()) return undefined;
      const failures = run.failures.length;
      const value = inner.read(run);
      if (value !== undefined || hadEffect(run, failures)) had?.();
      return value;
    },
    collect: (run, list) => {
      if (!isOn()) return list;
      const failures = run.failures.length;
      const before = list?.length ?? 0;
      const after = inner.collect(run, list);
      if ((after?.length ?? 0) > before || hadEffect(run, failures)) had?.();
      return after;
    },
    constant: inner.constant,
  };
}

export function switchedSetter({ isOn, had }: Switch, inner: Setter): Setter {
  return (run: Run, target: FhirObject) => {
    if (!isOn()) return false;
    const failures = run.failures.length;
    const isSet = inner(run, target);
    if (isSet || hadEffect(run, failures)) had?.();
    return isSet;
  };
}

/** It gave nothing, but removes an element or failed. */
function hadEffect(run: Run, failures: number): boolean {
  return run.nulled || run.failures.length > failures;
}
