import type { Receive, Source } from '#channel';
import { type Clock, EngineError, isEngineError, systemClock } from '#kernel';
import { remedyOf } from './file-remedies.js';
import type { FileReport } from './file-report.js';
import { PauseGate } from './pause-gate.js';
import type { FolderFile, PolledFolder } from './polled-folder.js';
import { inOrder, SettledFiles } from './settled-files.js';
import { FileTaker, type TakeOptions } from './take-file.js';

export interface FolderSourceOptions extends Omit<TakeOptions, 'insists'> {
  readonly order: 'name' | 'time';
  readonly pollMs: number;
  readonly settleMs: number;
  /** Told of what an operator wants to see; never holds names of files or content. Must not throw. */
  readonly report?: (event: FileSourceEvent) => void;
}

/** What a source of files tells: each file, and why it cannot go on. */
export type FileSourceEvent =
  | ({ readonly event: 'file-taken' | 'file-refused'; readonly code?: string } & Counts)
  | { readonly event: 'source-troubled'; readonly code: string; readonly reason: string };

type Counts = Pick<FileReport, 'format' | 'bytes' | 'units' | 'journaled' | 'duplicates' | 'refused'> & {
  /** The beginning of its sum, which is in its report too. */
  readonly sha256: string;
  readonly findings: number;
};

/** Counts since the start; for metrics. */
export interface FileSourceCounters {
  filesTaken: number;
  filesRefused: number;
  unitsJournaled: number;
  unitsDuplicate: number;
  unitsRefused: number;
}

export function newCounters(): FileSourceCounters {
  return { filesTaken: 0, filesRefused: 0, unitsJournaled: 0, unitsDuplicate: 0, unitsRefused: 0 };
}

/** Counts a file and makes the event that tells of it. */
export function fileEvent(counters: FileSourceCounters, report: FileReport, code?: string): FileSourceEvent {
  const { format, bytes, units, journaled, duplicates, refused } = report;
  if (code === undefined) counters.filesTaken++;
  else counters.filesRefused++;
  counters.unitsJournaled += journaled;
  counters.unitsDuplicate += duplicates;
  counters.unitsRefused += refused;
  return {
    event: code === undefined ? 'file-taken' : 'file-refused',
    ...(code === undefined ? {} : { code }),
    sha256: report.sha256.slice(0, 16),
    format,
    bytes,
    units,
    journaled,
    duplicates,
    refused,
    findings: report.findings.length,
  };
}

const troubleMostMs = 30_000;

/**
 * Takes the files of a folder, one after the other: claims, journals every unit, then archives with a report. A file is only
 * archived when all of it is durable; what was claimed when the engine died is taken first, and the journal knows what of it
 * is new.
 */
export class FolderSource implements Source {
  readonly channel: string;
  readonly counters = newCounters();
  private readonly gate = new PauseGate();
  private readonly settled: SettledFiles;
  private ended: Promise<void> = Promise.resolve();
  private isRecovered = false;
  private reason: string | undefined;

  constructor(
    private readonly options: FolderSourceOptions,
    private readonly folder: PolledFolder,
    private readonly clock: Clock = systemClock,
  ) {
    this.channel = options.channel;
    this.settled = new SettledFiles(options.settleMs, options.order);
  }

  /** Never fails for a folder that cannot be reached now: it is asked again, and `trouble` says why. */
  start(receive: Receive): Promise<string> {
    const taker = new FileTaker({ ...this.options, insists: true }, receive, this.gate, this.clock);
    this.ended = this.run(taker);
    return Promise.resolve(this.folder.address);
  }

  pause(): void {
    this.gate.pause();
  }

  resume(): void {
    this.gate.resume();
  }

  /** Why files are not taken; undefined when they are. */
  trouble(): string | undefined {
    return this.reason;
  }

  async stop(graceMs: number): Promise<void> {
    this.gate.stop();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((done) => {
      timer = setTimeout(done, graceMs);
    });
    await Promise.race([this.ended, late]);
    clearTimeout(timer);
    await this.folder.close();
  }

  private async run(taker: FileTaker): Promise<void> {
    let waitMs = this.options.pollMs;
    for (;;) {
      try {
        await this.gate.passed();
        await this.look(taker);
        this.reason = undefined;
        waitMs = this.options.pollMs;
      } catch (error) {
        if (isEngineError(error) && error.code === 'SOURCE_STOPPED') return;
        this.tell(error);
        this.isRecovered = false;
        waitMs = Math.min(waitMs * 2, Math.max(troubleMostMs, this.options.pollMs));
      }
      await this.gate.wait(waitMs);
    }
  }

  private async look(taker: FileTaker): Promise<void> {
    if (!this.isRecovered) {
      for (const file of inOrder(await this.folder.claimed(), this.options.order))
        await this.take(taker, file, true);
      this.isRecovered = true;
    }
    for (const file of this.settled.ready(await this.folder.list(), performance.now())) {
      await this.gate.passed();
      if (await this.folder.claim(file.name)) await this.take(taker, file, false);
    }
  }

  private async take(taker: FileTaker, { name }: FolderFile, resumed: boolean): Promise<void> {
    const { bytes, checksum } = await this.folder.fetch(name);
    const facts = { resumed, ...(checksum === undefined ? {} : { checksum }) };
    const { report, error } = await taker.take(bytes, facts);
    const verdict =
      error === undefined
        ? {}
        : { error: { code: error.code, message: error.message, remedy: remedyOf(error.code) } };
    const text = `${JSON.stringify({ ...verdict, ...report }, null, 2)}\n`;
    await this.folder.finish(name, error === undefined ? 'archive' : 'error', text);
    this.options.report?.(fileEvent(this.counters, report, error?.code));
  }

  private tell(error: unknown): void {
    // Texts of foreign errors may hold the name of a file.
    const { code = 'unknown' } = error as { code?: string };
    const reason = error instanceof EngineError ? error.message : `the folder cannot be used (${code})`;
    if (reason !== this.reason) this.options.report?.({ event: 'source-troubled', code, reason });
    this.reason = reason;
  }
}
