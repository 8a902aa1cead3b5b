import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Destination, Outbound, SendOutcome } from '#channel';
import { EngineError } from '#kernel';
import { messageBundle } from '../http/http-destination.js';

export interface DirectoryDestinationOptions {
  /** `channel.destination`: part of the stream's name. */
  readonly name: string;
  /** It must be there: a folder that is made where a disk is not mounted would hide that. */
  readonly path: string;
  readonly format: 'bundle' | 'ndjson' | 'raw';
}

/** So that names stand in order of number for as long as anybody can think of. */
const NUMBER_DIGITS = 12;
const PARTITION_DIGITS = 2;
/** Its content is of patients: not for everybody on the machine. */
const FILE_MODE = 0o640;

/**
 * Writes a file for each message, `<stream>-<number>` and an ending, so that names sort by number within a stream: a
 * temporary name that begins with a dot, fsync, rename, fsync of the folder. A number that is sent again, after a crash,
 * replaces its file by the same bytes. Keeps no state.
 */
export class DirectoryDestination implements Destination {
  readonly name: string;

  constructor(private readonly options: DirectoryDestinationOptions) {
    this.name = options.name;
  }

  /** Resolves when the file would survive a loss of power. Rejects for a message that the journal no longer holds. */
  async send(outbound: Outbound): Promise<SendOutcome> {
    const { bytes, ending } = await this.contentOf(outbound);
    const { destination, partition, number } = outbound;
    const stream = `${destination}-${String(partition).padStart(PARTITION_DIGITS, '0')}`;
    const name = `${stream}-${String(number).padStart(NUMBER_DIGITS, '0')}.${ending}`;
    try {
      await place(this.options.path, name, bytes);
      return { sent: true };
    } catch (error) {
      return { sent: false, error: failureOf(this.options.path, error) };
    }
  }

  async close(): Promise<void> {}

  private async contentOf(outbound: Outbound): Promise<{ bytes: Buffer; ending: string }> {
    const { resources } = outbound;
    switch (this.options.format) {
      case 'bundle':
        return { bytes: messageBundle(resources), ending: 'json' };
      case 'ndjson':
        return {
          bytes: Buffer.concat(resources.flatMap((resource) => [resource, LINE_END])),
          ending: 'ndjson',
        };
      case 'raw': {
        const bytes = await outbound.raw();
        return { bytes, ending: endingOf(bytes) };
      }
    }
  }
}

const LINE_END = Buffer.from('\n');

/** What a message is by its first bytes: HL7 v2, a document, or rows. */
function endingOf(raw: Buffer): string {
  const start = raw.toString('latin1', 0, 64).replace(/^(\u00ef\u00bb\u00bf)?\s*/, '');
  if (/^MSH/i.test(start)) return 'hl7';
  return start.startsWith('<') ? 'xml' : 'txt';
}

async function place(folder: string, name: string, bytes: Buffer): Promise<void> {
  const temporary = join(folder, `.${name}.tmp`);
  const file = await open(temporary, 'w', FILE_MODE);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, name));
  // The new name, too, must survive a loss of power.
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What a person must put right; everything else passes (a full disk, a network drive that is away). */
const WRONG = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'EISDIR']);

function failureOf(path: string, cause: unknown): EngineError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  return WRONG.has(code)
    ? new EngineError(
        'misconfigured',
        'DIRECTORY_UNUSABLE',
        `no file can be written to ${path} (${code}); make the folder, or let the engine's account write there`,
        { cause },
      )
    : new EngineError('unavailable', 'DIRECTORY_FAILED', `writing a file to ${path} failed (${code})`, {
        cause,
      });
}
