import { createHash } from 'node:crypto';
import type { Arrival, FileFinding, FileFormat, FileUnit, Receive } from '#channel';
import { type Clock, EngineError, isEngineError } from '#kernel';
import { formatOf } from './file-formats.js';
import { type FileBytes, piecesOf } from './file-pieces.js';
import { type FileReport, FileTally } from './file-report.js';
import type { PauseGate } from './pause-gate.js';
import { submitUnits, windowBytes, windowUnits } from './submit-units.js';
import { isZip, ZipArchive, type ZipLimits } from './zip-archive.js';

/** The wait before a window of units is given to the journal again, doubling up to the longest. */
const againFirstMs = 50;
const againMostMs = 2_000;

export interface TakeOptions {
  readonly channel: string;
  /** Those that a file may have; more than one: its beginning decides. */
  readonly formats: readonly FileFormat[];
  readonly fileMaxBytes: number;
  readonly unitMaxBytes: number;
  readonly zip: ZipLimits;
  /** Whether to try on when the fate of a unit is unknown; else `uncertain` FILE_UNCERTAIN: the sender sends again. */
  readonly insists: boolean;
}

/** What became of a file; with an error it cannot be taken, or nothing of it could. */
export interface TakenFile {
  readonly report: FileReport;
  readonly error: EngineError | undefined;
  /** Of the units that were journaled now, at most 1,000. */
  readonly positions: readonly string[];
}

/** What is known of a file besides its bytes. */
export interface FileFacts {
  readonly resumed: boolean;
  /** Written beside it by its sender. */
  readonly checksum?: { readonly algorithm: 'sha256' | 'md5'; readonly hex: string };
}

/**
 * Takes files into the journal, unit by unit in order, in memory bounded by the longest unit. When `take` returns, every unit
 * has been committed or kept as refused, so the file may go. A file that is taken again adds nothing to the journal.
 */
export class FileTaker {
  constructor(
    private readonly options: TakeOptions,
    private readonly receive: Receive,
    private readonly gate: PauseGate,
    private readonly clock: Clock,
  ) {}

  /** Throws what has nothing to do with the content: `unavailable` SOURCE_STOPPED, `uncertain`, errors of the disk. */
  async take(bytes: FileBytes, { resumed, checksum }: FileFacts): Promise<TakenFile> {
    const takenAt = new Date(this.clock.nowMs()).toISOString();
    const tally = new FileTally();
    let sha256 = '';
    let error: EngineError | undefined;
    try {
      this.checkSize(bytes.size);
      const sums = await checksumsOf(bytes, checksum?.algorithm);
      sha256 = sums.sha256;
      if (checksum !== undefined && sums.asked !== checksum.hex)
        throw new EngineError(
          'rejected',
          'FILE_CHECKSUM_WRONG',
          `its ${checksum.algorithm} is not the one beside it`,
        );
      if (isZip(sums.start)) await this.takeArchive(bytes, sha256, tally);
      else await new Part(this, tally, sha256, undefined).take(piecesOf(bytes));
      if (tally.units > 0 && tally.refused === tally.units)
        throw new EngineError('rejected', 'FILE_REFUSED', 'every unit of the file was refused');
    } catch (cause) {
      if (!isEngineError(cause, 'rejected')) throw cause;
      error = cause;
    }
    const facts = { channel: this.options.channel, sha256, bytes: bytes.size, resumed, takenAt };
    return { report: tally.report(facts), error, positions: tally.positions };
  }

  private checkSize(size: number): void {
    const { fileMaxBytes } = this.options;
    if (size === 0) throw new EngineError('rejected', 'FILE_EMPTY', 'the file is empty');
    if (size > fileMaxBytes)
      throw new EngineError(
        'rejected',
        'FILE_OVER_MAX_SIZE',
        `the file is larger than ${fileMaxBytes} bytes (max_size)`,
      );
  }

  private async takeArchive(bytes: FileBytes, sha256: string, tally: FileTally): Promise<void> {
    const archive = await ZipArchive.open(bytes, this.options.zip);
    try {
      await archive.verify();
      tally.entries = archive.count;
      for (let index = 0; index < archive.count; index++) {
        const part = new Part(this, tally, sha256, index + 1);
        try {
          await part.take(archive.pieces(index));
        } catch (error) {
          if (!isEngineError(error, 'rejected')) throw error;
          tally.note({ code: error.code, line: part.line, detail: error.message }, index + 1);
        }
      }
    } finally {
      archive.close();
    }
    if (tally.units === 0)
      throw new EngineError('rejected', 'ZIP_WITHOUT_UNITS', 'no file of the archive can be read');
  }

  get unitMaxBytes(): number {
    return this.options.unitMaxBytes;
  }

  formatOf(start: Buffer) {
    return formatOf(this.options.formats, start);
  }

  arrival({ raw, unfit }: FileUnit, identity: Buffer | undefined): Arrival {
    return {
      channel: this.options.channel,
      raw,
      receivedAtMs: this.clock.nowMs(),
      ...(unfit === undefined ? {} : { unfit }),
      ...(identity === undefined ? {} : { identity }),
    };
  }

  /** All of them, in order, however often it takes: while the database is away the gate is closed. */
  async submit(
    arrivals: readonly Arrival[],
    settled: (from: number, receipts: Receipts) => void,
  ): Promise<void> {
    let from = 0;
    for (let waitMs = againFirstMs; from < arrivals.length; waitMs = Math.min(waitMs * 2, againMostMs)) {
      if (this.options.insists) await this.gate.passed();
      const { receipts, isWhole } = await submitUnits(this.receive, arrivals.slice(from));
      settled(from, receipts);
      from += receipts.length;
      if (isWhole) return;
      if (!this.options.insists)
        throw new EngineError(
          'uncertain',
          'FILE_UNCERTAIN',
          'the commit was not confirmed; send the same again',
        );
      await this.gate.wait(waitMs);
    }
  }
}

type Receipts = Awaited<ReturnType<typeof submitUnits>>['receipts'];

/** A file, or one file of an archive. */
class Part {
  /** Of the last unit. */
  line = 1;
  private window: FileUnit[] = [];
  private windowBytes = 0;

  constructor(
    private readonly taker: FileTaker,
    private readonly tally: FileTally,
    private readonly sha256: string,
    private readonly entry: number | undefined,
  ) {}

  async take(pieces: AsyncIterable<Buffer>): Promise<void> {
    const { first, all } = await peeked(pieces);
    const format = this.taker.formatOf(first);
    this.tally.format = format.name;
    const isRow = format.equalUnits === 'row';
    try {
      for await (const found of format.split(all, this.taker.unitMaxBytes)) {
        if (isFinding(found)) this.tally.note(found, this.entry);
        else await this.add(found, isRow);
      }
    } finally {
      // What could be read before the file broke off is taken all the same.
      await this.flush(isRow);
    }
  }

  private async add(unit: FileUnit, isRow: boolean): Promise<void> {
    this.line = unit.line;
    this.window.push(unit);
    this.windowBytes += unit.raw.length;
    if (this.window.length >= windowUnits || this.windowBytes >= windowBytes) await this.flush(isRow);
  }

  private async flush(isRow: boolean): Promise<void> {
    const units = this.window.map((unit) => ({ unit: this.tally.next(), line: unit.line, content: unit }));
    this.window = [];
    this.windowBytes = 0;
    if (units.length === 0) return;
    const { sha256, entry } = this;
    const arrivals = units.map(({ unit, content }) =>
      this.taker.arrival(content, isRow ? Buffer.from(`${sha256} ${unit}`) : undefined),
    );
    await this.taker.submit(arrivals, (from, receipts) => {
      for (const [index, receipt] of receipts.entries()) {
        const { unit = 0, line = 0 } = units[from + index] ?? {};
        this.tally.count({ unit, line, ...(entry === undefined ? {} : { entry }) }, receipt);
      }
    });
  }
}

function isFinding(found: FileUnit | FileFinding): found is FileFinding {
  return 'detail' in found;
}

/** The beginning of a file, and all of it from the beginning. */
async function peeked(pieces: AsyncIterable<Buffer>) {
  const iterator = pieces[Symbol.asyncIterator]();
  const begun = await iterator.next();
  const first = begun.done === true ? Buffer.alloc(0) : begun.value;
  async function* all(): AsyncGenerator<Buffer> {
    try {
      yield first;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
        yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { first, all: all() };
}

/** Reads all of the file once. */
async function checksumsOf(bytes: FileBytes, asked: 'sha256' | 'md5' | undefined) {
  const sha256 = createHash('sha256');
  const other = asked === 'md5' ? createHash('md5') : undefined;
  let start: Buffer | undefined;
  for await (const piece of piecesOf(bytes)) {
    start ??= piece;
    sha256.update(piece);
    other?.update(piece);
  }
  const hex = sha256.digest('hex');
  return { start: start ?? Buffer.alloc(0), sha256: hex, asked: other?.digest('hex') ?? hex };
}
