import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileProblem } from '#channel';
import type { Clock } from '#kernel';
import type { Client } from './client.js';
import { isClientFile, type LoadedClients, loadClients } from './client-files.js';

/** A change of the files is seen so much later at most. */
const LOOK_EVERY_MS = 1_000;

/** Who is registered now. */
export interface ClientSource {
  current(): Promise<ReadonlyMap<string, Client>>;
}

/**
 * The clients of a folder, read again when a file of it changes, or a key file that one names: at most a second later, in every process. A file with a
 * mistake registers nobody from then on, so that nothing that was taken away stays.
 */
export class ClientFolder implements ClientSource {
  private loaded: LoadedClients;
  private seen: string | undefined;
  private lookedAtMs = Number.NaN;
  private looking: Promise<void> | undefined;

  /** `onProblems`: told what is wrong whenever the files were read again. */
  constructor(
    private readonly directory: string,
    private readonly clock: Clock,
    private readonly onProblems: (problems: readonly FileProblem[]) => void,
  ) {
    this.loaded = loadClients(directory);
  }

  /** Of the files as they were read last. */
  get problems(): readonly FileProblem[] {
    return this.loaded.problems;
  }

  async current(): Promise<ReadonlyMap<string, Client>> {
    const sinceMs = this.clock.nowMs() - this.lookedAtMs;
    // A clock that was set back must not keep anybody waiting.
    if (!(sinceMs >= 0 && sinceMs < LOOK_EVERY_MS)) {
      this.looking ??= this.look().finally(() => {
        this.looking = undefined;
      });
      await this.looking;
    }
    return this.loaded.clients;
  }

  private async look(): Promise<void> {
    const nowMs = this.clock.nowMs();
    // Before the files are read: what changes meanwhile is then seen the next time.
    const seen = await this.marks();
    if (seen !== this.seen) {
      const isFirst = this.seen === undefined;
      this.loaded = loadClients(this.directory);
      this.seen = seen;
      if (!isFirst) this.onProblems(this.loaded.problems);
    }
    this.lookedAtMs = nowMs;
  }

  /** Changes whenever one of the files does. */
  private async marks(): Promise<string> {
    const names = await readdir(this.directory).catch(() => []);
    const paths = names.filter(isClientFile).map((name) => join(this.directory, name));
    const all = [...new Set([...paths, ...this.loaded.keyFiles])].sort();
    const marks = await Promise.all(all.map(markOf));
    return marks.join('\n');
  }
}

async function markOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    return [path, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch {
    return `${path} is away`; // reading it says why
  }
}
