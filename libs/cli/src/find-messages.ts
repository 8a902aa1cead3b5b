import type { Database } from '#database';
import { readMessageHeader } from '#hl7v2';
import { JournalTrace } from '#journal';
import { formatPosition, type Position, parsePosition } from '#kernel';
import { StoreTrace } from '#store';

/** How a message was found by what a person typed. */
export type FoundBy = 'position' | 'control id' | 'FHIR id' | 'patient identifier';

export interface Found {
  readonly position: Position;
  readonly by: FoundBy;
}

/** Patients with one identifier that are looked at; more would be no identifier. */
const MAX_PATIENTS = 20;
/** Hashes of control ids can meet, so a few more candidates are read than shown. */
const SPARE_CANDIDATES = 20;
const FHIR_ID = /^[A-Za-z0-9\-.]{1,64}$/;
const FHIR_REFERENCE = /^([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/\d+)?$/;

/**
 * The messages that `id` can mean: a journal position, `Type/id`, `system|value`, a control id (MSH-10), a FHIR id or the
 * value of a patient identifier. Every reading is tried; at most `limit` each, without repeats.
 */
export async function findMessages(database: Database, id: string, limit: number): Promise<Found[]> {
  const journal = new JournalTrace(database);
  const store = new StoreTrace(database);
  const found = new Map<string, Found>();
  const note = (positions: readonly Position[], by: FoundBy) => {
    for (const position of positions) {
      const key = formatPosition(position);
      if (!found.has(key)) found.set(key, { position, by });
    }
  };
  const position = parsePosition(id);
  if (position !== undefined) note(await existing(journal, position), 'position');
  const [, type, resourceId] = FHIR_REFERENCE.exec(id) ?? [];
  if (type !== undefined && resourceId !== undefined) {
    note(await resourceOrigins(store, resourceId, type, limit), 'FHIR id');
  } else {
    note(await withControlId(journal, id, limit), 'control id');
    if (FHIR_ID.test(id)) note(await resourceOrigins(store, id, undefined, limit), 'FHIR id');
  }
  // What is certain already needs no second reading as an identifier, which may be shared.
  if (found.size === 0 || id.includes('|'))
    note(await patientMessages(store, id, limit), 'patient identifier');
  return [...found.values()];
}

async function existing(journal: JournalTrace, position: Position): Promise<Position[]> {
  // Beyond smallint there is no lane and no partition, and the database would refuse the number.
  if (position.lane > 32_767 || position.partition > 32_767) return [];
  return (await journal.entries([position])).map((entry) => entry.position);
}

async function withControlId(journal: JournalTrace, controlId: string, limit: number): Promise<Position[]> {
  const candidates = await journal.withControlId(controlId, limit + SPARE_CANDIDATES);
  const entries = await journal.entries(candidates);
  return entries
    .filter((entry) => readMessageHeader(entry.head).controlId.trim() === controlId.trim())
    .slice(0, limit)
    .map((entry) => entry.position);
}

/** A Patient stands for all that is in its record; another resource for the messages that made its versions. */
async function resourceOrigins(
  store: StoreTrace,
  id: string,
  type: string | undefined,
  limit: number,
): Promise<Position[]> {
  const positions: Position[] = [];
  for (const resource of await store.withId(id, type)) {
    const origins =
      resource.type === 'Patient'
        ? await store.patientOrigins(resource.id, limit)
        : await store.origins(resource.type, resource.id, limit);
    positions.push(...origins.map((origin) => origin.position));
  }
  return positions;
}

async function patientMessages(store: StoreTrace, text: string, limit: number): Promise<Position[]> {
  const bar = text.lastIndexOf('|');
  const value = text.slice(bar + 1);
  if (value === '') return [];
  const system = bar < 0 ? undefined : text.slice(0, bar);
  const positions: Position[] = [];
  for (const patient of await store.patientsWithIdentifier(value, system, MAX_PATIENTS))
    positions.push(...(await store.patientOrigins(patient, limit)).map((origin) => origin.position));
  return positions;
}
