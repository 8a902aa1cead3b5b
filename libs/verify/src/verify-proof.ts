import { hashLeaf, NoteVerifier, openCheckpoint, parseTlogProof, verifyInclusion } from '#merkle';
import { type ProofFile, readProofFile } from './proof-file.js';
import { commitsTo, type EntryFields, readEntry } from './read-entry.js';

/** How far a proof reaches; each level includes the one before. */
export type ProofLevel = 'nothing' | 'content matches entry' | 'in a signed tree';

export interface Verification {
  /** verified: every level reached. refuted: something does not fit. unreadable: no proof file, or no usable key. */
  readonly outcome: 'verified' | 'refuted' | 'unreadable';
  /** 0 verified, 1 refuted, 2 unreadable. */
  readonly exitCode: 0 | 1 | 2;
  readonly level: ProofLevel;
  /** 'file': the log's key was taken from the proof itself, so anybody could have made the whole of it. */
  readonly keyFrom: 'argument' | 'file';
  /** What failed, in words; empty when verified. */
  readonly reasons: readonly string[];
  readonly facts?: ProofFacts;
}

export interface ProofFacts {
  readonly message: string;
  readonly state: 'transformed' | 'filtered' | 'dead' | 'unknown';
  readonly receivedAt: string;
  /** SHA-256 over engine and mapping, as the entry has it. */
  readonly mapping: string;
  readonly log: string;
  readonly index: number;
  readonly treeSize: number;
  readonly root: string;
}

/**
 * Checks a proof file offline: that its raw and FHIR bytes are those the entry commits to, and that the entry is in a
 * tree the log signed. `trustedKey` is the log's verifier key (`name+id+key`) as known from elsewhere; without it the
 * file's own is used and the result says so. Never throws; safe for hostile input.
 */
export function verifyProof(text: string, trustedKey?: string): Verification {
  const keyFrom = trustedKey === undefined ? 'file' : 'argument';
  const proof = readProofFile(text);
  if (proof === undefined) return unreadable('this is no proof file', keyFrom);
  const key = NoteVerifier.parse(trustedKey?.trim() ?? proof.key);
  if (key === undefined) {
    const which = keyFrom === 'file' ? "the file's key" : 'the given key';
    return unreadable(`${which} is no verifier key (name+id+key)`, keyFrom);
  }
  const entry = readEntry(proof.entry);
  if (entry === undefined) return refuted('nothing', ['the entry is of no known version'], keyFrom);
  const contentFaults = checkContent(proof, entry);
  if (contentFaults.length > 0) return refuted('nothing', contentFaults, keyFrom);
  const placed = checkPlace(proof, key);
  if (typeof placed === 'string') return refuted('content matches entry', [placed], keyFrom);
  return {
    outcome: 'verified',
    exitCode: 0,
    level: 'in a signed tree',
    keyFrom,
    reasons: [],
    facts: { ...factsOf(proof, entry), log: key.name, ...placed },
  };
}

function checkContent(proof: ProofFile, entry: EntryFields): string[] {
  const faults: string[] = [];
  if (proof.message !== `${entry.lane}-${entry.partition}-${entry.seq}`)
    faults.push('the entry belongs to another message');
  if (!commitsTo(entry, 'raw', proof.salt, proof.raw))
    faults.push('the raw bytes are not those the entry commits to');
  if (!commitsTo(entry, 'fhir', proof.salt, proof.fhir))
    faults.push('the FHIR bytes are not those the entry commits to');
  return faults;
}

/** Where the entry stands in the signed tree, or why it does not. */
function checkPlace(
  proof: ProofFile,
  key: NoteVerifier,
): { index: number; treeSize: number; root: string } | string {
  const inclusion = parseTlogProof(proof.inclusion);
  if (inclusion === undefined) return 'the inclusion proof is malformed';
  const opened = openCheckpoint(inclusion.checkpoint, key);
  if (!opened.opened) {
    switch (opened.reason) {
      case 'malformed':
        return 'the checkpoint is malformed';
      case 'unknown-key':
        return `the checkpoint is not signed by the key ${key.name}+${key.id.toString('hex')}`;
      case 'bad-signature':
        return "the checkpoint's signature is wrong";
    }
  }
  const { size, root } = opened.checkpoint;
  const { index, hashes } = inclusion;
  if (!verifyInclusion({ index, size, leafHash: hashLeaf(proof.entry), proof: hashes, root }))
    return 'the entry is not in the signed tree at that index';
  return { index, treeSize: size, root: root.toString('hex') };
}

const states = ['transformed', 'filtered', 'dead'] as const;

function factsOf(proof: ProofFile, entry: EntryFields) {
  const received = new Date(entry.receivedAtMs);
  return {
    message: proof.message,
    state: states[entry.state - 1] ?? 'unknown',
    // A hostile entry may hold a time that no calendar has.
    receivedAt: Number.isNaN(received.getTime()) ? 'unknown' : received.toISOString(),
    mapping: entry.mapping.toString('hex'),
  } as const;
}

function refuted(level: ProofLevel, reasons: string[], keyFrom: 'argument' | 'file'): Verification {
  return { outcome: 'refuted', exitCode: 1, level, keyFrom, reasons };
}

function unreadable(reason: string, keyFrom: 'argument' | 'file'): Verification {
  return { outcome: 'unreadable', exitCode: 2, level: 'nothing', keyFrom, reasons: [reason] };
}
