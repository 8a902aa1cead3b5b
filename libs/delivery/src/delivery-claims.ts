import { setMaxListeners } from 'node:events';
import { type Database, GroupCommit, type Query, type Session } from '#database';
import { EngineError } from '#kernel';
import {
  behindDeliveries,
  type DeliveryMove,
  type DeliveryProgress,
  type DeliveryShare,
  moveDeliveryCursors,
  readDeliveries,
  shareKey,
  stillBehind,
  type WaitingDelivery,
} from './deliveries.js';

/** First key of the advisory locks that say which process sends which share. */
export const CLAIM_LOCK_CLASS = 7_310_003;
/** A process that cannot confirm its connection within these two stops sending ... */
const CONFIRM_EVERY_MS = 2_000;
const CONFIRM_WITHIN_MS = 4_000;
/** ... before the server gives up the connection (4 s + 3 * 2 s of silence) and with it the locks. */
const SESSION_SETTINGS = `
  SET synchronous_commit = off;
  SET idle_session_timeout = 0;
  SET client_connection_check_interval = '1s';
  SET tcp_keepalives_idle = 4; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;
  SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
  SET plan_cache_mode = force_generic_plan`;

/** Most deliveries of a share that are read at once. */
export const MAX_READ = 64;

/** The right to send a share; at most one in all processes. */
export interface DeliveryClaim {
  readonly share: DeliveryShare;
  /** Aborts when the right is lost: break off what is in flight. */
  readonly lost: AbortSignal;
  /**
   * The share's next deliveries in order of number, at most `MAX_READ`; fewer only when no more were there. Read in
   * one statement with those of other shares. Empty while the share waits for its next attempt.
   */
  read(): Promise<readonly WaitingDelivery[]>;
  /**
   * Writes how far the share has come, together with what other shares have to write. Not more than one at a time.
   * Does not wait for fsync: after a crash of the database the same numbers may be sent again.
   * `unavailable` DELIVERY_CLAIM_LOST: another process sends this share.
   */
  advance(progress: DeliveryProgress): Promise<void>;
  /** Statements whose effect a crash of the database may forget. */
  readonly session: Query;
  /** Gives the right back. True when something was due right after that: whoever was turned away may not come again. */
  release(): Promise<boolean>;
}

/** One connection and the locks it holds; when it ends, so do they. */
interface Tenure {
  readonly session: Session;
  /** The same connection, one statement after the other. */
  readonly line: Query;
  readonly over: AbortController;
  readonly held: Set<number>;
  readonly heartbeat: NodeJS.Timeout;
}

interface Asked {
  readonly tenure: Tenure;
  readonly share: DeliveryShare;
}

/**
 * Who sends what. A claim is a session advisory lock, and cursors move on the very connection that holds it: a process
 * that lost its connection neither moves a cursor nor, once it noticed, sends. A killed process's claims end with its
 * connection, at once; those of a machine that vanished after 10 seconds.
 *
 * One per process, for all kinds of deliveries. What many shares ask for at the same moment goes in one statement.
 */
export class DeliveryClaims {
  private tenure: Tenure | undefined;
  private opening: Promise<Tenure> | undefined;
  private closed = false;
  private readonly takes = new GroupCommit<Asked, boolean>((asked) => this.lock(asked));
  private readonly reads = new GroupCommit<Asked, readonly WaitingDelivery[] | undefined>((asked) =>
    this.next(asked),
  );
  private readonly moves = new GroupCommit<Asked & DeliveryMove, boolean>((moves) => this.move(moves));
  private readonly releases = new GroupCommit<Asked, boolean>((asked) => this.unlock(asked));

  constructor(private readonly database: Database) {}

  /** Undefined when this or another process holds the share. Rejects with `unavailable` while the database is away. */
  async take(share: DeliveryShare): Promise<DeliveryClaim | undefined> {
    const tenure = await this.live();
    const key = shareKey(share);
    // A session may take its own lock again, so the lock alone would not keep two turns of this process apart.
    if (tenure.held.has(key)) return undefined;
    tenure.held.add(key);
    const taken = await this.takes.add({ tenure, share }).catch((error: unknown) => {
      tenure.held.delete(key);
      throw error;
    });
    if (taken) return this.claimOf(tenure, share);
    tenure.held.delete(key);
    return undefined;
  }

  /** The shares of these destinations that have something to send and whose next attempt is due: for the sweeper. */
  async behind(destinations: readonly number[]): Promise<DeliveryShare[]> {
    return behindDeliveries(this.database, destinations);
  }

  /** Gives up every claim. */
  async close(): Promise<void> {
    this.closed = true;
    const tenure = this.tenure;
    if (tenure) this.end(tenure);
    await tenure?.session.close().catch(() => {}); // it may be gone already, which is what is wanted
  }

  private claimOf(tenure: Tenure, share: DeliveryShare): DeliveryClaim {
    return {
      share,
      lost: tenure.over.signal,
      session: tenure.line,
      read: async () => {
        const waiting = await this.reads.add({ tenure, share });
        if (waiting === undefined) throw connectionGone();
        return waiting;
      },
      advance: async (progress) => {
        const moved = await this.moves.add({ tenure, share, progress });
        if (!moved)
          throw new EngineError('unavailable', 'DELIVERY_CLAIM_LOST', 'another process sends this share');
      },
      release: () => this.releases.add({ tenure, share }),
    };
  }

  private async live(): Promise<Tenure> {
    if (this.closed)
      throw new EngineError('unavailable', 'DELIVERY_CLAIMS_CLOSED', 'deliveries are stopping');
    if (this.tenure) return this.tenure;
    this.opening ??= this.open().finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  private async open(): Promise<Tenure> {
    const session = await this.database.session();
    try {
      await session.query(SESSION_SETTINGS);
    } catch (error) {
      await session.close().catch(() => {}); // the first error is the one that tells
      throw error;
    }
    const over = new AbortController();
    setMaxListeners(0, over.signal); // one listener for each share in flight, which is bounded elsewhere
    const heartbeat = setInterval(() => void this.confirm(tenure), CONFIRM_EVERY_MS).unref();
    const tenure: Tenure = { session, line: inLine(session), over, held: new Set(), heartbeat };
    void session.lost.then(() => this.end(tenure));
    this.tenure = tenure;
    if (this.closed) this.end(tenure);
    return tenure;
  }

  private end(tenure: Tenure): void {
    if (tenure.over.signal.aborted) return;
    if (this.tenure === tenure) this.tenure = undefined;
    clearInterval(tenure.heartbeat);
    tenure.over.abort(connectionGone());
    void tenure.session.close().catch(() => {}); // it may be gone already, which is what is wanted
  }

  private async confirm(tenure: Tenure): Promise<void> {
    const silent = setTimeout(() => this.end(tenure), CONFIRM_WITHIN_MS);
    await tenure.line.query('SELECT 1', [], 'delivery-claims-alive').catch(() => this.end(tenure));
    clearTimeout(silent);
  }

  /** Runs a statement for those who still have their connection; for the others the answer is `lost`. */
  private async onSession<Item extends Asked, Result>(
    items: readonly Item[],
    lost: Result,
    run: (session: Query, live: readonly Item[]) => Promise<readonly Result[]>,
  ): Promise<Result[]> {
    const tenure = items.find((item) => !item.tenure.over.signal.aborted)?.tenure;
    const live = items.filter((item) => item.tenure === tenure);
    if (tenure === undefined) return items.map(() => lost);
    try {
      const answers = await run(tenure.line, live);
      const byItem = new Map(live.map((item, index) => [item, answers[index]]));
      return items.map((item) => byItem.get(item) ?? lost);
    } catch (error) {
      // Whether the statement took effect is unknown: only a new connection has certainly no locks.
      this.end(tenure);
      throw error;
    }
  }

  private lock(asked: readonly Asked[]): Promise<boolean[]> {
    return this.onSession(asked, false, async (session, live) => {
      const rows = await session.query<{ taken: boolean }>(
        'SELECT pg_try_advisory_lock($1, key) AS taken FROM unnest($2::int[]) WITH ORDINALITY AS k(key, ord) ORDER BY ord',
        [CLAIM_LOCK_CLASS, live.map((item) => shareKey(item.share))],
        'claim-deliveries',
      );
      return rows.map((row) => row.taken);
    });
  }

  private next(asked: readonly Asked[]): Promise<(readonly WaitingDelivery[] | undefined)[]> {
    return this.onSession<Asked, readonly WaitingDelivery[] | undefined>(
      asked,
      undefined,
      (session, live) => {
        const shares = live.map((item) => item.share);
        return readDeliveries(session, shares, MAX_READ);
      },
    );
  }

  private move(moves: readonly (Asked & DeliveryMove)[]): Promise<boolean[]> {
    return this.onSession(moves, false, (session, live) => moveDeliveryCursors(session, live));
  }

  private unlock(asked: readonly Asked[]): Promise<boolean[]> {
    return this.onSession(asked, false, async (session, live) => {
      const keys = live.map((item) => shareKey(item.share));
      await session.query(
        'SELECT pg_advisory_unlock($1, key) FROM unnest($2::int[]) AS key',
        [CLAIM_LOCK_CLASS, keys],
        'release-deliveries',
      );
      for (const item of live) item.tenure.held.delete(shareKey(item.share));
      // A statement of its own: its snapshot must be younger than the release.
      const behind = new Set(
        (
          await stillBehind(
            session,
            live.map((item) => item.share),
          )
        ).map(shareKey),
      );
      return keys.map((key) => behind.has(key));
    });
  }
}

function connectionGone(): EngineError {
  return new EngineError('unavailable', 'DELIVERY_CLAIM_LOST', 'the connection is gone');
}

/** Lets one statement at a time through, in the order they were asked for. */
function inLine(session: Session): Query {
  let last: Promise<unknown> = Promise.resolve();
  return {
    query<Row extends object>(sql: string, params?: readonly unknown[], name?: string): Promise<Row[]> {
      const answer = last.then(() => session.query<Row>(sql, params, name));
      last = answer.catch(() => {}); // whoever asked sees the error; the next statement is not concerned
      return answer;
    },
  };
}
