import { innerSteps, type MapStep, type MessageMapSource, type StepPart } from './mapping-file.js';

/** Documents whose root element nobody else is for. */
export const anyDocument = 'cda/*';

/** A map for parts of documents is part of the maps that lead there. */
export function isPart({ format, for: claims }: MessageMapSource): boolean {
  return (
    format === 'cda' && !claims.some(({ text }) => text === 'cda/ClinicalDocument' || text === anyDocument)
  );
}

/** A claim of all elements of a name: for those of templates that no other map is for, and the report says so. */
export function isByClass(claim: string): boolean {
  return !claim.includes('[');
}

/** A map of documents with the maps of their parts: a claim of a template is asked before others, one by class last. */
export function withParts(source: MessageMapSource, parts: readonly MessageMapSource[]): MessageMapSource {
  if (source.format !== 'cda') return source;
  const turnOf = (map: MessageMapSource): number => {
    if (map.for.some(({ text }) => isByClass(text))) return 2;
    return map.for.some(({ text }) => text.includes('[template=')) ? 0 : 1;
  };
  const ordered = parts.toSorted((a, b) => turnOf(a) - turnOf(b));
  const filled = (steps: readonly MapStep[]): MapStep[] =>
    steps.map((step) => {
      if (step.kind === 'each') return { ...step, steps: filled(step.steps) };
      return step.kind === 'maps' ? { ...step, parts: ordered.map((map) => partOf(map)) } : step;
    });
  return { ...source, steps: filled(source.steps) };
}

function partOf(map: MessageMapSource): StepPart {
  // A step is a step of its own wherever its part stands: names are told apart by steps.
  const steps = copied(map.steps);
  return { map, each: { kind: 'each', group: '.', place: map.place, as: undefined, steps } };
}

/** The maps for parts that a map leads to. */
export function partsOf({ steps }: MessageMapSource): MessageMapSource[] {
  const found = new Set<MessageMapSource>();
  const see = (inner: readonly MapStep[]): void => {
    for (const step of inner) {
      if (step.kind === 'maps') for (const { map } of step.parts) found.add(map);
      for (const each of innerSteps(step)) see(each.steps);
    }
  };
  see(steps);
  return [...found];
}

function copied(steps: readonly MapStep[]): MapStep[] {
  return steps.map((step) => (step.kind === 'each' ? { ...step, steps: copied(step.steps) } : { ...step }));
}
