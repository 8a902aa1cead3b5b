import { createHash, createHmac } from 'node:crypto';

/** A second reading of ../../ENTRY-FORMAT.md, sharing no code with the writer: what both agree on is the format. */
/** Version 1 commits to the FHIR bytes as a whole, version 2 to the digests of their lines. */
const ENTRY_VERSIONS = [1, 2];
const ENTRY_BYTES = 152;
const SALT_BYTES = 16;
const domains = { raw: 'suture-raw-v1\0', wholeFhir: 'suture-fhir-v1\0', fhir: 'suture-fhir-v2\0' } as const;
const LINE_FEED = 0x0a;

/** kind and state as they are written: 1 message, 2 replay, 3 twin, 4 FHIR write; 1 transformed, 2 filtered, 3 dead. */
export interface EntryFields {
  readonly version: number;
  readonly kind: number;
  readonly state: number;
  readonly receivedAtMs: number;
  readonly lane: number;
  readonly partition: number;
  readonly seq: number;
  readonly previous: Buffer;
  readonly raw: Buffer;
  readonly fhir: Buffer;
  readonly mapping: Buffer;
}

/** The fields of an entry; undefined for bytes that are no entry of a known version. */
export function readEntry(bytes: Buffer): EntryFields | undefined {
  if (bytes.length !== ENTRY_BYTES || !ENTRY_VERSIONS.includes(bytes[0] ?? 0) || bytes[3] !== 0)
    return undefined;
  const receivedAtMs = bytes.readBigUInt64BE(4);
  const seq = bytes.readBigUInt64BE(16);
  const largest = BigInt(Number.MAX_SAFE_INTEGER);
  if (receivedAtMs > largest || seq > largest) return undefined;
  return {
    version: bytes.readUInt8(0),
    kind: bytes.readUInt8(1),
    state: bytes.readUInt8(2),
    receivedAtMs: Number(receivedAtMs),
    lane: bytes.readUInt16BE(12),
    partition: bytes.readUInt16BE(14),
    seq: Number(seq),
    previous: bytes.subarray(24, 56),
    raw: bytes.subarray(56, 88),
    fhir: bytes.subarray(88, 120),
    mapping: bytes.subarray(120, 152),
  };
}

/** True if the entry commits to exactly these raw or FHIR bytes under this salt. */
export function commitsTo(entry: EntryFields, of: 'raw' | 'fhir', salt: Buffer, bytes: Buffer): boolean {
  if (salt.length !== SALT_BYTES) return false;
  const hmac = createHmac('sha256', salt);
  if (of === 'raw') hmac.update(domains.raw).update(bytes);
  else if (entry.version === 1) hmac.update(domains.wholeFhir).update(bytes);
  else hmac.update(domains.fhir).update(digestsOfLines(bytes));
  return hmac.digest().equals(entry[of]);
}

/** The SHA-256 of each line, one after the other; of no bytes there is none. */
function digestsOfLines(bytes: Buffer): Buffer {
  const digests: Buffer[] = [];
  let start = 0;
  while (bytes.length > 0 && start <= bytes.length) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found < 0 ? bytes.length : found;
    digests.push(createHash('sha256').update(bytes.subarray(start, end)).digest());
    start = end + 1;
  }
  return Buffer.concat(digests);
}
