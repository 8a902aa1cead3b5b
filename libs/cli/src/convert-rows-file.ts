import { closeSync, createReadStream, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { EngineError, isEngineError } from '#kernel';
import { RowsConversion } from '#mapping';
import type { ChannelChoice } from './channel-choice.js';
import { type ConversionReport, refusedReport } from './conversion-report.js';
import type { LayerChoice } from './layer-choice.js';
import type { MessageFile } from './message-files.js';
import type { ResourceText } from './resource-spill.js';
import { RowsBundle } from './rows-bundle.js';
import { RowsReporter } from './rows-report.js';

/** Large enough that a row is rarely cut by it. */
const PIECE_BYTES = 256 * 1024;
const SNIFF_BYTES = 64 * 1024;
const PROGRESS_MS = 200;
const MEGABYTE = 1_000_000;
const HEADER_OF_HL7 = /(?:^|[\r\n\u000b])[\s\0]*(?:M\0?S\0?H|F\0?H\0?S|B\0?H\0?S)/;

export interface RowsContext {
  readonly layers: LayerChoice;
  readonly channels: ChannelChoice;
  readonly tenant: string;
  readonly lineage: boolean;
  /** Whether a file that no map is for is told as rows all the same; else it is of an unknown format. */
  readonly isRows: boolean;
  progress(text: string): void;
  readonly stop: AbortSignal;
}

/** Garbage may be as much as this of what is alive, in percent; else V8 lets it be four times as much (measured: 470 MB, not 950). */
const HEAP_GROWTH_PERCENT = 60;

/** The beginning of a file; undefined when it cannot be read, which whoever reads all of it tells. */
export function startOf(path: string, bytes = SNIFF_BYTES): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const start = Buffer.alloc(bytes);
    return start.subarray(0, readSync(file, start, 0, bytes, 0));
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Whether a file that begins so may hold rows: it is neither HL7 v2 nor XML. */
export function maybeRows(start: Buffer | undefined): start is Buffer {
  if (start === undefined) return false;
  const text = start.toString('latin1');
  return !HEADER_OF_HL7.test(text) && !/^[\s\u00ef\u00bb\u00bf\u00ff\u00fe\0]*</.test(text);
}

/**
 * Converts a file of rows of any size: `target`.json holds its one bundle, `target`.lineage.json, if asked for, its lineage.
 * Answers the report, which the caller writes; undefined when it is not sure that these are rows, and no map is for them.
 */
export async function convertRowsFile(
  file: MessageFile,
  start: Buffer,
  target: string,
  context: RowsContext,
): Promise<ConversionReport | undefined> {
  const layout = RowsConversion.mapOf(start, context.layers.maps(context.channels.of('')));
  if (layout === undefined && !context.isRows) return undefined;
  const channel = context.channels.of(layout ?? '');
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  const reporter = new RowsReporter();
  await mkdir(dirname(target), { recursive: true });
  const out = new RowsOutput(target, statSync(file.path).size);
  const { tenant, lineage } = context;
  const options = {
    tenant,
    lineage,
    parameters: channel.parameters,
    overrides: channel.overrides,
    account: 'rules',
  } as const;
  const conversion = new RowsConversion(context.layers.maps(channel), options, {
    message: (message) => {
      reporter.add(message);
      out.lineage(message.number, message.lineage ?? []);
    },
    resource: (resource) => out.resource(resource),
  });
  try {
    await run(conversion, file, context);
    const hasBundle = out.bundle((written) =>
      context.progress(`${file.label}: ${megabytes(written)} MB of the bundle written`),
    );
    return reporter.report(file.label, conversion.summary, hasBundle);
  } catch (error) {
    if (!isEngineError(error) || error.code === 'INTERRUPTED') throw error;
    return refusedReport(file.label, 'csv', error.code, error.message);
  } finally {
    out.end();
  }
}

async function run(
  conversion: RowsConversion,
  { path, label }: MessageFile,
  context: RowsContext,
): Promise<void> {
  const { size } = statSync(path);
  let read = 0;
  let shownMs = Date.now();
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
    conversion.push(piece as Buffer);
    read += (piece as Buffer).length;
    if (context.stop.aborted) throw new EngineError('unavailable', 'INTERRUPTED', `${label}: interrupted`);
    if (Date.now() - shownMs < PROGRESS_MS) continue;
    shownMs = Date.now();
    const { rows, badRows } = conversion.summary;
    const bad = badRows > 0 ? `, ${badRows} of them bad` : '';
    context.progress(`${label}: ${megabytes(read)} of ${megabytes(size)} MB, ${rows} rows${bad}`);
  }
  conversion.end();
}

function megabytes(bytes: number): string {
  return (bytes / MEGABYTE).toFixed(bytes < 10 * MEGABYTE ? 1 : 0);
}

/** The files that a conversion writes. */
class RowsOutput {
  private readonly rows: RowsBundle;
  private isWritten = false;
  private lines: number | undefined;

  constructor(
    private readonly target: string,
    rowsBytes: number,
  ) {
    this.rows = new RowsBundle(`${target}.json`, rowsBytes);
  }

  resource(resource: ResourceText): void {
    this.write(() => this.rows.add(resource));
  }

  /** Whether there was a resource. */
  bundle(progress: (written: number) => void): boolean {
    this.write(() => {
      this.isWritten = this.rows.write(progress);
    });
    return this.isWritten;
  }

  lineage(message: number, elements: readonly object[]): void {
    if (elements.length === 0) return;
    const text = elements.map((element) => JSON.stringify({ message, ...element })).join(',\n');
    this.write(() => {
      const isFirst = this.lines === undefined;
      this.lines ??= openSync(`${this.target}.lineage.json`, 'w');
      writeSync(this.lines, `${isFirst ? '[\n' : ',\n'}${text}`);
    });
  }

  /** What an earlier run made must not stay. */
  end(): void {
    this.rows.close(this.isWritten);
    if (this.lines === undefined) rmSync(`${this.target}.lineage.json`, { force: true });
    else {
      writeSync(this.lines, '\n]\n');
      closeSync(this.lines);
    }
  }

  private write(work: () => void): void {
    try {
      work();
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
      throw new EngineError(
        'misconfigured',
        'FILE_UNWRITABLE',
        `cannot write ${this.target}.json (${code})`,
        { cause },
      );
    }
  }
}
