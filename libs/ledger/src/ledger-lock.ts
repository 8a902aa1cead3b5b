import type { Database, Session } from '#database';
import { EngineError } from '#kernel';

/** Advisory lock of the one sequencer of a database. */
const SEQUENCER_LOCK = 7_310_003;
const RETRY_MS = 100;

/**
 * The right to append. It is a session lock of a connection of its own, so the server releases it the moment this
 * process dies, however it dies: nothing stale can stand in the way of the next.
 */
export class LedgerLock {
  private held = true;

  private constructor(private readonly session: Session) {
    void session.lost.then(() => {
      this.held = false;
    });
  }

  /** Waits at most `waitMs` for the lock; `unavailable` LEDGER_LOCKED when another process keeps it. */
  static async take(database: Database, waitMs: number): Promise<LedgerLock> {
    const session = await database.session();
    const deadline = Date.now() + waitMs;
    try {
      for (;;) {
        const rows = await session.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [
          SEQUENCER_LOCK,
        ]);
        if (rows[0]?.taken === true) return new LedgerLock(session);
        if (Date.now() >= deadline) {
          throw new EngineError(
            'unavailable',
            'LEDGER_LOCKED',
            'another process appends to the ledger of this database; there is exactly one',
          );
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    } catch (error) {
      await session.close().catch(() => {}); // the first error is the one that tells
      throw error;
    }
  }

  /** Throws `unavailable` LEDGER_LOCK_LOST once the connection that holds the lock is gone. */
  assertHeld(): void {
    if (!this.held)
      throw new EngineError(
        'unavailable',
        'LEDGER_LOCK_LOST',
        'the connection that holds the ledger is gone',
      );
  }

  async release(): Promise<void> {
    await this.session.close().catch(() => {}); // a lost connection holds nothing
  }
}
