import { isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import { type ResourceReader, referencesOf } from '#store';
import { clinicalTime } from './clinical-time.js';
import { spanOfParameter, type TimeSpan } from './date-span.js';
import { isGeneralParameter } from './representation.js';

type Walked = Awaited<ReturnType<ResourceReader['walk']>>;

const DEFAULT_COUNT = 200;
const MAX_COUNT = 1_000;
const CHUNK = 200;
/** What a record needs to be understood, although it belongs to nobody's. */
const supporting = new Set([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Location',
  'Medication',
  'Device',
  'Substance',
]);

type Pair = [name: string, value: string];

/** What a request for everything asks for. */
export interface EverythingAsked {
  readonly types: readonly string[] | undefined;
  readonly sinceMs: number | undefined;
  /** When care was given. */
  readonly care: TimeSpan | undefined;
  readonly count: number;
  readonly afterRid: number;
  readonly followed: readonly Pair[];
}

/** Reads `start`, `end`, `_since`, `_type`, `_count`, `_page`. Throws `rejected` SEARCH_VALUE_INVALID, SEARCH_PARAMETER_UNKNOWN. */
export function parseEverything(pairs: readonly Pair[]): EverythingAsked {
  const given = new Map<string, string>();
  const followed: Pair[] = [];
  for (const pair of pairs) {
    const [name, value] = pair;
    if (isGeneralParameter(name)) continue;
    if (!['start', 'end', '_since', '_type', '_count', '_page'].includes(name)) throw unknownParameter(name);
    const before = name === '_type' ? given.get(name) : undefined;
    given.set(name, before === undefined ? value : `${before},${value}`);
    if (name !== '_page') followed.push(pair);
  }
  const time = (name: string) => {
    const value = given.get(name);
    return value === undefined ? undefined : spanOfParameter(name, value);
  };
  const [start, end] = [time('start'), time('end')];
  const types = given.get('_type')?.split(',');
  if (types?.some((type) => !isResourceType(type))) throw invalid('_type', 'a list of resource types');
  return {
    types,
    sinceMs: time('_since')?.fromMs,
    care: (start ?? end) ? { fromMs: start?.fromMs ?? -Infinity, toMs: end?.toMs ?? Infinity } : undefined,
    count: Math.min(numberOf('_count', given.get('_count')) ?? DEFAULT_COUNT, MAX_COUNT),
    afterRid: numberOf('_page', given.get('_page')) ?? 0,
    followed,
  };
}

/** One page of a record. */
export interface RecordPage {
  readonly belonging: readonly string[];
  /** What those refer to; a later page may tell it again. */
  readonly supporting: readonly string[];
  readonly next: number | undefined;
}

/**
 * What belongs to a Patient (undefined: to any): itself, and what refers to it (the R4 Patient compartment), with what that refers to. Pages are in
 * the order in which resources were made.
 */
export async function readEverything(
  reader: ResourceReader,
  patient: string | undefined,
  asked: EverythingAsked,
): Promise<RecordPage> {
  const belonging: string[] = [];
  const referred = new Set<string>();
  let next: number | undefined = asked.afterRid;
  while (next !== undefined && belonging.length < asked.count) {
    const { types, sinceMs } = asked;
    const limit = Math.min(CHUNK, asked.count - belonging.length);
    const of: 'patients' | { patient: string } = patient === undefined ? 'patients' : { patient };
    const walk = { of, types, sinceMs, asOfMs: undefined, afterRid: next, limit };
    const walked = await reader.walk(walk);
    // A record with a hole would look whole.
    requireWhole(walked);
    for (const version of walked.found) {
      if (version.deleted) continue;
      const content = JSON.parse(version.text) as object; // for looking only: the text itself goes out
      const references = referencesOf(content);
      if (!belongs(version, references, patient)) continue;
      if (!isInTime(clinicalTime(content), asked.care)) continue;
      belonging.push(version.text);
      for (const one of references) if (supporting.has(one.slice(0, one.indexOf('/')))) referred.add(one);
    }
    next = walked.next;
  }
  return { belonging, supporting: await readNamed(reader, referred, asked.types), next };
}

function belongs(
  { type, id }: { readonly type: string; readonly id: string },
  references: ReadonlySet<string>,
  patient: string | undefined,
): boolean {
  if (type === 'Patient')
    return patient === undefined || id === patient || references.has(`Patient/${patient}`);
  if (patient !== undefined) return references.has(`Patient/${patient}`);
  if (supporting.has(type)) return false;
  for (const reference of references) if (reference.startsWith('Patient/')) return true;
  return false;
}

/** Throws what one resource cannot be read for. */
export function requireWhole({ damaged: [first] }: Pick<Walked, 'damaged'>): void {
  if (first !== undefined) throw first.error;
}

/** What says no time belongs to every time. */
function isInTime(time: TimeSpan | undefined, care: TimeSpan | undefined): boolean {
  return time === undefined || care === undefined || (time.fromMs < care.toMs && time.toMs > care.fromMs);
}

async function readNamed(
  reader: ResourceReader,
  keys: ReadonlySet<string>,
  types: readonly string[] | undefined,
): Promise<string[]> {
  const names = [...keys].map((key) => key.split('/') as [string, string]);
  const wanted = names.filter(([type]) => types === undefined || types.includes(type));
  const found = await Promise.all(wanted.map(([type, id]) => reader.read(type, id)));
  return found.flatMap((version) => (version === undefined || version.deleted ? [] : [version.text]));
}

function numberOf(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,14}$/.test(value)) return Number(value);
  throw invalid(name, 'a whole number from 1');
}

function invalid(name: string, what: string): EngineError {
  return new EngineError('rejected', 'SEARCH_VALUE_INVALID', `'${name}' is ${what}`, {
    cause: { at: `http.${name}` },
  });
}

function unknownParameter(name: string): EngineError {
  return new EngineError(
    'rejected',
    'SEARCH_PARAMETER_UNKNOWN',
    `$everything has no parameter '${name.slice(0, 64)}'; it has start, end, _since, _type, _count, _format`,
    { cause: { at: `http.${name.slice(0, 64)}` } },
  );
}
