import type { Run } from '../run/run.js';

/** Makes a FHIR value of the source range [start, end); undefined when there is nothing in it, or nothing valid. */
export type Convert = (run: Run, start: number, end: number) => unknown;

/** Which separator divides a value: that of components (the value is a field) or of subcomponents. */
export type Level = 1 | 2;

export function separatorOf(run: Run, level: Level): number {
  return level === 1 ? run.componentCode : run.subcomponentCode;
}

/** The text of part `number` of a composite value, marked as read. */
export function partText(
  run: Run,
  start: number,
  end: number,
  number: number,
  level: Level,
): string | undefined {
  const from = run.part(start, end, number, separatorOf(run, level));
  if (from < 0) return undefined;
  return level === 1 ? run.leaf(from, run.end) : run.subLeaf(from, run.end);
}

/** As `partText`, with the first subcomponent alone: for parts that may be divided (SAD, FN, HD). */
export function firstOfPart(
  run: Run,
  start: number,
  end: number,
  number: number,
  level: Level,
): string | undefined {
  const from = run.part(start, end, number, separatorOf(run, level));
  if (from < 0) return undefined;
  if (level === 2) return run.subLeaf(from, run.end);
  return run.subLeaf(from, run.cut(from, run.end, run.subcomponentCode));
}

/** Reads a code: no space around, single spaces inside (R4 `code`). */
export function codeText(text: string): string {
  return /\s\s|[^\S ]/.test(text) ? text.split(/\s+/).join(' ') : text;
}

export function quoteUrn(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
