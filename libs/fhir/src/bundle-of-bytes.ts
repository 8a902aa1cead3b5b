import { assert } from '#kernel';
import { unknownBase } from './bundle.js';

const quote = 0x22;
const comma = 0x2c;
const slash = 0x2f;
const closeBrace = 0x7d;
/** Of a type and of an id. */
const maxNameBytes = 64;
const typeName = Buffer.from('{"resourceType":"');
const idName = Buffer.from('","id":"');
const openNamed = Buffer.from(`{"fullUrl":"${unknownBase}`);
const resourceAfterName = Buffer.from('","resource":');
const openUnnamed = Buffer.from('{"resource":');
const closeBundle = Buffer.from(']}');
/** Most bytes of an entry beside its resource. */
const entryBytes = openNamed.length + 2 * maxNameBytes + 1 + resourceAfterName.length + 2;
/** 1 for each byte that a type or an id may hold: letters, digits, hyphen and point. */
const nameBytes = new Uint8Array(256);
for (const letter of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.')
  nameBytes[letter.charCodeAt(0)] = 1;

/**
 * The Bundle that `bundleOf` makes of the same resource texts, here given and made as bytes, as `writeJson` wrote them.
 * Nothing is decoded, every byte of a resource is copied once.
 */
export function bundleOfBytes(type: 'message' | 'collection', resources: readonly Buffer[]): Buffer {
  const open = `{"resourceType":"Bundle","type":"${type}"`;
  // R4 has no empty arrays.
  if (resources.length === 0) return Buffer.from(`${open}}`);
  let bytes = open.length + ',"entry":['.length + closeBundle.length;
  for (const resource of resources) bytes += resource.length + entryBytes;
  const out = Buffer.allocUnsafe(bytes);
  let at = out.write(`${open},"entry":[`, 'latin1');
  for (let i = 0; i < resources.length; i++) {
    const resource = resources[i] as Buffer;
    if (i > 0) out[at++] = comma;
    at = writeOpening(out, at, resource);
    out.set(resource, at);
    at += resource.length;
    out[at++] = closeBrace;
  }
  at = write(out, at, closeBundle);
  return out.subarray(0, at);
}

/** Writes an entry up to its resource; answers where the resource goes. */
function writeOpening(out: Buffer, from: number, resource: Buffer): number {
  const typeStart = typeName.length;
  const typeEnd = matches(resource, 0, typeName) ? endOfName(resource, typeStart) : 0;
  if (typeEnd === 0 || !matches(resource, typeEnd, idName)) return write(out, from, openUnnamed);
  const idStart = typeEnd + idName.length;
  const idEnd = endOfName(resource, idStart);
  let at = write(out, from, openNamed);
  for (let i = typeStart; i < typeEnd; i++) out[at++] = resource[i] as number;
  out[at++] = slash;
  for (let i = idStart; i < idEnd; i++) out[at++] = resource[i] as number;
  return write(out, at, resourceAfterName);
}

/** A few bytes are copied faster by a loop than by a call out of JavaScript. */
function write(out: Buffer, from: number, bytes: Buffer): number {
  for (let i = 0; i < bytes.length; i++) out[from + i] = bytes[i] as number;
  return from + bytes.length;
}

function matches(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** Index of the quote that ends a type or an id. */
function endOfName(bytes: Buffer, start: number): number {
  let end = start;
  while (nameBytes[bytes[end] as number] === 1) end++;
  assert(bytes[end] === quote && end > start && end - start <= maxNameBytes, 'FHIR_HEAD_MALFORMED');
  return end;
}
