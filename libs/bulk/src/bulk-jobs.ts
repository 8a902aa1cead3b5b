import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Database, Session } from '#database';
import { EngineError, isEngineError } from '#kernel';
import type { ResourceReader } from '#store';
import { ExportFilter } from './export-filter.js';
import {
  addJob,
  type ExportRequest,
  endJob,
  type ImportRequest,
  type Job,
  jobIds,
  nextJob,
  readJob,
  removeEnded,
  removeJob,
  saveJob,
} from './job.js';
import { type PartFile, syncDirectory } from './part-files.js';
import { type JobContext, runExport } from './run-export.js';
import { IMPORT_FILE, type ResourceWriter, runImport } from './run-import.js';

/** Held by the one process that works on jobs. */
const WORK_LOCK = 7_310_020;
/** Jobs that there may be at a time, those included that ended and are kept. */
const MAX_JOBS = 20;
/** How long the files of a job that ended are kept. */
const KEPT_MS = 24 * 3_600_000;
/** Another process may have died, or a job may have met a database that was away. */
const LOOK_EVERY_MS = 5_000;
/** What is kept no longer may wait so long. */
const TIDY_EVERY_MS = 10 * 60_000;
const MAX_IMPORT_BYTES = 16 * 1024 ** 3;
/** What an upload that was cut off left behind is removed after so long. */
const ORPHAN_MS = 3_600_000;

export interface BulkFacts {
  readonly database: Database;
  /** Of all jobs; every process that serves or works on them must have it. */
  readonly directory: string;
  readonly reader: Pick<ResourceReader, 'walk' | 'settledMs'>;
  readonly writer: ResourceWriter;
  readonly report: (error: unknown) => void;
}

/**
 * Exports and imports: jobs that outlive the process. One process at a time works on them, one after the other, in the order in
 * which they came.
 */
export class BulkJobs {
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | undefined;
  private wanted = false;
  private tidiedAtMs = Number.NEGATIVE_INFINITY;
  private stopped = false;
  /** Bodies that are coming in. */
  private arriving = 0;

  constructor(private readonly facts: BulkFacts) {}

  /** Works on what there is, and looks again from time to time, until `stop`. */
  start(): void {
    this.timer = setInterval(() => this.wake(), LOOK_EVERY_MS);
    this.timer.unref();
    this.wake();
  }

  /** Resolves when this process has laid down its work; another one, or the next start, takes it up. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.round;
  }

  /** Files an export for `owner`; its id. Throws `rejected` SEARCH_... for a filter that is no search, `unavailable` BULK_TOO_MANY. */
  async export(request: ExportRequest, owner: string): Promise<string> {
    new ExportFilter(request);
    const id = randomUUID();
    await this.add({ id, request, owner });
    return id;
  }

  /**
   * Takes in NDJSON and files its import for `owner`; its id. The body is on disk when it resolves; nothing of it is read where there are too many
   * jobs. Throws `rejected` IMPORT_TOO_LARGE, `unavailable` BULK_TOO_MANY.
   */
  async import(
    about: Pick<ImportRequest, 'url' | 'maySearch'>,
    body: Readable,
    owner: string,
  ): Promise<string> {
    const id = randomUUID();
    const directory = this.directoryOf(id);
    this.arriving++;
    try {
      // Other processes may file jobs meanwhile: then the body was read for nothing.
      if ((await jobIds(this.facts.database)).size + this.arriving > MAX_JOBS) throw tooMany();
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const limit = new Limit();
      const file = createWriteStream(join(directory, IMPORT_FILE), { mode: 0o600, flush: true });
      await pipeline(body, limit, file);
      await syncDirectory(directory);
      await this.add({ id, request: { kind: 'import', ...about, bytes: limit.bytes }, owner });
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    } finally {
      this.arriving--;
    }
    return id;
  }

  /** undefined: there is none, or none any more. */
  async find(id: string): Promise<Job | undefined> {
    return isJobId(id) ? readJob(this.facts.database, id) : undefined;
  }

  /** A file of a job that is done, and where it lies; what is behind its `bytes` does not count. */
  async file(id: string, name: string): Promise<{ file: PartFile; path: string } | undefined> {
    const job = await this.find(id);
    const file = job?.progress.files.find((one) => one.name === name);
    if (job?.state !== 'done' || file === undefined) return undefined;
    return { file, path: join(this.directoryOf(id), name) };
  }

  /** Cancels a job, or removes what it made. False: there is none. */
  async remove(id: string): Promise<boolean> {
    if (!isJobId(id) || !(await removeJob(this.facts.database, id))) return false;
    await rm(this.directoryOf(id), { recursive: true, force: true });
    return true;
  }

  /** When the files of a job that ended go away. */
  expiresMs(job: Job): number | undefined {
    return job.endedAtMs === undefined ? undefined : job.endedAtMs + KEPT_MS;
  }

  private directoryOf(id: string): string {
    return join(this.facts.directory, id);
  }

  private async add(job: Pick<Job, 'id' | 'request'> & { readonly owner: string }): Promise<void> {
    if (!(await addJob(this.facts.database, job, MAX_JOBS))) throw tooMany();
    this.wake();
  }

  private wake(): void {
    this.wanted = true;
    if (this.stopped || this.round !== undefined) return;
    this.wanted = false;
    this.round = this.work()
      .catch(this.facts.report)
      .finally(() => {
        this.round = undefined;
        if (this.wanted) this.wake();
      });
  }

  private async work(): Promise<void> {
    const isUntidy = performance.now() - this.tidiedAtMs > TIDY_EVERY_MS;
    // Mostly there is nothing to do: a connection of its own for the lock is made only where there is.
    if (!isUntidy && (await nextJob(this.facts.database)) === undefined) return;
    const session = await this.facts.database.session();
    try {
      const [lock] = await session.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [
        WORK_LOCK,
      ]);
      // Who holds the lock tidies up too.
      this.tidiedAtMs = performance.now();
      if (lock?.mine !== true) return;
      if (isUntidy) await this.tidy();
      const isMine = watch(session);
      for (let job = await nextJob(this.facts.database); job; job = await nextJob(this.facts.database)) {
        if (!(await this.run(job, isMine))) return;
      }
    } finally {
      await session.close(); // the lock goes with it
    }
  }

  /** False: the work is to be laid down. */
  private async run(job: Job, isMine: () => boolean): Promise<boolean> {
    const { database, reader, writer, report } = this.facts;
    const directory = this.directoryOf(job.id);
    let step = job.step;
    let isGone = false;
    const goesOn = () => !this.stopped && isMine();
    const save: JobContext['save'] = async (plan, progress) => {
      if (!goesOn()) return false;
      isGone = !(await saveJob(database, { id: job.id, step: step++, plan, progress }));
      return !isGone;
    };
    try {
      const { request } = job;
      const ended =
        request.kind === 'export'
          ? await runExport(job, request, { reader, directory, save })
          : await runImport(job, request, writer, { directory, save });
      if (ended) await endJob(database, job.id, undefined);
    } catch (error) {
      // What is away now comes back; then the job goes on.
      if (isEngineError(error) && error.kind === 'unavailable') throw error;
      if ((await readJob(database, job.id)) !== undefined) report(error);
      await endJob(database, job.id, isEngineError(error) ? error.code : 'BULK_FAILED');
    }
    if (isGone && (await readJob(database, job.id)) === undefined)
      await rm(directory, { recursive: true, force: true });
    return goesOn();
  }

  /** Removes what is kept no longer, and directories of no job. */
  private async tidy(): Promise<void> {
    const { database, directory } = this.facts;
    for (const id of await removeEnded(database, KEPT_MS))
      await rm(this.directoryOf(id), { recursive: true, force: true });
    const names = await readdir(directory).catch(() => []);
    const known = await jobIds(database);
    for (const name of names.filter((one) => isJobId(one) && !known.has(one))) {
      const { mtimeMs } = await stat(join(directory, name));
      if (Date.now() - mtimeMs > ORPHAN_MS) await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}

/** Tells whether the connection that holds the lock is still there. */
function watch(session: Session): () => boolean {
  let isLost = false;
  void session.lost.then(() => {
    isLost = true;
  });
  return () => !isLost;
}

function tooMany(): EngineError {
  const message = `there are ${MAX_JOBS} jobs already; remove one that is done by DELETE, or wait`;
  return new EngineError('unavailable', 'BULK_TOO_MANY', message);
}

function isJobId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/** Lets so many bytes through. */
class Limit extends Transform {
  bytes = 0;

  override _transform(
    chunk: Buffer,
    _encoding: string,
    done: (error: Error | null, data?: Buffer) => void,
  ): void {
    this.bytes += chunk.length;
    if (this.bytes <= MAX_IMPORT_BYTES) done(null, chunk);
    else {
      const most = MAX_IMPORT_BYTES / 1024 ** 3;
      done(
        new EngineError(
          'rejected',
          'IMPORT_TOO_LARGE',
          `an import has at most ${most} GiB; send it in parts`,
        ),
      );
    }
  }
}
