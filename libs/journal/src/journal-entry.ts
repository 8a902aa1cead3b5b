import { createHash } from 'node:crypto';
import { hash64, type Position } from '#kernel';
import { PARTITION_COUNT } from './lane.js';

/** What a journal row is; the numbers are stored. */
export const journalKind = { message: 0, replay: 1, twin: 2, fhirWrite: 3 } as const;
export type JournalKind = (typeof journalKind)[keyof typeof journalKind];

/** One message on its way into the journal. */
export interface JournalEntry {
  readonly kind: JournalKind;
  /** From `channelId`. */
  readonly channel: number;
  readonly receivedAtMs: number;
  readonly partition: number;
  /** The second patient's partition, for a message that touches two (A40 and relatives), when it differs. */
  readonly twinPartition?: number;
  /** 16 bytes: equal keys are the same message, stored once. */
  readonly key: Buffer;
  readonly controlHash?: bigint;
  readonly sender?: number;
  /** For a replay: the message whose bytes are run again. */
  readonly refers?: Position;
  readonly raw: Buffer;
}

export interface Appended {
  /** Undefined for a duplicate: it was stored when it came first. */
  readonly position: Position | undefined;
  readonly duplicate: boolean;
  /** The same sender used this control id before, for other bytes. */
  readonly controlIdReused: boolean;
}

/** A message as the transformer reads it back. */
export interface JournaledMessage {
  readonly position: Position;
  readonly kind: JournalKind;
  readonly controlIdReused: boolean;
  readonly channel: number;
  readonly receivedAtMs: number;
  readonly refers: Position | undefined;
  readonly raw: Buffer;
}

/** The partition of a patient (or, without one, of whatever names the channel): the same in every process, for ever. */
export function partitionOf(tenant: string, identifier: string): number {
  return Number(BigInt.asUintN(64, hash64(`${tenant}\0${identifier}`)) % BigInt(PARTITION_COUNT));
}

/** The same channel and bytes make the same key: a sender that restarts may reuse MSH-10, so the bytes decide. */
export function idempotencyKey(channel: string, raw: Buffer): Buffer {
  return createHash('sha256').update(channel).update('\0').update(raw).digest().subarray(0, 16);
}

/** What `journal.control_hash` holds for a control id (MSH-10). */
export function controlHash(controlId: string): bigint {
  return hash64(controlId);
}

/** By what a reused control id is noticed: the id (MSH-10) and its sender (MSH-3, MSH-4), as an entry holds them. */
export function senderKeys(
  controlId: string,
  application: string,
  facility: string,
): Required<Pick<JournalEntry, 'controlHash' | 'sender'>> {
  const sender = Number(BigInt.asIntN(32, hash64(`${application}\0${facility}`)));
  return { controlHash: controlHash(controlId), sender };
}
