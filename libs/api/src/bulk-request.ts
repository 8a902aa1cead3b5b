import type { ExportRequest } from '#bulk';
import { isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import { spanOfParameter } from './date-span.js';
import { type HttpRequest, headerText } from './http-exchange.js';

type Pair = readonly [name: string, value: string];

const formats = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson']);
const parameters = ['_type', '_since', '_until', '_typeFilter', '_elements', '_outputFormat', 'patient'];
/** What Bulk Data names and we do not do: a client that asks for it must hear so. */
const refused: Readonly<Record<string, string>> = {
  includeAssociatedData:
    'nothing is associated by this server; Provenance is a type like others, ask for it by _type',
  organizeOutputBy: 'files are organised by resource type',
  allowPartialManifests: 'the manifest comes when all files are there',
};

/** Throws `rejected` BULK_NOT_ASYNC (400) unless the client says `Prefer: respond-async` (R4 async). */
export function requireAsync(request: HttpRequest): void {
  const wanted = (headerText(request, 'prefer') ?? '').split(/[,;]/).map((part) => part.trim().toLowerCase());
  if (wanted.includes('respond-async')) return;
  throw new EngineError(
    'rejected',
    'BULK_NOT_ASYNC',
    'this takes a while: it needs `Prefer: respond-async`',
    {
      cause: { at: 'http.Prefer' },
    },
  );
}

/**
 * Reads the parameters of $export (Bulk Data 2.0, section Query Parameters). Throws `rejected` SEARCH_VALUE_INVALID,
 * SEARCH_PARAMETER_UNKNOWN unless `lenient`.
 */
export function exportRequest(
  pairs: readonly Pair[],
  about: Pick<ExportRequest, 'url' | 'level' | 'patients'>,
  lenient: boolean,
): ExportRequest {
  const lists = new Map<string, string[]>();
  let sinceMs: number | undefined;
  let untilMs: number | undefined;
  for (const [name, value] of pairs) {
    if (name === '_since') sinceMs = spanOfParameter(name, value).fromMs;
    else if (name === '_until') untilMs = spanOfParameter(name, value).toMs - 1;
    // A filter holds commas of its own.
    else if (name === '_typeFilter') append(lists, name, value.split(/,(?=[A-Z][A-Za-z]*\?)/));
    else if (parameters.includes(name)) append(lists, name, value.split(','));
    else if (!lenient) throw unknownParameter(name);
  }
  // A plus sign that was not escaped has become a space.
  for (const format of lists.get('_outputFormat') ?? [])
    if (!formats.has(format.replace(' ', '+'))) throw invalid('_outputFormat', 'application/fhir+ndjson');
  const types = lists.get('_type');
  if (types?.some((type) => !isResourceType(type))) throw invalid('_type', 'a list of resource types');
  const elements = lists.get('_elements') ?? [];
  if (elements.some((one) => !/^[A-Za-z]+(\.[A-Za-z]+)?$/.test(one)))
    throw invalid('_elements', 'a list of elements, as Patient.name or id');
  return {
    kind: 'export',
    ...about,
    typeFilters: lists.get('_typeFilter') ?? [],
    elements,
    ...patientsAsked(lists.get('patient'), about),
    ...(types ? { types } : {}),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(untilMs === undefined ? {} : { untilMs }),
  };
}

/** Whom `patient` leaves: some of all patients, or of the group. */
function patientsAsked(
  asked: readonly string[] | undefined,
  { level, patients }: Pick<ExportRequest, 'level' | 'patients'>,
): Pick<ExportRequest, 'patients'> {
  if (asked === undefined) return {};
  if (level === 'system') throw invalid('patient', 'for exports of patients and groups; ask Patient/$export');
  const ids = asked.map((one) => /^(?:Patient\/)?([A-Za-z0-9\-.]{1,64})$/.exec(one)?.[1] ?? '');
  if (ids.includes('')) throw invalid('patient', 'a reference, as Patient/1');
  if (ids.length > MAX_MEMBERS) throw groupTooLarge();
  const members = patients && new Set(patients);
  if (members && ids.some((id) => !members.has(id))) throw invalid('patient', 'of members of the group only');
  return { patients: [...new Set(ids)] };
}

/** Most patients of a group. */
const MAX_MEMBERS = 50_000;

/** The ids of the Patients who are in a Group. Throws `rejected` BULK_GROUP_TOO_LARGE. */
export function membersOf(group: string): string[] {
  const { member = [] } = JSON.parse(group) as {
    member?: { entity?: { reference?: string }; inactive?: boolean }[];
  };
  const ids = new Set<string>();
  for (const { entity, inactive } of member) {
    const id = /^Patient\/([A-Za-z0-9\-.]{1,64})(\/_history\/|$)/.exec(entity?.reference ?? '')?.[1];
    if (id !== undefined && inactive !== true) ids.add(id);
  }
  if (ids.size <= MAX_MEMBERS) return [...ids];
  throw groupTooLarge();
}

function groupTooLarge(): EngineError {
  return new EngineError(
    'rejected',
    'BULK_GROUP_TOO_LARGE',
    `a group that is exported has at most ${MAX_MEMBERS} patients; export all patients, or cut it in parts`,
  );
}

function append(lists: Map<string, string[]>, name: string, values: readonly string[]): void {
  lists.set(name, [...(lists.get(name) ?? []), ...values.filter((value) => value !== '')]);
}

function unknownParameter(name: string): EngineError {
  const shown = name.slice(0, 64);
  const known = Object.hasOwn(refused, name) ? refused[name] : undefined;
  const why = known ?? `it has ${parameters.join(', ')}`;
  return new EngineError(
    'rejected',
    'SEARCH_PARAMETER_UNKNOWN',
    `$export has no parameter '${shown}' here: ${why}`,
    { cause: { at: `http.${shown}` } },
  );
}

function invalid(name: string, what: string): EngineError {
  return new EngineError('rejected', 'SEARCH_VALUE_INVALID', `'${name}' is ${what}`, {
    cause: { at: `http.${name}` },
  });
}
