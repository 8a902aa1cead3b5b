import type { Database } from '#database';
import { partitionsBehind } from '#journal';

/** Journaled and not yet transformed: above this the sources stop reading (I7), below half of it they go on. */
const MAX_BACKLOG = 200_000;
const LOOK_EVERY_MS = 500;

/**
 * Back-pressure: when transformers fall far behind, sources stop reading their sockets. The engine never answers AE or AR
 * for load; a sender simply waits.
 */
export class BacklogGate {
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly database: Database,
    private readonly change: (open: boolean) => void,
    private readonly maxBacklog = MAX_BACKLOG,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Measures once and says so when the gate moves. Without an answer from the database the gate stays as it is. */
  async look(): Promise<void> {
    const behind = await partitionsBehind(this.database).catch(() => undefined);
    if (behind === undefined) return;
    const backlog = behind.reduce((sum, { waiting }) => sum + waiting, 0);
    if (!this.closed && backlog > this.maxBacklog) {
      this.closed = true;
      this.change(false);
    } else if (this.closed && backlog < this.maxBacklog / 2) {
      this.closed = false;
      this.change(true);
    }
  }
}
