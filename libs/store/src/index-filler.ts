import { setTimeout as pause } from 'node:timers/promises';
import type { Database, Query } from '#database';
import { indexTerms, indexVersion } from '#search';
import { type PointerRow, pointerColumns, readPointersApart } from './read-resource.js';
import { insertMissingTerms } from './search-terms.js';

/** Resources of one transaction. */
const SLICE = 200;
const AFTER_TROUBLE_MS = 5_000;
/** Between two looks at a version that this build does not make: a newer one is at work. */
const WORD_EVERY_MS = 10_000;

/** How far the search index of this build is. */
export interface IndexState {
  readonly complete: boolean;
  /** Row numbers that are still to be looked at; at most so many resources. */
  readonly behind: number;
}

export interface IndexFillerOptions {
  /** Told at the beginning, every ten seconds, and at the end. */
  readonly onProgress: (message: string, facts: { readonly behind: number }) => void;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Brings the index up to what this build takes from resources, where an older build stored them: in slices, each one
 * transaction with its progress, so that a process may be killed at any moment. Of several processes one works at a time. Works half
 * of the time, so that it takes no more than half a connection from the others.
 */
export class IndexFiller {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly options: IndexFillerOptions,
  ) {}

  start(): void {
    this.running = this.run();
  }

  /** Resolves when the slice under way has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    let toldMs = 0;
    let worked = false;
    while (!this.stopping.signal.aborted) {
      const startedMs = Date.now();
      let waitMs: number;
      try {
        const state = await readIndexState(this.database);
        if (state.complete) {
          if (worked) this.options.onProgress('the search index holds what this build takes', { behind: 0 });
          return;
        }
        worked = true;
        if (startedMs - toldMs > WORD_EVERY_MS) {
          toldMs = startedMs;
          this.options.onProgress('the search index is brought up to this build', { behind: state.behind });
        }
        await this.database.transaction(fillSlice);
        waitMs = Date.now() - startedMs;
      } catch (error) {
        this.options.onTrouble(error);
        waitMs = AFTER_TROUBLE_MS;
      }
      await pause(waitMs, undefined, { signal: this.stopping.signal }).catch(() => {}); // stopped: the loop ends
    }
  }
}

/** What the database says of the index; where there are no resources it is complete. */
export async function readIndexState(database: Query): Promise<IndexState> {
  const [row] = await database.query<{ version: number; behind: number }>(
    `SELECT i.version, GREATEST(0, COALESCE((SELECT max(rid) FROM resource), 0) - i.filled_rid) AS behind FROM search_index i`,
    [],
    'read-index-state',
  );
  const complete = row !== undefined && row.version >= indexVersion;
  return { complete, behind: complete ? 0 : (row?.behind ?? 0) };
}

interface FilledRow extends PointerRow {
  rid: number;
  patient: string | null;
}

/** The next resources; the last slice finds none and says so. A row lock makes others wait for their turn. */
async function fillSlice(tx: Query): Promise<void> {
  const [state] = await tx.query<{ version: number; target: number; filled_rid: number }>(
    'SELECT version, target, filled_rid FROM search_index FOR UPDATE',
  );
  if (state === undefined || state.version >= indexVersion) return;
  // Another build began to fill for itself: what it reached says nothing about this one.
  const after = state.target === indexVersion ? state.filled_rid : 0;
  const rows = await tx.query<FilledRow>(
    `SELECT r.rid, r.patient::text, ${pointerColumns} FROM resource r WHERE rid > $1 ORDER BY rid LIMIT $2`,
    [after, SLICE],
    'read-to-index',
  );
  const current = rows.filter((row) => !row.deleted);
  const outcomes = await readPointersApart(tx, current);
  await insertMissingTerms(
    tx,
    outcomes.flatMap((outcome, at) => {
      const row = current[at];
      // What is damaged cannot be searched either; the audit names it.
      if (row === undefined || !('found' in outcome) || outcome.found.deleted) return [];
      const patient = row.patient === null ? null : BigInt(row.patient);
      return [{ rid: row.rid, terms: indexTerms(JSON.parse(outcome.found.text) as object, patient) }];
    }),
  );
  const last = rows.at(-1)?.rid;
  if (last === undefined) await tx.query('UPDATE search_index SET version = $1', [indexVersion]);
  else await tx.query('UPDATE search_index SET target = $1, filled_rid = $2', [indexVersion, last]);
}
