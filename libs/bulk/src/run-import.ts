import { join } from 'node:path';
import type { FhirObject } from '#fhir';
import { EngineError, isEngineError } from '#kernel';
import { type ImportLine, outcomeOf, problemOf, readLine } from './import-line.js';
import type { ImportRequest, Job, JobProgress } from './job.js';
import { ndjsonLines } from './ndjson-lines.js';
import { Parts, writeParts } from './part-files.js';
import type { JobContext } from './run-export.js';

/** What is written in one transaction. */
const BATCH_RESOURCES = 500;
const BATCH_CHARACTERS = 4 * 1024 * 1024;
/** Lines after which progress is stored, though nothing could be written of them. */
const BATCH_LINES = 2_000;

/** Where the body of an import lies in its directory. */
export const IMPORT_FILE = 'input.ndjson';

/** Writes resources as one transaction, each in its place; `WriteResources` of the pipeline. */
export interface ResourceWriter {
  run(
    writes: readonly {
      readonly method: 'PUT';
      readonly type: string;
      readonly id: string;
      readonly resource: FhirObject;
    }[],
    source: {
      readonly raw: Buffer;
      readonly ownUrl: string | undefined;
      readonly mayAsk: (type: string, criteria: string) => void;
    },
  ): Promise<readonly { readonly status: number }[]>;
}

interface Batch {
  lines: ImportLine[];
  readonly keys: Set<string>;
  characters: number;
  /** Lines read since the last batch, and where they end. */
  read: number;
  end: number;
}

/**
 * Writes the resources of an import in, from where it stood: a batch, then progress. A batch that a crash cut off from its progress
 * is written again, which changes nothing: its contents are there already. False: it was told to stop.
 */
export async function runImport(
  job: Job,
  request: ImportRequest,
  writer: ResourceWriter,
  { directory, save }: Pick<JobContext, 'directory' | 'save'>,
): Promise<boolean> {
  const progress = job.progress;
  const plan = job.plan ?? { asOfMs: Date.now(), end: request.bytes };
  const parts = new Parts();
  let batch = emptyBatch(progress.at);
  const mayAsk = request.maySearch === true ? () => {} : refuseQuestion;
  const flush = async (): Promise<boolean> => {
    await writeBatch(batch, (lines) => write(lines, writer, mayAsk), progress, parts);
    progress.lines += batch.read;
    progress.at = batch.end;
    if (parts.count > 0) await writeParts(directory, parts.take(), progress.files);
    batch = emptyBatch(batch.end);
    return save(plan, progress);
  };
  for await (const { text, end } of ndjsonLines(join(directory, IMPORT_FILE), progress.at)) {
    const number = progress.lines + batch.read + 1;
    if (text === undefined || text.trim() !== '') {
      const line = text === undefined ? tooLong(number) : readLine(text, number);
      if ('code' in line) parts.add('error', 'OperationOutcome', outcomeOf(line));
      else {
        // One transaction writes a resource once.
        if (batch.keys.has(`${line.type}/${line.id}`) && !(await flush())) return false;
        batch.lines.push(line);
        batch.keys.add(`${line.type}/${line.id}`);
        batch.characters += line.text.length;
      }
    }
    batch.read++;
    batch.end = end;
    const isFull =
      batch.lines.length >= BATCH_RESOURCES ||
      batch.characters >= BATCH_CHARACTERS ||
      batch.read >= BATCH_LINES;
    if (isFull && !(await flush())) return false;
  }
  return batch.read === 0 || flush();
}

function emptyBatch(end: number): Batch {
  return { lines: [], keys: new Set(), characters: 0, read: 0, end };
}

/** All of it at once; where that is refused, line by line, so that a bad line costs itself alone. */
async function writeBatch(
  { lines }: Batch,
  writeLines: (lines: readonly ImportLine[]) => ReturnType<ResourceWriter['run']>,
  progress: JobProgress,
  parts: Parts,
): Promise<void> {
  if (lines.length === 0) return;
  try {
    count(await writeLines(lines), progress);
  } catch (error) {
    if (!isEngineError(error) || error.kind !== 'rejected') throw error;
    for (const line of lines) {
      try {
        count(await writeLines([line]), progress);
      } catch (refused) {
        parts.add('error', 'OperationOutcome', outcomeOf(problemOf(refused, line.number)));
      }
    }
  }
}

function write(
  lines: readonly ImportLine[],
  writer: ResourceWriter,
  mayAsk: () => void,
): ReturnType<ResourceWriter['run']> {
  const raw = Buffer.from(`POST /fhir/$import\n${lines.map(({ text }) => text).join('\n')}`);
  return writer.run(
    lines.map(({ type, id, resource }) => ({ method: 'PUT', type, id, resource })),
    { raw, ownUrl: undefined, mayAsk },
  );
}

function refuseQuestion(): never {
  const message =
    'a conditional reference needs a token with system/*.s, which that of the import did not hold';
  throw new EngineError('rejected', 'IMPORT_LINE_INVALID', message);
}

function count(answers: readonly { readonly status: number }[], progress: JobProgress): void {
  progress.written += answers.length;
  progress.created += answers.filter(({ status }) => status === 201).length;
}

function tooLong(number: number): ReturnType<typeof readLine> {
  return { number, code: 'IMPORT_LINE_INVALID', message: 'the line is longer than 64 MiB', at: undefined };
}
