import { createHash, createHmac, hash } from 'node:crypto';
import { assert, type Position } from '#kernel';
import type { PackLine } from './pack-bytes.js';

/** Layout and meaning: libs/ledger/ENTRY-FORMAT.md. This file is the writer; the verifier has a reader of its own. */
const ENTRY_VERSION = 2;
const LEDGER_ENTRY_BYTES = 152;
const HASH_BYTES = 32;
const SALT_BYTES = 16;

const rawDomain = Buffer.from('suture-raw-v1\0');
const fhirDomain = Buffer.from('suture-fhir-v2\0');
const mappingDomain = 'suture-mapping-v1\0';
/** RFC 6962 section 2.1: a leaf is hashed behind a zero byte, so that no node can pass for a leaf. */
const leafDomain = Buffer.from([0]);

/** `previous` of the first entry of a stream. */
export const noPreviousEntry: Buffer = Buffer.alloc(HASH_BYTES);

/** What one journaled message leaves in the ledger. The four hashes are 32 bytes each. */
export interface LedgerEntry {
  /** `journal.kind`: 0 message, 1 replay, 2 twin marker, 3 write through the FHIR API. Stored plus one. */
  readonly journalKind: number;
  /** `pack.state`: 1 transformed, 2 filtered, 3 dead. */
  readonly state: number;
  /** `journal.received_at` in milliseconds. */
  readonly timeMs: number;
  readonly position: Position;
  /** `ledgerEntryHash` of the stream's entry before, or `noPreviousEntry`. */
  readonly previous: Buffer;
  readonly raw: Buffer;
  readonly fhir: Buffer;
  readonly mapping: Buffer;
}

/** The 152 bytes of one entry: the exact leaf of the ledger's tree. */
export function encodeLedgerEntry(entry: LedgerEntry): Buffer {
  const bytes = Buffer.allocUnsafe(LEDGER_ENTRY_BYTES);
  bytes[0] = ENTRY_VERSION;
  bytes[1] = entry.journalKind + 1;
  bytes[2] = entry.state;
  bytes[3] = 0;
  writeUint64(bytes, Math.floor(entry.timeMs), 4);
  bytes.writeUInt16BE(entry.position.lane, 12);
  bytes.writeUInt16BE(entry.position.partition, 14);
  writeUint64(bytes, entry.position.seq, 16);
  writeHash(bytes, entry.previous, 24);
  writeHash(bytes, entry.raw, 56);
  writeHash(bytes, entry.fhir, 88);
  writeHash(bytes, entry.mapping, 120);
  return bytes;
}

/** The inverse of `encodeLedgerEntry`. Throws `bug` LEDGER_ENTRY_MALFORMED for anything that it did not write. */
export function decodeLedgerEntry(bytes: Buffer): LedgerEntry {
  assert(bytes.length === LEDGER_ENTRY_BYTES && bytes[0] === ENTRY_VERSION, 'LEDGER_ENTRY_MALFORMED');
  return {
    journalKind: bytes.readUInt8(1) - 1,
    state: bytes.readUInt8(2),
    timeMs: readUint64(bytes, 4),
    position: { lane: bytes.readUInt16BE(12), partition: bytes.readUInt16BE(14), seq: readUint64(bytes, 16) },
    previous: bytes.subarray(24, 56),
    raw: bytes.subarray(56, 88),
    fhir: bytes.subarray(88, 120),
    mapping: bytes.subarray(120, 152),
  };
}

/** The hash the next entry of the stream points to, and the tree holds: `cursor.entry_hash`. */
export function ledgerEntryHash(entry: Buffer): Buffer {
  return hash('sha256', Buffer.concat([leafDomain, entry]), 'buffer');
}

/** What an entry says of content: it hides it without `salt` (16 random bytes, new per message), and proves it with it. */
export const commitment = {
  /** To the bytes that were transformed. */
  raw(salt: Buffer, bytes: Buffer): Buffer {
    return keyedHash(salt, rawDomain, bytes);
  },

  /**
   * To the resources of a pack, in their order, by the SHA-256 of each: none of them need be read again, and one can be
   * proven without the others being shown. No resources: a message that produced nothing.
   */
  fhir(salt: Buffer, resources: readonly Pick<PackLine, 'sha256'>[]): Buffer {
    let digests = '';
    for (const { sha256 } of resources) digests += sha256;
    return keyedHash(salt, fhirDomain, Buffer.from(digests, 'hex'));
  },
} as const;

/** With a domain, so that a commitment to raw bytes can never be shown as one to FHIR bytes. */
function keyedHash(salt: Buffer, domain: Buffer, bytes: Buffer): Buffer {
  assert(salt.length === SALT_BYTES, 'LEDGER_SALT_LENGTH');
  return createHmac('sha256', salt).update(domain).update(bytes).digest();
}

/** What `pack.mapping` holds: one digest over the engine's version and the mapping sources' digest (hex). */
export function digestOfMapping(engineVersion: string, mappingDigest: string): Buffer {
  return createHash('sha256').update(`${mappingDomain}${engineVersion}\0${mappingDigest}`).digest();
}

function writeHash(target: Buffer, bytes: Buffer, offset: number): void {
  assert(bytes.length === HASH_BYTES, 'LEDGER_HASH_LENGTH');
  bytes.copy(target, offset);
}

// Two 32-bit halves: a third of the cost of a BigInt, exact below 2^53.
function writeUint64(target: Buffer, value: number, offset: number): void {
  target.writeUInt32BE(Math.floor(value / 2 ** 32), offset);
  target.writeUInt32BE(value % 2 ** 32, offset + 4);
}

function readUint64(source: Buffer, offset: number): number {
  const value = source.readUInt32BE(offset) * 2 ** 32 + source.readUInt32BE(offset + 4);
  assert(Number.isSafeInteger(value), 'LEDGER_ENTRY_MALFORMED');
  return value;
}
