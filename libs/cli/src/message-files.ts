import { createReadStream, type Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { isXml } from '#cda';
import { splitBatch } from '#hl7v2';
import { EngineError } from '#kernel';
import { type MappingSet, RowsConversion } from '#mapping';

/** A file with messages that is larger wants to be split by whoever wrote it. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
const MAX_FILES = 1_000_000;

export interface MessageFile {
  readonly path: string;
  /** As short as it can be for a person who typed the folder or file. */
  readonly label: string;
}

/** One message cut out of a file. */
export interface FoundMessage {
  readonly file: MessageFile;
  /** From 1; and how many the file holds. */
  readonly number: number;
  readonly of: number;
  readonly raw: Buffer;
}

/**
 * The files behind what a person typed, folders with all that is in them, in order of their names; hidden files are left
 * out. `-` is standard input. Throws `misconfigured` FILE_UNREADABLE.
 */
export async function listFiles(typed: readonly string[], typedFrom: string): Promise<MessageFile[]> {
  const files: MessageFile[] = [];
  for (const word of typed) {
    if (word === '-') {
      files.push({ path: '-', label: 'standard input' });
      continue;
    }
    const path = resolve(typedFrom, word);
    const isFolder = (await stat(path).catch((error: unknown) => unreadable(word, error))).isDirectory();
    if (!isFolder) files.push({ path, label: word });
    else for await (const found of filesIn(path)) files.push({ path: found, label: relative(path, found) });
    if (files.length > MAX_FILES)
      throw new EngineError('misconfigured', 'TOO_MANY_FILES', `more than ${MAX_FILES} files; take fewer`);
  }
  return files;
}

async function* filesIn(directory: string): AsyncGenerator<string> {
  const entries: Dirent[] = await readdir(directory, { withFileTypes: true }).catch((error: unknown) =>
    unreadable(directory, error),
  );
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile()) yield path;
  }
}

/** The bytes of a file. Throws `misconfigured` FILE_UNREADABLE. */
export async function readBytes(file: MessageFile): Promise<Buffer> {
  if (file.path === '-') return readInput();
  try {
    if ((await stat(file.path)).size > MAX_FILE_BYTES)
      throw new EngineError(
        'misconfigured',
        'FILE_TOO_LARGE',
        `${file.label} is larger than 256 MiB; split it`,
      );
    return await readFile(file.path);
  } catch (error) {
    return unreadable(file.label, error);
  }
}

/**
 * The messages of a file in order: of HL7 v2, its one document, or, where maps are given, those that its rows are; bad rows are
 * left out. None when it is none of these.
 */
export async function readMessages(
  file: MessageFile,
  maps?: Pick<MappingSet, 'layouts'>,
): Promise<FoundMessage[]> {
  const bytes = await readBytes(file);
  if (isXml(bytes)) return [{ file, number: 1, of: 1, raw: bytes }];
  const found = splitBatch(bytes).messages;
  const messages = found.length === 0 && maps ? RowsConversion.unitsOf(bytes, maps) : found;
  return messages.map((raw, index) => ({ file, number: index + 1, of: messages.length, raw }));
}

/** `file`, or `file#2` for the second of several. */
export function messageLabel({ file, number, of }: FoundMessage): string {
  return of === 1 ? file.label : `${file.label}#${number}`;
}

async function readInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of createReadStream('', { fd: 0, autoClose: false })) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_FILE_BYTES)
      throw new EngineError('misconfigured', 'FILE_TOO_LARGE', 'standard input holds more than 256 MiB');
  }
  return Buffer.concat(chunks);
}

function unreadable(what: string, error: unknown): never {
  if (error instanceof EngineError) throw error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  const reason = code === 'ENOENT' ? 'it does not exist' : code;
  throw new EngineError('misconfigured', 'FILE_UNREADABLE', `cannot read ${what} (${reason})`, {
    cause: error,
  });
}
