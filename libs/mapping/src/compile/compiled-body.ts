import type { ElementType } from '#fhir';
import type { CollectValues, ReadValue, Target } from './compiled-value.js';

/** A compiled body: one value, or all of them. `constant` says that the message has no part in it. */
export interface CompiledBody {
  readonly read: ReadValue;
  readonly collect: CollectValues;
  readonly constant: boolean;
}

/** What an expression that gives this element must give. */
export function targetOf(element: ElementType, type: string): Target {
  const codes = element.binding
    ? new Set([...element.binding.systems.values()].flatMap((set) => [...set]))
    : undefined;
  return {
    type,
    targets: element.targets,
    codes: codes && codes.size > 0 ? codes : undefined,
    systems: element.binding?.systems,
    simpleQuantity: element.simpleQuantity,
    path: element.path,
  };
}
