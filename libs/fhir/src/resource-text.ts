import { assert } from '#kernel';
import { readJson } from './read-json.js';
import { type FhirObject, writeJson } from './write-json.js';

const head = /^\{"resourceType":"([A-Za-z]{2,64})","id":"([A-Za-z0-9\-.]{1,64})"/;

/** Type and id of a stored resource. */
export interface ResourceHead {
  readonly type: string;
  readonly id: string;
}

/** What the server adds to a stored resource when it is read. */
export interface VersionFacts {
  readonly versionId: string | number;
  /** An instant of FHIR. */
  readonly lastUpdated: string;
}

/**
 * Type and id of a resource as `writeJson` wrote it, which starts `{"resourceType":"T","id":"I"`; nothing else is
 * read. A `bug` when the text does not start so.
 */
export function headOf(json: string): ResourceHead {
  const match = head.exec(json);
  assert(match, 'FHIR_HEAD_MALFORMED');
  return { type: match[1] ?? '', id: match[2] ?? '' };
}

/**
 * The same resource with version and time in its `meta`, which is put right after the id, or extended where it
 * stands. `json` is as `writeJson` wrote it and starts with type and id (see `headOf`); every other byte stays as it
 * is. A versionId or lastUpdated that is there already is replaced.
 */
export function spliceMeta(json: string, { versionId, lastUpdated }: VersionFacts): string {
  const match = head.exec(json);
  assert(match, 'FHIR_HEAD_MALFORMED');
  const afterId = match[0].length;
  const facts = `"versionId":${JSON.stringify(String(versionId))},"lastUpdated":${JSON.stringify(lastUpdated)}`;
  const at = json.indexOf('"meta":', afterId) < 0 ? -1 : metaAt(json, afterId);
  if (at < 0) return `${json.slice(0, afterId)},"meta":{${facts}}${json.slice(afterId)}`;
  const open = at + '"meta":'.length;
  assert(json.charCodeAt(open) === brace, 'FHIR_META_MALFORMED');
  const close = endOfObject(json, open);
  const inner = withoutFacts(json.slice(open, close));
  return `${json.slice(0, open)}{${facts}${inner === '' ? '' : ','}${inner}}${json.slice(close)}`;
}

const quote = 0x22;
const backslash = 0x5c;
const brace = 0x7b;
const closingBrace = 0x7d;
const bracket = 0x5b;
const closingBracket = 0x5d;

/** Where the member `meta` of the resource itself starts, or -1: contained resources and entries may have theirs. */
function metaAt(json: string, from: number): number {
  let depth = 0;
  for (let i = from; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === quote) {
      // At depth 0 only names follow a comma, so a text that reads `"meta":` there is the member.
      if (depth === 0 && json.startsWith('"meta":', i) && json.charCodeAt(i - 1) === 0x2c) return i;
      i = endOfString(json, i);
    } else if (code === brace || code === bracket) depth++;
    else if (code === closingBrace || code === closingBracket) depth--;
  }
  return -1;
}

/** Index of the quote that ends the string which starts at `from`. */
function endOfString(json: string, from: number): number {
  for (let i = json.indexOf('"', from + 1); i >= 0; i = json.indexOf('"', i + 1)) {
    let slashes = 0;
    while (json.charCodeAt(i - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0) return i;
  }
  assert(false, 'FHIR_TEXT_MALFORMED');
}

/** Index after the brace that ends the object which starts at `from`. */
function endOfObject(json: string, from: number): number {
  let depth = 0;
  for (let i = from; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === quote) i = endOfString(json, i);
    else if (code === brace) depth++;
    else if (code === closingBrace && --depth === 0) return i + 1;
  }
  assert(false, 'FHIR_TEXT_MALFORMED');
}

/** The members of a meta without the facts that are replaced, without its braces. */
function withoutFacts(meta: string): string {
  if (!meta.includes('versionId":') && !meta.includes('lastUpdated":')) return meta.slice(1, -1);
  const members = readJson(meta) as FhirObject;
  for (const name of ['versionId', '_versionId', 'lastUpdated', '_lastUpdated']) delete members[name];
  return writeJson(members).slice(1, -1);
}
