import type { Database } from '#database';
import { type FhirObject, readJson, writeJson } from '#fhir';
import { ResourceReader } from '#store';
import {
  evaluateTyped,
  type OriginalParameter,
  originalParameters,
  type TypedValue,
} from '../../../../libs/search/testing/original-parameters.js';
import { storeResources } from '../../../../libs/store/testing/store-resources.js';
import { type CompositeQuery, compositeQueries, partKinds, partsOf, queriesOn } from './brute-composite.js';
import { Chooser, type Query } from './query.js';

/** What a comparison of the search with brute force found. */
export interface Agreement {
  readonly resources: number;
  /** Parameters of types, each counted once for each type. */
  readonly parameters: number;
  /** Those without a value in any of the resources: `Type.name`. */
  readonly withoutValue: readonly string[];
  readonly queries: number;
  /** Queries that something matches. */
  readonly matched: number;
  readonly differences: readonly string[];
}

interface Resource {
  readonly resourceType: string;
  readonly id: string;
}

/** Resources of one message while the store is filled. */
const MESSAGE_SIZE = 20;
const MESSAGE_BYTES = 4_000_000;
const PAGE = 1_000;
const SIDE_BY_SIDE = 4;
const OWN_URL = 'http://this-server.example/fhir';

/**
 * Stores `texts`, ids as R4 allows them, and asks the search for every R4 parameter of their types, with values that fhirpath takes from them (at most
 * `count` of each parameter, chosen by `seed`); compares each answer with what brute force finds by the rules of R4. `say` is told each type before its turn.
 */
export async function compareSearch(
  database: Database,
  texts: readonly string[],
  {
    seed,
    count,
    say,
  }: { readonly seed: number; readonly count: number; readonly say?: (text: string) => void },
): Promise<Agreement> {
  await fill(database, texts);
  const reader = new ResourceReader(database);
  const found = {
    parameters: 0,
    withoutValue: [] as string[],
    queries: 0,
    matched: 0,
    differences: [] as string[],
  };
  const types = new Set(texts.map((text) => (JSON.parse(text) as Resource).resourceType));
  let resources = 0;
  for (const [nth, type] of [...types].sort().entries()) {
    const served = await readAll(reader, type);
    resources += served.length;
    say?.(`searches of ${type} (${served.length} resources, type ${nth + 1} of ${types.size}) ...`);
    const asked = [...originalParameters(type), ...rowParameters];
    for (const [at, parameter] of asked.entries()) {
      const chooser = new Chooser(seed + at);
      const list = questionsOn(type, parameter, served, chooser, count);
      found.parameters += 1;
      found.queries += list.length;
      if (list.length <= 2) found.withoutValue.push(`${type}.${parameter.code}`);
      await sideBySide(list, async ({ name, value, expected }) => {
        if (expected.length > 0) found.matched += 1;
        const answer = await searchIds(reader, type, [[name, value]]).catch((error: unknown) => [
          String(error),
        ]);
        const [ours, theirs] = [answer.sort(), [...expected].sort()];
        if (ours.join() !== theirs.join())
          found.differences.push(differenceOf(type, name, value, ours, theirs));
      });
    }
  }
  return { resources, ...found };
}

/** Parameters of the row, which R4 defines on Resource and the store answers by itself. */
const rowParameters: (OriginalParameter & { readonly expression: string })[] = [
  { code: '_id', type: 'token', expression: 'Resource.id' },
  { code: '_lastUpdated', type: 'date', expression: 'Resource.meta.lastUpdated' },
].map((one) => ({ ...one, url: '', version: '4.0.1', base: ['Resource'] }));

function differenceOf(
  type: string,
  name: string,
  value: string,
  ours: readonly string[],
  theirs: readonly string[],
): string {
  const extra = ours.filter((id) => !theirs.includes(id));
  const missing = theirs.filter((id) => !ours.includes(id));
  const shown = (ids: readonly string[]): string => `${ids.length} (${ids.slice(0, 3).join(', ')})`;
  return `${type}?${name}=${value}: too many ${shown(extra)}, missing ${shown(missing)}`;
}

/** As a write through the API hands it on: type and id first, without what the server says. */
function asWritten(text: string): string {
  const { resourceType, id, meta = {}, ...rest } = readJson(text) as FhirObject;
  const { versionId: _version, lastUpdated: _updated, ...kept } = meta as FhirObject;
  return writeJson({ resourceType, id, meta: kept, ...rest } as FhirObject);
}

/** Stores the resources as messages of a few resources would. */
async function fill(database: Database, texts: readonly string[]): Promise<void> {
  let seq = 0;
  let batch: string[] = [];
  let bytes = 0;
  for (const text of texts) {
    batch.push(asWritten(text));
    bytes += text.length;
    if (batch.length < MESSAGE_SIZE && bytes < MESSAGE_BYTES) continue;
    await storeResources(database, ++seq, batch);
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) await storeResources(database, ++seq, batch);
}

async function readAll(reader: ResourceReader, type: string): Promise<Resource[]> {
  return (await searchPages(reader, type, [])).map(({ text }) => JSON.parse(text) as Resource);
}

async function searchIds(
  reader: ResourceReader,
  type: string,
  pairs: readonly (readonly [string, string])[],
): Promise<string[]> {
  return (await searchPages(reader, type, pairs)).map(({ id }) => id);
}

async function searchPages(
  reader: ResourceReader,
  type: string,
  pairs: readonly (readonly [string, string])[],
): Promise<{ id: string; text: string }[]> {
  const found: { id: string; text: string }[] = [];
  let next: string | undefined;
  do {
    const page = await reader.search(
      type,
      [...pairs, ['_count', String(PAGE)], ...(next === undefined ? [] : [['_page', next] as const])],
      { lenient: false, ownUrl: OWN_URL },
    );
    for (const version of page.matches) if (!version.deleted) found.push(version);
    next = page.next;
  } while (next !== undefined);
  return found;
}

interface Question {
  readonly name: string;
  readonly value: string;
  /** Ids, by brute force. */
  readonly expected: readonly string[];
}

function questionsOn(
  type: string,
  parameter: OriginalParameter & { readonly expression: string },
  resources: readonly Resource[],
  chooser: Chooser,
  count: number,
): Question[] {
  const { code, type: kind, expression, target = [] } = parameter;
  const ids = (matches: (at: number) => boolean): string[] =>
    resources.flatMap(({ id }, at) => (matches(at) ? [id] : []));
  const values = resources.map((resource) =>
    evaluateTyped(type, expression, resource).filter(({ value }) => value !== undefined && value !== null),
  );
  const missing = ['true', 'false'].map((value) => ({
    name: `${code}:missing`,
    value,
    expected: ids((at) => (values[at]?.length === 0) === (value === 'true')),
  }));
  if (kind === 'composite') {
    const elements = resources.map((resource) => partsOf(type, parameter, resource));
    const asked = compositeQueries(partKinds(parameter), elements.flat(), chooser, count);
    return [
      ...missing,
      ...asked.map(({ text, matches }: CompositeQuery) => ({
        name: code,
        value: text,
        expected: ids((at) => matches(elements[at] ?? [])),
      })),
    ];
  }
  const pool = different(values.flat());
  if (pool.length === 0) return missing;
  const asked = queriesOn(kind, pool, target, chooser, count);
  const matching = ({ matches, negated = false }: Query): string[] =>
    ids((at) => (values[at] ?? []).some(matches) !== negated);
  const questions = asked.map((query) => ({
    name: `${code}${query.modifier}`,
    value: query.text,
    expected: matching(query),
  }));
  // What stands in the row is there always.
  return code === '_id' || code === '_lastUpdated' ? questions : [...missing, ...questions];
}

/** Most different values that a sample is chosen from. */
const MAX_POOL = 5_000;

function different(values: readonly TypedValue[]): TypedValue[] {
  const known = new Map<string, TypedValue>();
  for (const value of values) {
    if (known.size === MAX_POOL) break;
    known.set(JSON.stringify([value.type, value.value]).slice(0, 500), value);
  }
  return [...known.values()];
}

async function sideBySide<T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let one = list[next++]; one !== undefined; one = list[next++]) await work(one);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
}
