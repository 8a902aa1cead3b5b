import { EngineError } from '#kernel';
import type { ResourceReader } from '#store';
import { clinicalTime } from './clinical-time.js';

/** Most Observations that one request looks at. */
const MAX_LOOKED_AT = 10_000;
const PAGE = '1000';

type Pair = [name: string, value: string];

interface Told {
  readonly text: string;
  readonly atMs: number;
}

/**
 * The last Observations of each code among those that a search finds, newest first, `max` of each (R4 Observation $lastn);
 * those of one time as the last of them too. Throws `rejected` SEARCH_VALUE_INVALID, SEARCH_TOO_COSTLY, and what a search throws.
 */
export async function lastObservations(
  reader: ResourceReader,
  pairs: readonly Pair[],
  options: Parameters<ResourceReader['search']>[2],
): Promise<string[]> {
  const max = maxOf(pairs);
  const criteria = pairs.filter(([name]) => name !== 'max');
  if (!criteria.some(([name]) => /^(patient|subject)(:|$)/.test(name)))
    throw invalid('patient', "$lastn needs 'patient' or 'subject'");
  const groups: Told[][] = [];
  const groupOf = new Map<string, Told[]>();
  let looked = 0;
  for (let page: string | undefined = ''; page !== undefined; ) {
    const place: Pair[] = page === '' ? [] : [['_page', page]];
    const found = await reader.search('Observation', [...criteria, ['_count', PAGE], ...place], options);
    for (const match of found.matches) {
      if (match.deleted) continue;
      const content = JSON.parse(match.text) as object; // for looking only
      const keys = codesOf(content);
      let group = keys.map((key) => groupOf.get(key)).find((one) => one !== undefined);
      if (group === undefined) {
        group = [];
        groups.push(group);
      }
      for (const key of keys) if (!groupOf.has(key)) groupOf.set(key, group);
      keep(group, { text: match.text, atMs: clinicalTime(content)?.fromMs ?? -Infinity }, max);
    }
    looked += found.matches.length;
    if (looked > MAX_LOOKED_AT) {
      throw new EngineError(
        'rejected',
        'SEARCH_TOO_COSTLY',
        `more than ${MAX_LOOKED_AT} Observations match; add a code, a category or a date`,
      );
    }
    page = found.next;
  }
  return groups.flatMap((group) => group.map(({ text }) => text));
}

/** Newest first; ties with the last one that counts stay. */
function keep(group: Told[], told: Told, max: number): void {
  const index = group.findIndex(({ atMs }) => atMs < told.atMs);
  group.splice(index < 0 ? group.length : index, 0, told);
  const leastMs = group[max - 1]?.atMs ?? -Infinity;
  const end = group.findIndex(({ atMs }) => atMs < leastMs);
  if (end >= 0) group.length = end;
}

/** Observations that share a coding are of one code; without a coding, those of one text. */
function codesOf(content: object): string[] {
  const { code } = content as { code?: { coding?: { system?: string; code?: string }[]; text?: string } };
  const keys: string[] = [];
  for (const one of code?.coding ?? [])
    if (one.code !== undefined) keys.push(`${one.system ?? ''}|${one.code}`);
  if (keys.length > 0) return keys;
  return [`text ${code?.text ?? ''}`];
}

function maxOf(pairs: readonly Pair[]): number {
  const value = pairs.findLast(([name]) => name === 'max')?.[1] ?? '1';
  if (/^[1-9]\d{0,3}$/.test(value)) return Number(value);
  throw invalid('max', "'max' is a whole number from 1 to 9999");
}

function invalid(name: string, message: string): EngineError {
  return new EngineError('rejected', 'SEARCH_VALUE_INVALID', message, { cause: { at: `http.${name}` } });
}
