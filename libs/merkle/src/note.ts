import { isKeyName, type NoteSigner, type NoteVerifier } from './note-keys.js';
import { decodeBase64 } from './strict-base64.js';

/** C2SP signed-note asks for room for 16 signatures; the reference implementation stops at 100. */
const MAX_SIGNATURES = 100;
const MAX_NOTE_CHARACTERS = 1_000_000;
const KEY_ID_BYTES = 4;
const MARK = '\u2014 ';

/**
 * - malformed: no signed note.
 * - unknown-key: well-formed, but not signed by any of the keys; its text means nothing.
 * - bad-signature: names one of the keys, but that key did not sign this text.
 */
export type NoteRefusal = 'malformed' | 'unknown-key' | 'bad-signature';

type OpenedNote =
  | { readonly opened: true; readonly text: string; readonly signers: readonly NoteVerifier[] }
  | { readonly opened: false; readonly reason: NoteRefusal };

/** The signed note of `text`, which must end with a line feed (C2SP signed-note, section Format). */
export function signNote(text: string, signer: NoteSigner): string {
  const signed = Buffer.concat([signer.verifier.id, signer.sign(text)]);
  return `${text}\n${MARK}${signer.name} ${signed.toString('base64')}\n`;
}

/** Checks a note against the known keys; safe for hostile input. At least one of them must have signed, none wrongly. */
export function openNote(note: string, known: readonly NoteVerifier[]): OpenedNote {
  const parts = parseNote(note);
  if (parts === undefined) return { opened: false, reason: 'malformed' };
  const signers: NoteVerifier[] = [];
  for (const { name, id, signature } of parts.signatures) {
    const verifier = known.find((key) => key.name === name && key.id.equals(id));
    if (verifier === undefined || signers.includes(verifier)) continue;
    if (!verifier.verify(parts.text, signature)) return { opened: false, reason: 'bad-signature' };
    signers.push(verifier);
  }
  return signers.length === 0
    ? { opened: false, reason: 'unknown-key' }
    : { opened: true, text: parts.text, signers };
}

interface NoteSignature {
  readonly name: string;
  readonly id: Buffer;
  readonly signature: Buffer;
}

/** A note taken apart without trusting it; undefined when malformed. */
function parseNote(note: string): { text: string; signatures: NoteSignature[] } | undefined {
  if (note.length > MAX_NOTE_CHARACTERS || !isNoteText(note)) return undefined;
  const blank = note.lastIndexOf('\n\n');
  if (blank < 0 || !note.endsWith('\n')) return undefined;
  const lines = note.slice(blank + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return undefined;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignature(line);
    if (signature === undefined) return undefined;
    signatures.push(signature);
  }
  return { text: note.slice(0, blank + 1), signatures };
}

/** Well-formed text without control characters other than line feeds. U+FFFD stands where bytes were no UTF-8. */
function isNoteText(note: string): boolean {
  if (/\p{Surrogate}|\ufffd/u.test(note)) return false;
  for (let at = 0; at < note.length; at++) {
    const code = note.charCodeAt(at);
    if (code < 0x20 && code !== 0x0a) return false;
  }
  return true;
}

function parseSignature(line: string): NoteSignature | undefined {
  const space = line.indexOf(' ', MARK.length);
  if (!line.startsWith(MARK) || space < 0) return undefined;
  const name = line.slice(MARK.length, space);
  const bytes = decodeBase64(line.slice(space + 1));
  if (!isKeyName(name) || bytes === undefined || bytes.length <= KEY_ID_BYTES) return undefined;
  return { name, id: bytes.subarray(0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) };
}
