import type { ExportRequest } from '#bulk';
import { isResourceType } from '#fhir';
import { EngineError } from '#kernel';
import { spanOfParameter } from './date-span.js';
import { type HttpRequest, headerText } from './http-exchange.js';

type Pair = readonly [name: string, value: string];

const formats = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson']);
const parameters = ['_type', '_since', '_typeFilter', '_elements', '_outputFormat'];

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
  for (const [name, value] of pairs) {
    if (name === '_since') sinceMs = spanOfParameter(name, value).fromMs;
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
    ...(types ? { types } : {}),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  };
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
  throw new EngineError(
    'rejected',
    'BULK_GROUP_TOO_LARGE',
    `a group that is exported has at most ${MAX_MEMBERS} patients; export all patients, or cut it in parts`,
  );
}

function append(lists: Map<string, string[]>, name: string, values: readonly string[]): void {
  lists.set(name, [...(lists.get(name) ?? []), ...values.filter((value) => value !== '')]);
}

function unknownParameter(name: string): EngineError {
  return new EngineError(
    'rejected',
    'SEARCH_PARAMETER_UNKNOWN',
    `$export has no parameter '${name.slice(0, 64)}' here; it has ${parameters.join(', ')}`,
    { cause: { at: `http.${name.slice(0, 64)}` } },
  );
}

function invalid(name: string, what: string): EngineError {
  return new EngineError('rejected', 'SEARCH_VALUE_INVALID', `'${name}' is ${what}`, {
    cause: { at: `http.${name}` },
  });
}
