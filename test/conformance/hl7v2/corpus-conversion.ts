import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitBatch } from '#hl7v2';
import { type ConvertedFile, convertFile, type MappingSet } from '#mapping';

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
  const start = text.indexOf('MSH');
  const [field = '|', component = '^', repetition = '~', escape = '\\', subcomponent = '&'] = text.slice(
    start + 3,
    start + 8,
  );
  let count = 0;
  for (const segment of text.split(/\r\n|\r|\n/)) {
    const fields = segment.split(field);
    const isHeader = fields[0]?.endsWith('MSH') ?? false;
    for (const value of fields.slice(isHeader ? 2 : 1))
      for (const part of value.split(repetition))
        for (const piece of part.split(component)) count += valued(piece, subcomponent, escape, field);
  }
  return count;
}

function valued(piece: string, subcomponent: string, escape: string, field: string): number {
  // A short MSH-2 has no subcomponent separator: the field separator stands in its place.
  const pieces = subcomponent === field || subcomponent === escape ? [piece] : piece.split(subcomponent);
  return pieces.filter((text) => text !== '').length;
}
