import { isUtf8 } from 'node:buffer';
import { strictText } from './character-set.js';
import type { Separators } from './separators.js';

/** A formatting command repeats its line break or space at most so often. */
const formattingRepeatMax = 100;
/** A longer run between two escape characters is text with stray escape characters, not an escape sequence. */
const sequenceMax = 4_096;

/**
 * Replaces the escape sequences of HL7 2.5.1, 2.7 in one leaf. Unknown sequences and stray escape characters stay
 * as they are, and `onUnknown` is told; hex bytes (\Xdd\) are read in the set `label` of the message, several
 * adjacent ones as one run of bytes. Linear in the length of `text`.
 */
export function unescapeText(
  text: string,
  separators: Separators,
  label: string,
  onUnknown?: (offset: number) => void,
): string {
  const escape = separators.escape;
  if (escape === '') return text;
  let from = 0;
  let at = text.indexOf(escape);
  let result = '';
  while (at >= 0) {
    result += text.slice(from, at);
    const end = text.indexOf(escape, at + 1);
    if (end < 0) {
      onUnknown?.(at);
      return result + text.slice(at);
    }
    const body = end - at - 1 > sequenceMax ? undefined : text.slice(at + 1, end);
    const hexEnd = body === undefined ? -1 : hexRunEnd(text, at, escape);
    const replaced = hexEnd >= 0 ? hexText(text, at, hexEnd, escape, label) : meaning(body, separators);
    if (replaced !== undefined) {
      result += replaced;
      from = hexEnd >= 0 ? hexEnd : end + 1;
    } else {
      onUnknown?.(at);
      // C:\temp\x: the second character may open a real sequence, unless the body looks like a sequence itself.
      from = body !== undefined && looksLikeSequence(body) ? end + 1 : end;
      result += text.slice(at, from);
    }
    at = text.indexOf(escape, from);
  }
  return result + text.slice(from);
}

/** The text a sequence stands for; undefined when the sequence is unknown. */
function meaning(body: string | undefined, separators: Separators): string | undefined {
  switch (body) {
    case 'F':
      return separators.field;
    case 'S':
      return separators.component;
    case 'T':
      return separators.subcomponent === '' ? '&' : separators.subcomponent;
    case 'R':
      return separators.repetition === '' ? '~' : separators.repetition;
    case 'E':
      return separators.escape;
    case 'P':
      return separators.truncation === '' ? '#' : separators.truncation;
    case 'H':
    case 'N':
      return '';
    case undefined:
    case '':
      return undefined;
    default:
      return body.startsWith('.') ? formatting(body) : undefined;
  }
}

/** Formatting commands of FT (HL7 2.5.1, 2.7.6): what changes the characters becomes characters, the rest nothing. */
function formatting(body: string): string | undefined {
  const match = /^\.(br|sp|sk|in|ti|fi|nf|ce)\s?([+-]?\d{0,3})$/.exec(body);
  if (match === null) return undefined;
  const count = Math.min(Math.abs(Number(match[2] === '' ? '1' : match[2])) || 1, formattingRepeatMax);
  switch (match[1]) {
    case 'br':
    case 'ce':
      return '\n';
    case 'sp':
      return '\n'.repeat(count);
    case 'sk':
      return ' '.repeat(count);
    default:
      return '';
  }
}

function looksLikeSequence(body: string): boolean {
  return body.length <= 80 && /^[A-Z.][^\s]*$/.test(body);
}

/** End (exclusive) of the run of adjacent \Xdd..\ sequences that starts at `at`; -1 when there is none. */
function hexRunEnd(text: string, at: number, escape: string): number {
  let end = -1;
  let next = at;
  while (text.startsWith(escape, next) && text.charAt(next + 1) === 'X') {
    const close = text.indexOf(escape, next + 1);
    if (close < 0 || (close - next) % 2 !== 0 || close - next < 4 || !isHex(text, next + 2, close))
      return end;
    end = close + 1;
    next = end;
  }
  return end;
}

function isHex(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    const isDigit = code >= 0x30 && code <= 0x39;
    const letter = code & 0xdf;
    if (!isDigit && !(letter >= 0x41 && letter <= 0x46)) return false;
  }
  return true;
}

function hexText(text: string, from: number, to: number, escape: string, label: string): string | undefined {
  const digits = text
    .slice(from, to)
    .split(escape)
    .map((part) => (part.startsWith('X') ? part.slice(1) : part))
    .join('');
  const bytes = Buffer.from(digits, 'hex');
  // ASCII messages carry other letters this way, mostly as UTF-8; two-byte sets write their bytes here too.
  const set = label.startsWith('utf-16') || label === 'ascii' ? 'utf-8' : label;
  return (
    strictText(bytes, set) ?? (isUtf8(bytes) ? bytes.toString('utf8') : strictText(bytes, 'windows-1252'))
  );
}
