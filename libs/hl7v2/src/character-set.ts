import { isAscii, isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import iconv from 'iconv-lite';
import { characterSetLabel } from './character-set-names.js';

/** `warning`: the text is whole, but not as declared. `error`: a byte has no meaning in the set that was used. */
export interface CharacterSetProblem {
  readonly code:
    | 'CHARACTER_SET_UNKNOWN'
    | 'CHARACTER_SET_ASSUMED'
    | 'CHARACTER_SET_WRONG'
    | 'BYTES_UNDECODABLE'
    | 'NUL_BYTES';
  readonly severity: 'warning' | 'error';
  /** For people; names of character sets and counts only. */
  readonly detail: string;
}

export interface DecodedText {
  readonly text: string;
  /** Label of the set the bytes were read with. */
  readonly label: string;
  readonly problems: readonly CharacterSetProblem[];
}

/** UTF-16 as its bytes show it: a byte order mark, or a zero byte beside the first letter. */
export type WideEncoding = { readonly label: 'utf-16le' | 'utf-16be'; readonly markLength: 0 | 2 };

const noProblems: readonly CharacterSetProblem[] = [];
const replacement = '\uFFFD';
/** Bytes 80 to 9F of windows-1252; the five undefined ones keep their code, and are reported. */
const windows1252High =
  '\u20AC\u0081\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\u008D\u017D\u008F' +
  '\u0090\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\u009D\u017E\u0178';

/** Recognises UTF-16 by its first bytes; undefined for every set in which an ASCII letter is one byte. */
export function detectWide(raw: Uint8Array): WideEncoding | undefined {
  const first = raw[0];
  const second = raw[1];
  if (first === 0xff && second === 0xfe) return { label: 'utf-16le', markLength: 2 };
  if (first === 0xfe && second === 0xff) return { label: 'utf-16be', markLength: 2 };
  if (raw.length < 4) return undefined;
  if (first !== 0 && second === 0 && raw[2] !== 0 && raw[3] === 0)
    return { label: 'utf-16le', markLength: 0 };
  if (first === 0 && second !== 0 && raw[2] === 0 && raw[3] !== 0)
    return { label: 'utf-16be', markLength: 0 };
  return undefined;
}

/** Length of a UTF-8 byte order mark at the start of `raw`: 0 or 3. */
export function utf8MarkLength(raw: Uint8Array): 0 | 3 {
  return raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf ? 3 : 0;
}

/**
 * The set that the repetitions of MSH-18 name, and the names nobody knows. The first repetition is the default
 * set, the others may be switched to by escape sequences (HL7 2.5.1, 2.15.9.18); ISO 2022 contains ASCII, so the
 * first set that is more than ASCII reads both.
 */
export function declaredCharacterSet(names: readonly string[]): {
  label: string | undefined;
  unknown: number;
} {
  let label: string | undefined;
  let unknown = 0;
  for (const name of names) {
    if (name.trim() === '') continue;
    const found = characterSetLabel(name.trim());
    if (found === undefined) unknown++;
    else if (label === undefined || label === 'ascii' || found === 'iso-2022-jp') label = found;
  }
  return { label, unknown };
}

/**
 * Decodes a whole message. A byte that does not decode is never replaced silently: either another set reads all
 * bytes strictly and that is reported, or the result carries an error. `names` are the repetitions of MSH-18;
 * `fallback` is the label a channel names for senders that declare nothing.
 */
export function decodeText(raw: Buffer, names: readonly string[], fallback?: string): DecodedText {
  const wide = detectWide(raw);
  if (wide !== undefined) return decodeWide(raw, wide);
  const mark = utf8MarkLength(raw);
  const bytes = mark === 0 ? raw : raw.subarray(mark);
  // ESC may switch sets inside seven bits (ISO 2022), so bytes with ESC are not simply ASCII.
  if (isAscii(bytes) && !bytes.includes(0x1b)) return decodeAscii(bytes, names);
  const { label: declared, unknown } = declaredCharacterSet(names);
  const problems: CharacterSetProblem[] = [];
  if (unknown > 0) problems.push(warning('CHARACTER_SET_UNKNOWN', `${unknown} names in MSH-18 are unknown`));
  if (bytes.includes(0)) problems.push(nulBytes);
  if (mark === 3) return strictOr(bytes, 'utf-8', problems);
  if (declared !== undefined) return decodeDeclared(bytes, declared, problems);
  return decodeUndeclared(bytes, fallback, problems);
}

const nulBytes = warning('NUL_BYTES', 'the message contains NUL bytes');

function decodeAscii(bytes: Buffer, names: readonly string[]): DecodedText {
  const label = (names.length === 0 ? undefined : declaredCharacterSet(names).label) ?? 'ascii';
  const text = bytes.toString('latin1');
  return { text, label, problems: bytes.includes(0) ? [nulBytes] : noProblems };
}

function decodeDeclared(bytes: Buffer, declared: string, problems: CharacterSetProblem[]): DecodedText {
  const text = strictText(bytes, declared);
  if (text !== undefined) return { text, label: declared, problems: seal(problems) };
  const wrong = (used: string) =>
    warning('CHARACTER_SET_WRONG', `MSH-18 says ${declared}, the bytes are not; read as ${used}`);
  if (declared !== 'utf-8' && isUtf8(bytes)) {
    problems.push(wrong('utf-8'));
    return { text: bytes.toString('utf8'), label: 'utf-8', problems };
  }
  if (declared === 'utf-8' || declared === 'ascii') {
    problems.push(wrong('windows-1252'));
    return strictOr(bytes, 'windows-1252', problems);
  }
  return strictOr(bytes, declared, problems);
}

function decodeUndeclared(
  bytes: Buffer,
  fallback: string | undefined,
  problems: CharacterSetProblem[],
): DecodedText {
  const named = fallback === undefined ? undefined : characterSetLabel(fallback);
  if (named !== undefined) {
    const text = strictText(bytes, named);
    if (text !== undefined) return { text, label: named, problems: seal(problems) };
  }
  if (isUtf8(bytes)) return { text: bytes.toString('utf8'), label: 'utf-8', problems: seal(problems) };
  problems.push(
    warning('CHARACTER_SET_ASSUMED', 'MSH-18 is empty, the bytes are not UTF-8; read as windows-1252'),
  );
  return strictOr(bytes, 'windows-1252', problems);
}

function decodeWide(raw: Buffer, wide: WideEncoding): DecodedText {
  const bytes = raw.subarray(wide.markLength);
  return strictOr(bytes, wide.label, []);
}

/** Strict text, or the lenient text together with the error that says how many characters have no meaning. */
function strictOr(bytes: Buffer, label: string, problems: CharacterSetProblem[]): DecodedText {
  const text = strictText(bytes, label);
  if (text !== undefined) return { text, label, problems: seal(problems) };
  const lenient = lenientText(bytes, label);
  problems.push({
    code: 'BYTES_UNDECODABLE',
    severity: 'error',
    detail: `bytes do not decode as ${label}, ${lenient.undecodable} places`,
  });
  return { text: lenient.text, label, problems };
}

function seal(problems: CharacterSetProblem[]): readonly CharacterSetProblem[] {
  return problems.length === 0 ? noProblems : problems;
}

function warning(code: CharacterSetProblem['code'], detail: string): CharacterSetProblem {
  return { code, severity: 'warning', detail };
}

const decoders = new Map<string, TextDecoder>();

/** The text of `bytes` when every byte has a meaning in the set, else undefined. Also used for hex escapes. */
export function strictText(bytes: Buffer, label: string): string | undefined {
  if (label === 'utf-8') return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  if (label === 'ascii') return isAscii(bytes) ? bytes.toString('latin1') : undefined;
  if (label === 'windows-1252') return windows1252(bytes, true);
  let decoder = decoders.get(label);
  if (decoder === undefined) {
    const made = textDecoder(label, true);
    if (made === undefined) return strictIconv(bytes, label);
    decoder = made;
    decoders.set(label, decoder);
  }
  try {
    return decoder.decode(bytes);
  } catch {
    // A fatal decoder says by throwing that a byte has no meaning; its state afterwards is not to be trusted.
    decoders.delete(label);
    return undefined;
  }
}

function textDecoder(label: string, fatal: boolean): TextDecoder | undefined {
  try {
    return new TextDecoder(label, { fatal, ignoreBOM: true });
  } catch {
    // RangeError: this Node does not know the set (old code pages, or a build with little ICU); iconv-lite may.
    return undefined;
  }
}

function strictIconv(bytes: Buffer, label: string): string | undefined {
  if (!iconv.encodingExists(label)) return undefined;
  const text = iconv.decode(bytes, label, { stripBOM: false });
  return text.includes(replacement) ? undefined : text;
}

function lenientText(bytes: Buffer, label: string): { text: string; undecodable: number } {
  if (label === 'windows-1252') {
    let undecodable = 0;
    for (const byte of bytes) if (isUndefined1252(byte)) undecodable++;
    return { text: windows1252(bytes, false) ?? '', undecodable };
  }
  const decoder = textDecoder(label, false);
  let text: string;
  if (decoder !== undefined) text = decoder.decode(bytes);
  else if (iconv.encodingExists(label)) text = iconv.decode(bytes, label, { stripBOM: false });
  else text = bytes.toString('latin1');
  return { text, undecodable: Math.max(1, text.split(replacement).length - 1) };
}

function windows1252(bytes: Buffer, strict: boolean): string | undefined {
  let high = -1;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x80 || byte > 0x9f) continue;
    if (strict && isUndefined1252(byte)) return undefined;
    if (high < 0) high = i;
  }
  if (high < 0) return bytes.toString('latin1');
  const parts: string[] = [];
  let from = 0;
  for (let i = high; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte < 0x80 || byte > 0x9f) continue;
    parts.push(bytes.toString('latin1', from, i), windows1252High[byte - 0x80] as string);
    from = i + 1;
  }
  parts.push(bytes.toString('latin1', from, bytes.length));
  return parts.join('');
}

function isUndefined1252(byte: number): boolean {
  return byte === 0x81 || byte === 0x8d || byte === 0x8f || byte === 0x90 || byte === 0x9d;
}
