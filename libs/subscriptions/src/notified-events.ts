import type { Query } from '#database';
import type { StoredPack } from '#delivery';
import { type FhirObject, headOf, readJson } from '#fhir';
import { PackUnfolder, packLines, readFormer } from '#store';
import type { Interest } from '#topics';
import { matchesOf, type NotifiedEvent } from './notification.js';
import type { StoredEvent } from './subscription-progress.js';

/** Deflated packs in one notification (but always one event): bounds what is in memory for it. */
export const NOTIFICATION_PACK_BYTES = 64 * 1024;

/** The events from the first on that fit into one notification: at most `maxCount` resources, but always one event. */
export async function fittingEvents(
  database: Query,
  stored: readonly StoredEvent[],
  packs: readonly StoredPack[],
  { interest, maxCount }: { readonly interest: Interest; readonly maxCount: number },
): Promise<NotifiedEvent[]> {
  const events: NotifiedEvent[] = [];
  const unfolder = new PackUnfolder();
  let resources = 0;
  for (const [index, pack] of packs.entries()) {
    const event = stored[index];
    if (event === undefined) break;
    const resourceTexts = pack.folded ? packLines(unfolder.unfold(pack.folded)).map(String) : [];
    const matches = await triggering(database, event, interest, matchesOf(resourceTexts, interest));
    resources += matches.length;
    if (events.length > 0 && resources > maxCount) break;
    events.push({ number: event.number, atMs: pack.storedAtMs, matches });
  }
  return events;
}

/** Those of a message's resources whose change was an event of the topic; all where there is no topic. */
async function triggering(
  database: Query,
  { position }: StoredEvent,
  { topic }: Interest,
  matches: readonly string[],
): Promise<readonly string[]> {
  if (topic === undefined) return matches;
  const former = await readFormer(
    database,
    matches.map((text) => ({ ...headOf(text), position })),
  );
  return matches.filter((text, index) => {
    const before = former[index];
    if (before === undefined) return false;
    const previous = before.text === undefined ? undefined : (readJson(before.text) as FhirObject);
    return topic.isTriggeredBy({ current: readJson(text) as FhirObject, previous });
  });
}

/** A random UUID (RFC 9562, version 4) of 16 random bytes. */
export function uuidOf(bytes: Buffer): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
