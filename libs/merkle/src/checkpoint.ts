import { HASH_BYTES } from './hash.js';
import { type NoteRefusal, openNote, signNote } from './note.js';
import type { NoteSigner, NoteVerifier } from './note-keys.js';
import { decodeBase64 } from './strict-base64.js';

/** A log's tree head: how many leaves, and the root over them (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** Names the log for ever. */
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

type OpenedCheckpoint =
  | { readonly opened: true; readonly checkpoint: Checkpoint }
  | { readonly opened: false; readonly reason: NoteRefusal };

/** The signed note of a checkpoint. The signer's name is the origin. */
export function signCheckpoint(size: number, root: Buffer, signer: NoteSigner): string {
  return signNote(`${signer.name}\n${size}\n${root.toString('base64')}\n`, signer);
}

/**
 * Reads a checkpoint that `key` signed for the origin of its own name: another log's checkpoint, though signed by this
 * key, is refused. Safe for hostile input; sizes of 2^53 and above are malformed.
 */
export function openCheckpoint(note: string, key: NoteVerifier): OpenedCheckpoint {
  const opened = openNote(note, [key]);
  if (!opened.opened) return opened;
  const checkpoint = parseCheckpoint(opened.text);
  if (checkpoint === undefined || checkpoint.origin !== key.name)
    return { opened: false, reason: 'malformed' };
  return { opened: true, checkpoint };
}

function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin, sizeText, rootText, ...extensions] = text.slice(0, -1).split('\n');
  if (origin === undefined || origin === '' || sizeText === undefined || rootText === undefined)
    return undefined;
  // Extension lines are opaque to us, but never empty.
  if (extensions.includes('')) return undefined;
  const size = parseCount(sizeText);
  const root = decodeBase64(rootText);
  if (size === undefined || root?.length !== HASH_BYTES) return undefined;
  return { origin, size, root };
}

/** ASCII decimal without leading zeros, below 2^53. */
export function parseCount(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const count = Number(text);
  return Number.isSafeInteger(count) ? count : undefined;
}
