import { type Database, GroupCommit, type Query } from '#database';
import { assert, EngineError, isEngineError, type Position } from '#kernel';
import { APPEND_SQL, appendParameters } from './append-statement.js';
import type { Appended, JournalEntry } from './journal-entry.js';
import { type Lane, takeLane } from './lane.js';
import { type Heads, quickAppend } from './quick-append.js';
import { ensureTimePartitions } from './time-partitions.js';
import { uuidText } from './uuid-text.js';

/** How long to wait before the next try to reach a database that went away: doubling between these. */
const REOPEN_FIRST_MS = 50;
const REOPEN_MOST_MS = 1_000;
/** A commit that met another lane's transaction did nothing and is simply run again, this often. */
const MAX_CONFLICT_RETRIES = 5;
/** After a duplicate more of them are likely: so many commits ask the database what is new before they write. */
const WARY_COMMITS = 64;
/** A database that lets nobody in is asked on; the operator is told again after this. */
const TELL_REFUSAL_EVERY_MS = 30_000;
/** A commit that failed is trouble until one succeeds. Whoever sends nothing meanwhile must not wait for that for ever. */
const TROUBLE_LASTS_MS = 30_000;

interface AppendedRow {
  partition: number;
  seq: number;
  kind: number;
  flags: number;
  key: string;
}

/**
 * One writer of the journal: owns a lane, commits all that waits together, one commit in flight.
 *
 * `append` resolves only after the bytes are committed (I1). When the outcome of a commit is unknown it rejects with
 * `uncertain` JOURNAL_COMMIT_UNCERTAIN: say nothing to the sender, who resends; the idempotency key collapses it.
 * What waits while the database is away is not rejected but goes with the first commit after it came back.
 */
export class Journal {
  private readonly group = new GroupCommit<JournalEntry, Appended>((entries) => this.flush(entries));
  private closing = false;
  private wary = 0;
  private failed: { readonly atMs: number; readonly reason: string } | undefined;
  private refusalToldAtMs = Number.NEGATIVE_INFINITY;

  private constructor(
    private readonly database: Database,
    private lane: Lane | undefined,
    private readonly onAvailable: (available: boolean) => void,
    private readonly onRefused: (error: unknown) => void,
  ) {
    this.watch();
  }

  /**
   * Takes a lane. `onAvailable` is told when the database goes away and comes back: the moment to pause sources.
   * `onRefused` is told, now and then, when it answers and lets the journal not in, as after a change of the password.
   */
  static async open(
    database: Database,
    onAvailable: (available: boolean) => void = () => {},
    onRefused: (error: unknown) => void = () => {},
  ): Promise<Journal> {
    await ensureTimePartitions(database, Date.now());
    return new Journal(database, await takeLane(database), onAvailable, onRefused);
  }

  /** The lane in use now; undefined while the database is away. */
  get laneId(): number | undefined {
    return this.lane?.id;
  }

  /** Why the last commit failed, when no later one succeeded: a full disk, say. Forgotten after half a minute without a commit. */
  get trouble(): string | undefined {
    const { failed } = this;
    if (failed === undefined || performance.now() - failed.atMs > TROUBLE_LASTS_MS) return undefined;
    return `the last commit failed: ${failed.reason}`;
  }

  append(entry: JournalEntry): Promise<Appended> {
    if (this.closing)
      return Promise.reject(new EngineError('unavailable', 'JOURNAL_CLOSED', 'the journal is closing'));
    return this.group.add(entry);
  }

  /** Commits what waits, then gives the lane back. */
  async close(): Promise<void> {
    this.closing = true;
    await this.group.drained();
    const lane = this.lane;
    this.lane = undefined;
    await lane?.session.close();
  }

  private watch(): void {
    const lane = this.lane;
    void lane?.session.lost.then(() => {
      if (this.lane !== lane) return;
      this.lane = undefined;
      if (!this.closing) this.onAvailable(false);
      if (!this.closing) void this.reopen();
    });
  }

  private reopening: Promise<Lane> | undefined;

  /** Tries until the database answers again; ends with an error only when the journal is closed meanwhile. */
  private reopen(): Promise<Lane> {
    this.reopening ??= (async () => {
      for (let waitMs = REOPEN_FIRST_MS; ; waitMs = Math.min(waitMs * 2, REOPEN_MOST_MS)) {
        if (this.closing) throw new EngineError('unavailable', 'JOURNAL_CLOSED', 'the journal is closing');
        try {
          const lane = await takeLane(this.database);
          if (this.closing) {
            await lane.session.close();
            continue;
          }
          this.lane = lane;
          this.watch();
          this.onAvailable(true);
          return lane;
        } catch (error) {
          if (!isEngineError(error, 'unavailable')) this.tellRefusal(error);
          await new Promise((resolve) => setTimeout(resolve, waitMs));
        }
      }
    })().finally(() => {
      this.reopening = undefined;
    });
    // Whoever waits sees the error; nobody waiting is not an unhandled rejection.
    this.reopening.catch(() => {});
    return this.reopening;
  }

  private tellRefusal(error: unknown): void {
    const nowMs = performance.now();
    if (nowMs - this.refusalToldAtMs < TELL_REFUSAL_EVERY_MS) return;
    this.refusalToldAtMs = nowMs;
    this.onRefused(error);
  }

  private async flush(entries: readonly JournalEntry[]): Promise<readonly Appended[]> {
    const keys = entries.map((entry) => uuidText(entry.key));
    const first = new Map<string, JournalEntry>();
    entries.forEach((entry, index) => {
      const key = keys[index] ?? '';
      if (!first.has(key)) first.set(key, entry);
    });
    const lane = this.lane ?? (await this.reopen());
    const rows = await this.commit(lane, [...first.values()]);
    const placed = new Map(
      rows.filter((row) => row.kind !== 2).map((row) => [row.key.replaceAll('-', ''), row]),
    );
    return entries.map((entry, index): Appended => {
      const row = placed.get(keys[index] ?? '');
      if (row === undefined || first.get(keys[index] ?? '') !== entry) {
        return { position: undefined, duplicate: true, controlIdReused: false };
      }
      const position: Position = { lane: lane.id, partition: row.partition, seq: row.seq };
      return { position, duplicate: false, controlIdReused: (row.flags & 1) === 1 };
    });
  }

  private async commit(lane: Lane, entries: readonly JournalEntry[]): Promise<AppendedRow[]> {
    const quick = this.wary > 0 ? undefined : quickAppend(lane.id, lane.heads, entries);
    if (quick) {
      const rows = await lane.session
        .query<AppendedRow>(quick.sql, quick.parameters, quick.name)
        .catch((error: unknown) => this.undoneOrUncertain(error));
      if (rows) {
        this.failed = undefined;
        for (const [partition, head] of quick.heads) lane.heads.set(partition, head);
        return rows;
      }
      this.wary = WARY_COMMITS;
    }
    if (this.wary > 0) this.wary--;
    const rows = await this.commitCarefully(lane, entries);
    const heads: Heads = new Map();
    for (const { partition, seq } of rows) heads.set(partition, Math.max(seq, heads.get(partition) ?? 0));
    for (const [partition, head] of heads) lane.heads.set(partition, head);
    return rows;
  }

  private async commitCarefully(lane: Lane, entries: readonly JournalEntry[]): Promise<AppendedRow[]> {
    const parameters = appendParameters(lane.id, entries);
    for (let attempt = 0; ; attempt++) {
      try {
        const rows = await lane.session.query<AppendedRow>(APPEND_SQL, parameters, 'journal-append');
        this.failed = undefined;
        return rows;
      } catch (error) {
        if (isEngineError(error) && error.code === 'DATABASE_CONFLICT' && attempt < MAX_CONFLICT_RETRIES)
          continue;
        throw this.uncertain(error);
      }
    }
  }

  /** What the database itself refused it has undone; anything else leaves the outcome open. */
  private undoneOrUncertain(error: unknown): undefined {
    if (isEngineError(error) && error.code !== 'DATABASE_UNAVAILABLE') return undefined;
    throw this.uncertain(error);
  }

  /** Whether the connection broke before or after the commit cannot be known from here. */
  private uncertain(cause: unknown): EngineError {
    const reason = isEngineError(cause) ? cause.message : 'unknown';
    this.failed = { atMs: performance.now(), reason };
    return new EngineError('uncertain', 'JOURNAL_COMMIT_UNCERTAIN', 'the commit was not confirmed', {
      cause,
    });
  }
}

/** The number of a channel in the journal; made at first use. Names are never reused for another meaning. */
export async function channelId(database: Query, name: string): Promise<number> {
  await database.query('INSERT INTO channel_name (name) VALUES ($1) ON CONFLICT DO NOTHING', [name]);
  const rows = await database.query<{ id: number }>('SELECT id FROM channel_name WHERE name = $1', [name]);
  const id = rows[0]?.id;
  assert(id !== undefined, 'CHANNEL_NAME_MISSING');
  return id;
}
