import { TextDecoder } from 'node:util';
import type { MessageHeader } from './message-header.js';

/** A message names at most so many patients here; more would only lengthen a list nobody reads. */
const patientsMax = 16;
/** PID-3 (identifier list), and for old senders PID-2 (external id) and PID-4 (alternate id). */
const identifierFields = [3, 2, 4];

/**
 * Whom a message is about, as far as its order depends on it. Each text is `id^authority` of the first repetition
 * that has an id, bytes read as latin1, not unescaped: good to compare and to hash, not to show.
 */
export interface PatientIdentifiers {
  /** Of the first PID. */
  readonly patient: string | undefined;
  /** The first of `others`. */
  readonly other: string | undefined;
  /** Of further PIDs and of every repetition of MRG-1, without repeats and without `patient`. */
  readonly others: readonly string[];
}

const nobody: PatientIdentifiers = { patient: undefined, other: undefined, others: [] };

/** Finds the patients of a message by scanning its bytes, without parsing it; about 1 µs for 1.5 kB. */
export function findPatientIdentifiers(raw: Uint8Array, header: MessageHeader): PatientIdentifiers {
  const given = Buffer.isBuffer(raw) ? raw : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const bytes =
    header.wide === undefined ? given : Buffer.from(new TextDecoder(header.wide.label).decode(given), 'utf8');
  const scan = new IdentifierScan(bytes, header);
  const found: string[] = [];
  scan.eachSegment('PID', (start) => {
    for (const field of identifierFields) {
      const ids = scan.identifiers(start, field, 1);
      if (ids[0] === undefined) continue;
      found.push(ids[0]);
      break;
    }
    return found.length < patientsMax;
  });
  const patient = found[0];
  scan.eachSegment('MRG', (start) => {
    found.push(...scan.identifiers(start, 1, patientsMax));
    return found.length < patientsMax;
  });
  if (found.length === 0) return nobody;
  if (found.length === 1 && patient !== undefined) return { ...nobody, patient };
  const others = [...new Set(found)].filter((id) => id !== patient).slice(0, patientsMax);
  return { patient, other: others[0], others };
}

const needles = new Map<string, Buffer>();

/** The bytes to look for: a segment name and the separator after it. There are few separators, so few needles. */
function needleFor(name: string, separator: string): Buffer {
  const key = name + separator;
  let needle = needles.get(key);
  if (needle === undefined) {
    needle = Buffer.from(key, 'latin1');
    needles.set(key, needle);
  }
  return needle;
}

class IdentifierScan {
  private readonly field: number;
  private readonly component: number;
  private readonly repetition: number;

  constructor(
    private readonly bytes: Buffer,
    private readonly header: MessageHeader,
  ) {
    const { field, component, repetition } = header.separators;
    this.field = field.charCodeAt(0);
    this.component = component.charCodeAt(0);
    this.repetition = repetition === '' ? -1 : repetition.charCodeAt(0);
  }

  /** Calls `visit` with the place after the first separator of each such segment, until it says false. */
  eachSegment(name: string, visit: (start: number) => boolean): void {
    const separator = this.header.separators.field;
    // Some senders write segment names in lower case; nobody mixes.
    if (!this.eachMatch(needleFor(name, separator), visit)) {
      this.eachMatch(needleFor(name.toLowerCase(), separator), visit);
    }
  }

  private eachMatch(needle: Buffer, visit: (start: number) => boolean): boolean {
    let found = false;
    let at = this.bytes.indexOf(needle);
    while (at >= 0) {
      const before = at === 0 ? 0x0d : (this.bytes[at - 1] as number);
      if (before === 0x0d || before === 0x0a) {
        found = true;
        if (!visit(at + needle.length)) break;
      }
      at = this.bytes.indexOf(needle, at + needle.length);
    }
    return found;
  }

  /** `id^authority` of the first `max` repetitions of a field that have an id. */
  identifiers(segmentStart: number, field: number, max: number): string[] {
    const { bytes } = this;
    const found: string[] = [];
    let at = segmentStart;
    for (let skip = field - 1; skip > 0; at++) {
      const byte = bytes[at];
      if (byte === undefined || byte === 0x0d || byte === 0x0a) return found;
      if (byte === this.field) skip--;
    }
    let component = 1;
    let start = at;
    let id = '';
    let authority = '';
    for (; found.length < max; at++) {
      const byte = bytes[at];
      const isEnd = byte === undefined || byte === this.field || byte === 0x0d || byte === 0x0a;
      const isNext = isEnd || byte === this.repetition;
      if (!isNext && byte !== this.component) continue;
      if (component === 1) id = this.valueOf(start, at);
      else if (component === 4) authority = this.valueOf(start, at);
      start = at + 1;
      component++;
      if (!isNext) continue;
      if (id !== '') found.push(`${id}^${authority}`);
      if (isEnd) break;
      component = 1;
      id = '';
      authority = '';
    }
    return found;
  }

  private valueOf(start: number, end: number): string {
    const value = this.bytes.toString('latin1', start, end).trim();
    return value === '""' ? '' : value;
  }
}
