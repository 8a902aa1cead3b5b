import type { Query } from '#database';
import type { StoredPack } from '#delivery';
import { type FhirObject, headOf, readJson } from '#fhir';
import { isEngineError } from '#kernel';
import { PackUnfolder, packLines, ResourceReader, type ResourceVersion } from '#store';
import type { Interest } from '#topics';
import { matchesOf, type NotifiedEvent } from './notification.js';
import type { StoredEvent } from './subscription-progress.js';

/** Deflated packs in one notification (but always one event): bounds what is in memory for it. */
export const NOTIFICATION_PACK_BYTES = 64 * 1024;
/** Resources that go along with one event; where there are more, none does. */
const MAX_CONTEXT = 100;

/** What a notification is made for. */
export interface NotificationLimits {
  readonly interest: Interest;
  readonly maxCount: number;
  /** Whether it names resources at all. */
  readonly namesResources: boolean;
  /** Base URL of our FHIR API, ends with a slash. */
  readonly fhirUrl: string;
}

/** The events from the first on that fit into one notification: at most `maxCount` resources, but always one event. */
export async function fittingEvents(
  database: Query,
  stored: readonly StoredEvent[],
  packs: readonly StoredPack[],
  limits: NotificationLimits,
): Promise<NotifiedEvent[]> {
  const { interest, maxCount } = limits;
  const reader = new ResourceReader(database);
  const events: NotifiedEvent[] = [];
  const unfolder = new PackUnfolder();
  const deletions = await deletionsOf(reader, stored, interest);
  let resources = 0;
  for (const [index, pack] of packs.entries()) {
    const event = stored[index];
    if (event === undefined) break;
    const resourceTexts = pack.folded ? packLines(unfolder.unfold(pack.folded)).map(String) : [];
    const matches = await triggering(reader, event, interest, matchesOf(resourceTexts, interest));
    const deleted = deletions.filter((one) => one.index === index).map(({ name }) => name);
    resources += matches.length + deleted.length;
    if (events.length > 0 && resources > maxCount) break;
    const context = limits.namesResources ? await contextOf(reader, matches, limits) : [];
    events.push({ number: event.number, atMs: pack.storedAtMs, matches, deleted, context });
  }
  return events;
}

/** Those of a message's resources whose change was an event of the topic; all where there is no topic. */
async function triggering(
  reader: ResourceReader,
  { position }: StoredEvent,
  { topic }: Interest,
  matches: readonly string[],
): Promise<readonly string[]> {
  if (topic === undefined) return matches;
  const former = await reader.former(matches.map((text) => ({ ...headOf(text), position })));
  return matches.filter((text, index) => {
    const before = former[index];
    if (before === undefined) return false;
    const previous = before.text === undefined ? undefined : (readJson(before.text) as FhirObject);
    return topic.isTriggeredBy({ current: readJson(text) as FhirObject, previous });
  });
}

/** The deletions that are events, each with the index of its message. */
async function deletionsOf(
  reader: ResourceReader,
  stored: readonly StoredEvent[],
  interest: Interest,
): Promise<{ readonly index: number; readonly name: string }[]> {
  if (interest.topic?.tellsDeletions !== true) return [];
  const places = stored.map(({ position }) => position);
  return (await reader.deletions(places, interest.type)).flatMap(({ index, type, id, text }) => {
    const previous = text === undefined ? undefined : (readJson(text) as FhirObject);
    return interest.concernsDeletion(previous) ? [{ index, name: `${type}/${id}` }] : [];
  });
}

/** What the topic sends along, as it stands now. */
async function contextOf(
  reader: ResourceReader,
  matches: readonly string[],
  { interest, fhirUrl }: NotificationLimits,
): Promise<string[]> {
  const inclusions = interest.topic?.inclusions ?? [];
  if (inclusions.length === 0 || matches.length === 0) return [];
  const ids = matches.map((text) => headOf(text).id);
  try {
    const { included } = await reader.search(
      interest.type,
      [['_id', ids.join(',')], ['_count', String(ids.length)], ...inclusions],
      { lenient: false, ownUrl: fhirUrl.replace(/\/$/, '') },
    );
    const texts = included.flatMap((one: ResourceVersion) => (one.deleted ? [] : [one.text]));
    return texts.length > MAX_CONTEXT ? [] : texts;
  } catch (error) {
    // More than a search would answer: the event itself must be told nevertheless.
    if (isEngineError(error, 'rejected')) return [];
    throw error;
  }
}

/** A random UUID (RFC 9562, version 4) of 16 random bytes. */
export function uuidOf(bytes: Buffer): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
