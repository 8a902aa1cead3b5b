import { isAscii } from 'node:buffer';
import { TextDecoder } from 'node:util';
import {
  declaredCharacterSet,
  detectWide,
  strictText,
  utf8MarkLength,
  type WideEncoding,
} from './character-set.js';
import { type HeaderDefect, headerDefects } from './header-defect.js';
import { readSeparators, type Separators, standardSeparators } from './separators.js';
import { shiftedLabels, wireLine } from './wire-text.js';

/** Whitespace before MSH is forgiven up to this many bytes. */
const leadingSpaceMax = 1_024;
/** Optional segments between MSH and MSA (SFT, UAC) that are looked over to find out whether MSA is there. */
const segmentsBeforeMsaMax = 16;
/** MSH fields are read up to MSH-18; the rest stays with the full parser. */
const fieldsRead = 18;
/** A UTF-16 header is decoded no further than this. */
const wideHeaderMax = 65_536;

const noNames: readonly string[] = [];

/**
 * The MSH segment, read without parsing the message. Field values are text in the declared character set, still
 * escaped, with all their components; absent fields are empty. Whatever came in, the result is good enough to
 * write a well-formed acknowledgment; `defect` says why the message cannot be taken.
 */
export interface MessageHeader {
  readonly defect: HeaderDefect | undefined;
  readonly separators: Separators;
  readonly sendingApplication: string;
  readonly sendingFacility: string;
  readonly receivingApplication: string;
  readonly receivingFacility: string;
  readonly dateTime: string;
  /** MSH-9.1, for instance ORU. */
  readonly messageCode: string;
  /** MSH-9.2, for instance R01. */
  readonly triggerEvent: string;
  /** MSH-9.3, for instance ORU_R01. */
  readonly messageStructure: string;
  readonly controlId: string;
  readonly processingId: string;
  /** MSH-12.1. */
  readonly version: string;
  readonly sequenceNumber: string;
  readonly acceptAcknowledgment: string;
  readonly applicationAcknowledgment: string;
  /** Repetitions of MSH-18 as written. */
  readonly characterSets: readonly string[];
  /** An ACK, or a message with MSA: it is never acknowledged. */
  readonly isAcknowledgment: boolean;
  /** MSH-13 is 0 and MSH-9 is empty: the sender (re)starts the link (HL7 2.5.1, 2.10.1). */
  readonly isLinkStart: boolean;
  readonly wide: WideEncoding | undefined;
  /** MSH fields as bytes (one character a byte); wire[n] is MSH-n from 2 on. For the acknowledgment. */
  readonly wire: readonly string[];
}

/** Reads the first MSH segment of `raw` by scanning its bytes; never throws. About 1 µs. */
export function readMessageHeader(raw: Uint8Array): MessageHeader {
  const given = Buffer.isBuffer(raw) ? raw : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const wide = detectWide(given);
  const bytes = wide === undefined ? given : narrowed(given, wide);
  const start = headerStart(bytes);
  if (start < 0) return { ...emptyHeader, wide };
  const end = lineEnd(bytes, start);
  const plain = isPlainLine(bytes, start, end);
  const line = plain
    ? bytes.toString('latin1', start, end)
    : wireLine(bytes.subarray(start, end), lineLabel(bytes, start, end));
  return headerOf(line, plain, wide, hasMsa(bytes, end));
}

function headerOf(
  line: string,
  plain: boolean,
  wide: WideEncoding | undefined,
  msaFollows: boolean,
): MessageHeader {
  const separator = line.charAt(3);
  // wire[0] is the name, so that from here on wire[n] is MSH-n once MSH-1, the separator itself, is put in.
  const wire = separator === '' ? [] : line.split(separator, fieldsRead);
  wire.splice(1, 0, separator);
  const declared = readSeparators(separator, wire[2] ?? '');
  const separators = declared ?? standardSeparators;
  const component = separators.component;
  const characterSets = fieldValues(wire[18] ?? '', separators.repetition);
  const text = plain ? (value: string) => value : textReader(wide === undefined ? characterSets : ['UTF-8']);
  const field = (number: number) => text(wire[number] ?? '');
  const [messageCode = '', triggerEvent = '', messageStructure = ''] = (wire[9] ?? '')
    .split(component, 3)
    .map((part) => text(part).trim());
  const [version = ''] = field(12).split(component, 1);
  const sequenceNumber = field(13).trim();
  const controlId = field(10);
  return {
    defect:
      declared === undefined
        ? headerDefects.separatorsInvalid
        : fieldDefect(messageCode, controlId, version.trim()),
    separators,
    sendingApplication: field(3),
    sendingFacility: field(4),
    receivingApplication: field(5),
    receivingFacility: field(6),
    dateTime: field(7),
    messageCode,
    triggerEvent,
    messageStructure,
    controlId,
    processingId: field(11),
    version: version.trim(),
    sequenceNumber,
    acceptAcknowledgment: field(15).trim(),
    applicationAcknowledgment: field(16).trim(),
    characterSets,
    isAcknowledgment: msaFollows || messageCode === 'ACK' || messageCode === 'MCF',
    isLinkStart: sequenceNumber === '0' && messageCode === '',
    wide,
    wire,
  };
}

function fieldDefect(messageCode: string, controlId: string, version: string): HeaderDefect | undefined {
  if (messageCode === '') return headerDefects.messageTypeMissing;
  if (version === '') return headerDefects.versionMissing;
  if (!isKnownVersion(version)) return headerDefects.versionUnsupported;
  if (controlId.trim() === '') return headerDefects.controlIdMissing;
  return undefined;
}

/** 2.1 to 2.9, and their dotted editions (2.3.1, 2.5.1, 2.8.2, ...). */
export function isKnownVersion(version: string): boolean {
  if (version.length !== 3 && version.length !== 5) return false;
  if (!version.startsWith('2.') || !isDigit(version, 2) || version.charAt(2) === '0') return false;
  return version.length === 3 || (version.charAt(3) === '.' && isDigit(version, 4));
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0x30 && code <= 0x39;
}

const emptyHeader: MessageHeader = {
  ...headerOf('MSH|^~\\&|', true, undefined, false),
  defect: headerDefects.mshMissing,
};

/** Offset of MSH (in any case) after a byte order mark and white space; -1 when something else comes first. */
function headerStart(bytes: Buffer): number {
  let i: number = utf8MarkLength(bytes);
  const limit = Math.min(bytes.length, i + leadingSpaceMax);
  while (i < limit && isSpace(bytes[i] as number)) i++;
  return isName(bytes, i, 0x4d, 0x53, 0x48) ? i : -1;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** Whether the three letters at `at` are the given upper-case ones, in any case. */
function isName(bytes: Buffer, at: number, first: number, second: number, third: number): boolean {
  return (
    ((bytes[at] ?? 0) & 0xdf) === first &&
    ((bytes[at + 1] ?? 0) & 0xdf) === second &&
    ((bytes[at + 2] ?? 0) & 0xdf) === third
  );
}

function lineEnd(bytes: Buffer, start: number): number {
  const cr = bytes.indexOf(0x0d, start);
  const end = cr < 0 ? bytes.length : cr;
  // The search for LF stays inside the line, so that a long message without LF is not read twice.
  const lf = bytes.subarray(start, end).indexOf(0x0a);
  return lf < 0 ? end : start + lf;
}

function isPlainLine(bytes: Buffer, start: number, end: number): boolean {
  const line = bytes.subarray(start, end);
  return isAscii(line) && !line.includes(0x1b);
}

function hasMsa(bytes: Buffer, headerEnd: number): boolean {
  let at = headerEnd;
  for (let segment = 0; segment < segmentsBeforeMsaMax; segment++) {
    while (at < bytes.length && isSpace(bytes[at] as number)) at++;
    if (isName(bytes, at, 0x4d, 0x53, 0x41)) return true;
    const isOptional = isName(bytes, at, 0x53, 0x46, 0x54) || isName(bytes, at, 0x55, 0x41, 0x43);
    if (!isOptional) return false;
    at = lineEnd(bytes, at);
  }
  return false;
}

/**
 * The label to read the header line with, found in the line itself. Where a second byte looks like the field
 * separator, MSH-18 stands elsewhere for a reader that does not know the set yet; so each such set is tried, and
 * believed when, read with it, MSH-18 names it.
 */
function lineLabel(bytes: Buffer, start: number, end: number): string {
  const line = bytes.subarray(start, end);
  const named = labelIn(line.toString('latin1'));
  if (named !== undefined) return named;
  return shiftedLabels.find((label) => labelIn(wireLine(line, label)) === label) ?? 'utf-8';
}

function labelIn(line: string): string | undefined {
  const names = (line.split(line.charAt(3), fieldsRead)[17] ?? '').split(line.charAt(5));
  return declaredCharacterSet(names).label;
}

/** Decodes header fields for people and for addressing; bytes that do not decode are read as windows-1252. */
function textReader(names: readonly string[]): (value: string) => string {
  const label = declaredCharacterSet(names).label ?? 'utf-8';
  return (value) => {
    const bytes = Buffer.from(value, 'latin1');
    return strictText(bytes, label) ?? strictText(bytes, 'utf-8') ?? bytes.toString('latin1');
  };
}

function fieldValues(field: string, repetition: string): readonly string[] {
  if (field === '') return noNames;
  return repetition === '' || !field.includes(repetition) ? [field] : field.split(repetition, 8);
}

/** The beginning of a UTF-16 message as UTF-8, so that one scanner reads both. */
function narrowed(raw: Buffer, wide: WideEncoding): Buffer {
  const head = raw.subarray(wide.markLength, wide.markLength + wideHeaderMax);
  return Buffer.from(new TextDecoder(wide.label).decode(head), 'utf8');
}
