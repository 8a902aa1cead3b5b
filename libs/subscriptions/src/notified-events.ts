import type { StoredPack } from '#delivery';
import { type Criteria, PackUnfolder, packLines } from '#store';
import { matchesOf, type NotifiedEvent } from './notification.js';
import type { StoredEvent } from './subscription-progress.js';

/** Deflated packs in one notification (but always one event): bounds what is in memory for it. */
export const NOTIFICATION_PACK_BYTES = 64 * 1024;

/** The events from the first on that fit into one notification: at most `maxCount` resources, but always one event. */
export function fittingEvents(
  stored: readonly StoredEvent[],
  packs: readonly StoredPack[],
  { criteria, maxCount }: { readonly criteria: Criteria; readonly maxCount: number },
): NotifiedEvent[] {
  const events: NotifiedEvent[] = [];
  const unfolder = new PackUnfolder();
  let resources = 0;
  for (const [index, pack] of packs.entries()) {
    const event = stored[index];
    if (event === undefined) break;
    const resourceTexts = pack.folded ? packLines(unfolder.unfold(pack.folded)).map(String) : [];
    const matches = matchesOf(resourceTexts, criteria);
    resources += matches.length;
    if (events.length > 0 && resources > maxCount) break;
    events.push({ number: event.number, atMs: pack.storedAtMs, matches });
  }
  return events;
}

/** A random UUID (RFC 9562, version 4) of 16 random bytes. */
export function uuidOf(bytes: Buffer): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
