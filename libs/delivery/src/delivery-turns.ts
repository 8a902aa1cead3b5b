import { assert, type Clock } from '#kernel';

/** What a turn found: nothing left, more to do at once, or nothing to do before some time has passed. */
export type Turn = 'done' | 'more' | { readonly afterMs: number };

/**
 * Which streams of deliveries run now in this process: at most `limit` together, one turn per stream, the others wait
 * in the order they were woken. Holds keys only; losing them all is harmless, because a sweeper finds what is behind.
 */
export class DeliveryTurns {
  /** In order of waking. */
  private readonly waiting = new Set<number>();
  /** True: woken again while it ran. */
  private readonly running = new Map<number, boolean>();
  private readonly notBeforeMs = new Map<number, number>();
  private stopped = false;
  private idle: (() => void)[] = [];

  /** `run` takes one bounded turn; if it rejects, `onError` is told and the stream waits to be woken again. */
  constructor(
    private readonly limit: number,
    private readonly clock: Clock,
    private readonly run: (key: number) => Promise<Turn>,
    private readonly onError: (error: unknown) => void,
  ) {
    assert(limit > 0, 'DELIVERY_TURNS_LIMIT');
  }

  /**
   * Asks for a turn. Called again before the turn begins it counts once; while it runs, one more turn follows. A stream
   * that waits for its next attempt is left alone, unless the database says that it is `due`.
   */
  wake(key: number, due = false): void {
    if (this.stopped) return;
    if (this.running.has(key)) {
      this.running.set(key, true);
      return;
    }
    if (!due && (this.notBeforeMs.get(key) ?? 0) > this.clock.nowMs()) return;
    this.notBeforeMs.delete(key);
    this.waiting.add(key);
    this.fill();
  }

  /** Begins no further turn; resolves when the running ones have ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.waiting.clear();
    if (this.running.size > 0) await new Promise<void>((resolve) => void this.idle.push(resolve));
  }

  private fill(): void {
    for (const key of this.waiting) {
      if (this.running.size >= this.limit) return;
      this.waiting.delete(key);
      this.running.set(key, false);
      void this.take(key);
    }
  }

  private async take(key: number): Promise<void> {
    let turn: Turn = 'done';
    try {
      turn = await this.run(key);
    } catch (error) {
      this.onError(error);
    }
    const again = this.running.get(key) === true || turn === 'more';
    this.running.delete(key);
    if (this.stopped) {
      if (this.running.size === 0) for (const resolve of this.idle.splice(0)) resolve();
      return;
    }
    if (typeof turn === 'object') this.notBeforeMs.set(key, this.clock.nowMs() + turn.afterMs);
    else if (again) this.waiting.add(key);
    this.fill();
  }
}
