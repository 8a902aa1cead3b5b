import { assert } from '#kernel';

const META = ',"meta":{';

/**
 * The JSON of a stored resource with `meta.versionId` and `meta.lastUpdated`, put in without touching another byte, so
 * every decimal keeps its digits. Stored texts begin {"resourceType":"T","id":"I" and, if they have one, have their
 * own `meta` somewhere, which holds neither member.
 */
export function spliceMeta(text: string, version: number, lastUpdatedMs: number): string {
  // An id holds letters, digits, hyphens and dots only, so its closing quote is the eighth of the text.
  const idStart = text.indexOf('","id":"');
  assert(idStart > 0 && text.startsWith('{"resourceType":"'), 'STORE_RESOURCE_HEAD_MISSING');
  const idEnd = text.indexOf('"', idStart + 8) + 1;
  const meta = `"versionId":"${version}","lastUpdated":"${new Date(lastUpdatedMs).toISOString()}"`;
  const own = ownMeta(text, idEnd);
  if (own >= 0) {
    const inside = own + META.length;
    const comma = text[inside] === '}' ? '' : ',';
    return text.slice(0, inside) + meta + comma + text.slice(inside);
  }
  return `${text.slice(0, idEnd)},"meta":{${meta}}${text.slice(idEnd)}`;
}

/** Where the resource's own `meta` begins; -1 when it has none. A `meta` inside a contained resource is not its own. */
function ownMeta(text: string, from: number): number {
  if (text.startsWith(META, from)) return from;
  for (let at = text.indexOf(META, from); at >= 0; at = text.indexOf(META, at + 1)) {
    if (isOutermost(text, from, at)) return at;
  }
  return -1;
}

/** True when `at` lies outside of every string and of every object or list that was opened after `from`. */
function isOutermost(text: string, from: number, at: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = from; index < at; index++) {
    const code = text.charCodeAt(index);
    if (quoted) {
      if (code === 0x5c) index++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return depth === 0 && !quoted;
}
