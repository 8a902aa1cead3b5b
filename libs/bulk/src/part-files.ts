import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of a job as far as it counts: bytes behind `bytes` are of a part that was not finished. */
export interface PartFile {
  readonly name: string;
  /** The resource type of its lines. */
  readonly type: string;
  readonly kind: 'output' | 'deleted' | 'error';
  bytes: number;
  count: number;
}

/** A file that holds so many bytes takes no further part. */
const FULL_FILE_BYTES = 512 * 1024 * 1024;

/** Lines of one type that go into files together. */
export interface Part {
  readonly kind: PartFile['kind'];
  readonly type: string;
  readonly lines: string[];
}

/** Lines that wait to be written, by kind and type. */
export class Parts {
  private readonly parts = new Map<string, Part>();
  bytes = 0;
  count = 0;
  /** How many of them tell of an error. */
  problems = 0;

  add(kind: PartFile['kind'], type: string, line: string): void {
    const key = `${kind} ${type}`;
    let part = this.parts.get(key);
    if (part === undefined) {
      part = { kind, type, lines: [] };
      this.parts.set(key, part);
    }
    part.lines.push(line);
    this.bytes += line.length;
    this.count++;
    if (kind === 'error') this.problems++;
  }

  /** Takes out all. */
  take(): Part[] {
    const parts = [...this.parts.values()];
    this.parts.clear();
    this.bytes = 0;
    this.count = 0;
    this.problems = 0;
    return parts;
  }
}

/**
 * Writes parts behind what counts of their files, as NDJSON, and moves `files` on. When it resolves the bytes are on disk; they
 * count when the caller has stored `files`. What a crash left behind is written over.
 */
export async function writeParts(
  directory: string,
  parts: readonly Part[],
  files: PartFile[],
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const { kind, type, lines } of parts) {
    const file = fileFor(kind, type, files);
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    const handle = await open(join(directory, file.name), constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      await handle.truncate(file.bytes);
      await handle.write(bytes, 0, bytes.length, file.bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    file.bytes += bytes.length;
    file.count += lines.length;
  }
  await syncDirectory(directory);
}

/** New names in a directory last only when the directory itself is on disk. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY);
  await handle.sync().finally(() => handle.close());
}

function fileFor(kind: PartFile['kind'], type: string, files: PartFile[]): PartFile {
  const same = files.filter((file) => file.kind === kind && file.type === type);
  const last = same.at(-1);
  if (last !== undefined && last.bytes < FULL_FILE_BYTES) return last;
  const name = `${kind === 'output' ? '' : `${kind}-`}${type}-${same.length + 1}.ndjson`;
  const file = { name, type, kind, bytes: 0, count: 0 };
  files.push(file);
  return file;
}
