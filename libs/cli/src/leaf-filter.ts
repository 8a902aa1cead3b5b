import type { ElementLineage, Lineage, MappingReport } from '#mapping';

/** What became of one value of a message. */
export interface LeafFate {
  readonly path: string;
  readonly fate: 'mapped' | 'dropped' | 'unmapped';
  readonly rule: string;
  /** Why it was dropped, or where the rule stands that read it. */
  readonly why: string;
}

const field = /^[A-Z][A-Z0-9]{2}(?:\[\d+\])?(?:-\d+(?:\[\d+\])?(?:\.\d+){0,2})?$/;
const element = /^(?:[A-Z][A-Za-z]+\.)?_?[a-z][A-Za-z]*$/;

/** A word that asks for a place in a message (`PID-11`) or for an element (`birthDate`, `Patient.birthDate`). */
export function isLeafFilter(word: string): boolean {
  return field.test(word) || element.test(word);
}

/** The values that one of the words asks for, without words all, in the order of their places. */
export function leafFates(report: MappingReport, words: readonly string[]): LeafFate[] {
  const fates: LeafFate[] = [
    ...(report.read ?? []).map(({ path, rule, file, line }) => {
      return { path, fate: 'mapped' as const, rule, why: `${file}:${line}` };
    }),
    ...report.dropped.map(({ path, rule, reason }) => {
      return { path, fate: 'dropped' as const, rule, why: reason };
    }),
    ...report.unmapped.map((path) => ({ path, fate: 'unmapped' as const, rule: '', why: '' })),
  ];
  const asked = fates.filter((one) => words.length === 0 || words.some((word) => isMeant(one, word)));
  return asked.sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true }));
}

/** Where the values of the resources come from: those that one of the words asks for, without words all. */
export function elementOrigins(lineage: Lineage, words: readonly string[]): ElementLineage[] {
  const all = [...lineage.elements()];
  if (words.length === 0) return all;
  return all.filter(({ resource, element: name, sources, rule }) =>
    words.some((word) => {
      if (field.test(word)) return sources.some((path) => isMeant({ path, rule }, word));
      return isMeant({ path: '', rule: `${resource.slice(0, resource.indexOf('/'))}/${name}` }, word);
    }),
  );
}

function isMeant({ path, rule }: Pick<LeafFate, 'path' | 'rule'>, word: string): boolean {
  if (field.test(word)) return isUnder(path, word) || isUnder(path.replaceAll(/\[\d+\]/g, ''), word);
  const [map = '', name = ''] = rule.split('/');
  const dot = word.indexOf('.');
  const type = dot < 0 ? undefined : word.slice(0, dot);
  const isType = type === undefined || map === type || map.endsWith(`.${type}`);
  return isType && isUnder(name, word.slice(dot + 1));
}

function isUnder(path: string, place: string): boolean {
  return path.startsWith(place) && !/^[A-Za-z0-9]/.test(path.slice(place.length));
}
