import type { ElementLineage, MappingReport } from '#mapping';

/** What became of one value of a message. */
export interface LeafFate {
  readonly path: string;
  readonly fate: 'mapped' | 'dropped' | 'unmapped';
  readonly rule: string;
  /** Why it was dropped, or where the rule stands that read it. */
  readonly why: string;
}

const field = /^(?:[A-Z][A-Z0-9]{2}(?:\[\d+\])?(?:-\d+(?:\[\d+\])?(?:\.\d+){0,2})?|row(?:\[\d+\])?\.\S+)$/;
const element = /^(?:[A-Z][A-Za-z]+\.)?_?[a-z][A-Za-z]*$/;

/** A word that asks for a place in a message (`PID-11`, `row.birth_date`) or for an element (`birthDate`, `Patient.birthDate`). */
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
export function elementOrigins(
  lineage: Iterable<ElementLineage>,
  words: readonly string[],
): ElementLineage[] {
  const all = [...lineage];
  if (words.length === 0) return all;
  return all.filter(({ resource, element: name, sources }) =>
    words.some((word) =>
      field.test(word)
        ? sources.some((path) => isPlace(path, word))
        : isElement(resource.slice(0, resource.indexOf('/')), name, word),
    ),
  );
}

function isMeant({ path, rule }: LeafFate, word: string): boolean {
  if (field.test(word)) return isPlace(path, word);
  const [map = '', name = ''] = rule.split('/');
  return isElement(map, name, word);
}

function isPlace(path: string, word: string): boolean {
  return isUnder(path, word) || isUnder(path.replaceAll(/\[\d+\]/g, ''), word);
}

/** `owner` is a map or the type of a resource. */
function isElement(owner: string, name: string, word: string): boolean {
  const dot = word.indexOf('.');
  const type = dot < 0 ? undefined : word.slice(0, dot);
  const isType = type === undefined || owner === type || owner.endsWith(`.${type}`);
  return isType && isUnder(name, word.slice(dot + 1));
}

function isUnder(path: string, place: string): boolean {
  return path.startsWith(place) && !/^[A-Za-z0-9]/.test(path.slice(place.length));
}
