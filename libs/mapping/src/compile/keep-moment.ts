import { choiceName, type ElementType, type FhirObject } from '#fhir';
import { absentReason } from '../merge-update.js';
import type { Run } from '../run/run.js';
import type { Setter } from './resource-plan.js';

const original = 'http://hl7.org/fhir/StructureDefinition/originalText';

const moments = new Set(['date', 'dateTime', 'instant', 'time']);

/** Members that stand for a required element that holds a moment: itself, or what was sent in its place. */
export function withKeptMoment(name: string, type: string): readonly string[] {
  return moments.has(type) ? [name, `_${name}`] : [name];
}

/**
 * Of an element that takes a moment: where all that was sent for it is none (30 February, a year of five digits), the
 * element has no value but says why (data-absent-reason `error`, R4 extensibility 2.4.0.1) and keeps the text. So
 * nothing is lost, and nobody takes a guess for a date.
 */
export function keepingMoment(set: Setter, element: ElementType): Setter {
  if (element.max !== 1 || element.name.startsWith('_')) return set;
  const types = element.types.filter((type) => moments.has(type));
  if (types.length === 0) return set;
  const names = new Map(
    types.map((type) => [type, `_${element.choice ? choiceName(element.name, type) : element.name}`]),
  );
  return (run, target) => {
    run.noMoment = undefined;
    return set(run, target) || keep(run, target, names);
  };
}

function keep(run: Run, target: FhirObject, names: ReadonlyMap<string, string>): boolean {
  const sent = run.noMoment;
  const name = sent && names.get(sent.target);
  if (sent === undefined || name === undefined) return false;
  const begin = run.lineage?.length ?? 0;
  run.mark(sent.start, sent.mark);
  const value = {
    extension: [
      { url: absentReason, valueCode: 'error' },
      { url: original, valueString: sent.text },
    ],
  };
  target[name] = value;
  run.lineage?.wrote(target, name, value, run.rule, undefined, begin);
  run.fail(
    'MAPPING_NO_MOMENT',
    String(run.rule),
    'what was sent is no possible date or time; it is kept as text beside data-absent-reason `error`',
    sent.start,
  );
  return true;
}
