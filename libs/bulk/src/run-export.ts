import { bundleOf } from '#fhir';
import type { ResourceReader } from '#store';
import { ExportFilter } from './export-filter.js';
import type { ExportRequest, Job, JobPlan, JobProgress } from './job.js';
import { outcomeLine } from './outcome-line.js';
import { Parts, writeParts } from './part-files.js';

/** Resources that are read together; with the lines of a part this is what an export holds in memory. */
const CHUNK = 250;
/** A part is written when it has so much. */
const PART_RESOURCES = 2_000;
const PART_BYTES = 8 * 1024 * 1024;
/** Or after so many chunks, however little was found in them. */
const PART_CHUNKS = 40;

type Walk = Parameters<ResourceReader['walk']>[0];

/** What a job works with. */
export interface JobContext {
  readonly reader: Pick<ResourceReader, 'walk' | 'settledMs'>;
  /** Of this job alone. */
  readonly directory: string;
  /** Stores plan and progress. False: stop. */
  readonly save: (plan: JobPlan, progress: JobProgress) => Promise<boolean>;
}

/**
 * Writes out what an export asks for, from where it stood. Parts follow each other: files, then progress; so each resource is in the
 * files once, whenever the process ends. False: it was told to stop.
 */
export async function runExport(job: Job, request: ExportRequest, context: JobContext): Promise<boolean> {
  const { reader, directory, save } = context;
  const filter = new ExportFilter(request);
  const plan = job.plan ?? {
    asOfMs: Math.min(await reader.settledMs(), request.untilMs ?? Infinity),
    end: 0,
  };
  const progress = job.progress;
  if (job.plan === undefined && !(await save(plan, progress))) return false;
  const patients: readonly (string | undefined)[] = request.patients ?? [undefined];
  const parts = new Parts();
  let chunks = 0;
  while (progress.scope < patients.length) {
    const patient = patients[progress.scope];
    const walk: Walk = { ...walkOf(request, patient), asOfMs: plan.asOfMs, afterRid: progress.at };
    const { found, damaged, next } = await reader.walk(walk);
    for (const { type, id } of damaged) parts.add('error', 'OperationOutcome', damageOf(type, id));
    for (const version of found) {
      const { type, id } = version;
      if (version.deleted) {
        if (filter.tellsDeletion(type)) parts.add('deleted', 'Bundle', deletion(type, id));
        continue;
      }
      const line = filter.line(type, id, version.text, patient);
      if (line !== undefined) parts.add('output', type, line);
    }
    progress.at = next ?? 0;
    if (next === undefined) progress.scope++;
    const ended = progress.scope === patients.length;
    const isFull = parts.count >= PART_RESOURCES || parts.bytes >= PART_BYTES || ++chunks >= PART_CHUNKS;
    if (!ended && !isFull) continue;
    chunks = 0;
    progress.written += parts.count - parts.problems;
    await writeParts(directory, parts.take(), progress.files);
    if (!(await save(plan, progress))) return false;
  }
  return true;
}

function walkOf(
  { level, types, sinceMs }: ExportRequest,
  patient: string | undefined,
): Pick<Walk, 'of' | 'types' | 'sinceMs' | 'limit'> {
  const all = level === 'system' ? 'everything' : 'patients';
  return { of: patient === undefined ? all : { patient }, types, sinceMs, limit: CHUNK };
}

/** Bulk Data 2.0: a transaction that would delete it. */
function deletion(type: string, id: string): string {
  return bundleOf('transaction', [{ request: { method: 'DELETE', url: `${type}/${id}` } }]);
}

/** The rest is exported; `suture audit` names the message of the bytes that were changed. */
function damageOf(type: string, id: string): string {
  return outcomeLine({
    code: 'BULK_RESOURCE_DAMAGED',
    message: `${type}/${id} is left out: its stored bytes are damaged; restore them from a backup, then export again`,
    at: `${type}/${id}`,
  });
}
