import { assert } from '#kernel';
import { unknownBase } from './bundle.js';

const lineFeed = 0x0a;
const quote = 0x22;
const slash = 0x2f;
/** Of a type and of an id. */
const maxNameBytes = 64;
const typeName = Buffer.from('{"resourceType":"');
const idName = Buffer.from('","id":"');
const openNamed = Buffer.from(`{"fullUrl":"${unknownBase}`);
const resourceAfterName = Buffer.from('","resource":');
const openUnnamed = Buffer.from('{"resource":');
const closeEntry = Buffer.from('},');
const closeBundle = Buffer.from('}]}');

/**
 * The Bundle that `bundleOf` makes of the same resource texts, here given and made as bytes: one resource in each line, as
 * `writeJson` wrote it. Nothing is decoded, every byte of a resource is copied once.
 */
export function bundleOfLines(type: 'message' | 'collection', lines: Buffer): Buffer {
  const open = `{"resourceType":"Bundle","type":"${type}"`;
  // R4 has no empty arrays.
  if (lines.length === 0) return Buffer.from(`${open}}`);
  const ends = endsOf(lines);
  const entryBytes = openNamed.length + 2 * maxNameBytes + 1 + resourceAfterName.length + closeEntry.length;
  const out = Buffer.allocUnsafe(open.length + ',"entry":['.length + lines.length + ends.length * entryBytes);
  let at = out.write(`${open},"entry":[`, 'latin1');
  let start = 0;
  for (const end of ends) {
    at = writeOpening(out, at, lines, start);
    at += lines.copy(out, at, start, end);
    at += closeEntry.copy(out, at);
    start = end + 1;
  }
  at += closeBundle.copy(out, at - closeEntry.length) - closeEntry.length;
  return out.subarray(0, at);
}

/** Where each line ends. */
function endsOf(lines: Buffer): number[] {
  const ends: number[] = [];
  for (let at = lines.indexOf(lineFeed); at >= 0; at = lines.indexOf(lineFeed, at + 1)) ends.push(at);
  ends.push(lines.length);
  return ends;
}

/** Writes an entry up to its resource, which starts at `start` of `lines`; answers where the resource goes. */
function writeOpening(out: Buffer, from: number, lines: Buffer, start: number): number {
  const typeStart = start + typeName.length;
  const typeEnd = matches(lines, start, typeName) ? endOfName(lines, typeStart) : start;
  if (!matches(lines, typeEnd, idName)) return from + openUnnamed.copy(out, from);
  const idStart = typeEnd + idName.length;
  const idEnd = endOfName(lines, idStart);
  let at = from + openNamed.copy(out, from);
  for (let i = typeStart; i < typeEnd; i++) out[at++] = lines[i] ?? 0;
  out[at++] = slash;
  for (let i = idStart; i < idEnd; i++) out[at++] = lines[i] ?? 0;
  return at + resourceAfterName.copy(out, at);
}

function matches(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** Index of the quote that ends a type or an id. */
function endOfName(bytes: Buffer, start: number): number {
  let end = start;
  while (isNameByte(bytes[end] ?? quote)) end++;
  assert(bytes[end] === quote && end > start && end - start <= maxNameBytes, 'FHIR_HEAD_MALFORMED');
  return end;
}

/** Letters, digits, hyphen and point. */
function isNameByte(byte: number): boolean {
  const lower = byte | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2e;
}
