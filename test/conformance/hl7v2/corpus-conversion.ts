import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitBatch } from '#hl7v2';
import { type ConvertedFile, convertFile, type MappingSet } from '#mapping';

/**
 * How a line begins that is a segment. Where CR ends segments any other goes on with the value before or, behind an empty
 * line, is somebody's note; where LF does, it is a segment without a name.
 */
const SEGMENT = /[A-Za-z][A-Za-z0-9]{2}/;
const MESSAGE_FILE = /\.(hl7|ndhl7|txt|out)$/;

/** One file of the corpus and what became of it. */
export interface ConvertedCorpusFile {
  /** From the folder of the corpus. */
  readonly file: string;
  readonly converted: ConvertedFile;
}

/** The files with messages below `folder`, in order of their names. */
export function messageFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => MESSAGE_FILE.test(file))
    .sort();
}

/** Converts one file as `suture convert` does. */
export function convertCorpusFile(corpus: string, file: string, set: MappingSet): ConvertedCorpusFile {
  const bytes = readFileSync(join(corpus, file));
  return { file, converted: convertFile(bytes, set, { tenant: 'conformance', parameters: {} }) };
}

/** SHA-256 over file names, bundles and reports: equal when every byte is. */
export function digestOf(files: readonly ConvertedCorpusFile[]): string {
  const hash = createHash('sha256');
  for (const { file, converted } of files.toSorted((a, b) => (a.file < b.file ? -1 : 1)))
    hash.update(`${file}\n${converted.bundle ?? ''}\n${JSON.stringify(converted.messages)}\n`);
  return hash.digest('hex');
}

/**
 * The leaves of every message of a file, counted without the parser: valued subcomponents but the separators themselves.
 * Undefined for a file whose bytes are not read one by one as letters (UTF-16, and sets that use the bytes of separators).
 */
export function leavesOf(bytes: Buffer): number[] | undefined {
  if (bytes.includes(0) || bytes.includes(0x1b)) return undefined;
  return splitBatch(bytes).messages.map(leavesOfMessage);
}

function leavesOfMessage(raw: Buffer): number {
  const text = raw.toString('latin1');
  const header = text.slice(text.indexOf('MSH'));
  const field = header.charAt(3);
  // A short MSH-2 names fewer separators; what it does not name separates nothing.
  const [component, repetition, , subcomponent] = header.slice(4, header.indexOf(field, 4));
  const split = (value: string, separator: string | undefined) =>
    separator === undefined ? [value] : value.split(separator);
  let count = 0;
  const segments: string[] = [];
  let isInSegment = false;
  const lfEnds = !text.includes('\r');
  for (const line of text.split(/\r\n|\r|\n/)) {
    const isSegment = line.charAt(line.search(SEGMENT) + 3) === field;
    if (isSegment) segments.push(line);
    else if (line.trim() !== '' && lfEnds) segments.push(`???${field}${line}`);
    else if (line.trim() !== '' && isInSegment) segments.push(`${segments.pop()} ${line}`);
    else if (line.trim() !== '') count++;
    isInSegment = isSegment || (isInSegment && line.trim() !== '');
  }
  for (const segment of segments) {
    const fields = segment.split(field);
    for (const value of fields.slice(fields[0]?.endsWith('MSH') === true ? 2 : 1))
      for (const part of split(value, repetition))
        for (const piece of split(part, component))
          count += split(piece, subcomponent).filter((leaf) => leaf !== '').length;
  }
  return count;
}
