import type { Query } from '#database';
import type { PartFile } from './part-files.js';

/** What a job is for; stored with it. */
export type JobRequest = ExportRequest | ImportRequest;

export interface ExportRequest {
  readonly kind: 'export';
  /** The address that was asked, for the manifest. */
  readonly url: string;
  readonly level: 'system' | 'patients' | 'group';
  /** Ids of the Patients of the group, or of those that are asked for. */
  readonly patients?: readonly string[];
  readonly types?: readonly string[];
  readonly sinceMs?: number;
  /** As things were then, and nothing later; undefined: as they are when the work begins. */
  readonly untilMs?: number;
  /** Searches, as `Observation?code=x`: what is of a type that has some must match one. */
  readonly typeFilters: readonly string[];
  /** `Patient.name` or `name`; none: all. */
  readonly elements: readonly string[];
}

export interface ImportRequest {
  readonly kind: 'import';
  readonly url: string;
  readonly bytes: number;
  /** Whether conditional references in it may be looked up: whoever filed it may search everything. */
  readonly maySearch?: boolean;
}

/** How far a job is. */
export interface JobProgress {
  /** Export: the patient it is at. */
  scope: number;
  /** Export: the row that was walked last. Import: bytes that are dealt with. */
  at: number;
  /** Import: lines that are dealt with. */
  lines: number;
  /** Resources written out, or written in. */
  written: number;
  created: number;
  files: PartFile[];
}

/** Settled when the work begins. */
export interface JobPlan {
  /** What is later is left out. */
  readonly asOfMs: number;
  /** Where `at` will end, about. */
  readonly end: number;
}

export interface Job {
  readonly id: string;
  readonly state: 'open' | 'done' | 'failed';
  readonly request: JobRequest;
  /** Who filed it; undefined: an earlier build did, which did not note it. */
  readonly owner: string | undefined;
  readonly plan: JobPlan | undefined;
  readonly progress: JobProgress;
  readonly step: number;
  readonly error: string | undefined;
  readonly createdAtMs: number;
  readonly endedAtMs: number | undefined;
}

interface JobRow {
  id: string;
  state: Job['state'];
  request: JobRequest;
  owner: string | null;
  plan: JobPlan | null;
  progress: JobProgress | null;
  step: number;
  error: string | null;
  created_at: Date;
  ended_at: Date | null;
}

const COLUMNS = 'id, state, request, owner, plan, progress, step, error, created_at, ended_at';

function jobOf(row: JobRow): Job {
  return {
    ...row,
    owner: row.owner ?? undefined,
    plan: row.plan ?? undefined,
    progress: row.progress ?? { scope: 0, at: 0, lines: 0, written: 0, created: 0, files: [] },
    error: row.error ?? undefined,
    createdAtMs: row.created_at.getTime(),
    endedAtMs: row.ended_at?.getTime(),
  };
}

/** Adds a job unless there are `most` already. */
export async function addJob(
  database: Query,
  job: Pick<Job, 'id' | 'request'> & { readonly owner: string },
  most: number,
): Promise<boolean> {
  const { id, request, owner } = job;
  const rows = await database.query(
    `INSERT INTO bulk_job (id, kind, request, owner) SELECT $1::uuid, $2, $3::jsonb, $5
     WHERE (SELECT count(*) FROM bulk_job) < $4 RETURNING id`,
    [id, request.kind, JSON.stringify(request), most, owner],
  );
  return rows.length > 0;
}

export async function readJob(database: Query, id: string): Promise<Job | undefined> {
  const [row] = await database.query<JobRow>(`SELECT ${COLUMNS} FROM bulk_job WHERE id = $1::uuid`, [id]);
  return row && jobOf(row);
}

/** The one that has waited longest. */
export async function nextJob(database: Query): Promise<Job | undefined> {
  const [row] = await database.query<JobRow>(
    `SELECT ${COLUMNS} FROM bulk_job WHERE state = 'open' ORDER BY created_at, id LIMIT 1`,
  );
  return row && jobOf(row);
}

/** Stores what has been reached. False: the job is gone, or somebody else works on it. */
export async function saveJob(
  database: Query,
  job: Pick<Job, 'id' | 'step' | 'plan' | 'progress'>,
): Promise<boolean> {
  const rows = await database.query(
    `UPDATE bulk_job SET plan = $3::jsonb, progress = $4::jsonb, step = step + 1
     WHERE id = $1::uuid AND step = $2 AND state = 'open' RETURNING id`,
    [job.id, job.step, JSON.stringify(job.plan ?? null), JSON.stringify(job.progress)],
  );
  return rows.length > 0;
}

export async function endJob(database: Query, id: string, error: string | undefined): Promise<void> {
  await database.query(
    `UPDATE bulk_job SET state = $2, error = $3, ended_at = now() WHERE id = $1::uuid AND state = 'open'`,
    [id, error === undefined ? 'done' : 'failed', error ?? null],
  );
}

/** False when there was none. */
export async function removeJob(database: Query, id: string): Promise<boolean> {
  const rows = await database.query('DELETE FROM bulk_job WHERE id = $1::uuid RETURNING id', [id]);
  return rows.length > 0;
}

/** Removes those that ended so long ago. */
export async function removeEnded(database: Query, keptMs: number): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `DELETE FROM bulk_job WHERE ended_at < now() - $1::float8 * interval '1 millisecond' RETURNING id`,
    [keptMs],
  );
  return rows.map(({ id }) => id);
}

export async function jobIds(database: Query): Promise<Set<string>> {
  const rows = await database.query<{ id: string }>('SELECT id FROM bulk_job');
  return new Set(rows.map(({ id }) => id));
}
