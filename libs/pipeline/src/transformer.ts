import type { TransformPartitions, TransformResult } from './transform-partitions.js';

/** The sweeper alone guarantees progress; nudges only cut latency. */
const SWEEP_EVERY_MS = 500;
/** Transactions at work at the same time under load, each on partitions of its own: while one waits for the database, the other maps. */
const LOOPS = 2;
/**
 * Messages in one transaction from which on several are at work, and below which one is again: where few messages wait, two
 * half transactions would only cost more.
 */
const CROWD = { from: 128, below: 32 };
/**
 * Transactions of one loop begin at least so far apart: the more messages the last one held, the farther, because under
 * load a transaction that holds more pays its sixteen round trips, and those of the deliveries after it, fewer times. The
 * first after a quiet time begins at once.
 */
const PACE_MS = { least: 10, aMessage: 4, most: 100 };

/**
 * Runs the transformer: looks for partitions that are behind when nudged, every 500 ms and at start, and works on until
 * nothing is left that another worker does not hold.
 */
export class Transformer {
  private readonly loops: readonly Loop[];
  private crowded = false;
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly partitions: Pick<TransformPartitions, 'run'>,
    private readonly onDone: (result: TransformResult) => void,
    onError: (error: unknown) => void,
  ) {
    this.loops = Array.from({ length: LOOPS }, (_, index) => new Loop(() => this.run(index), onError));
  }

  start(): void {
    this.sweeper = setInterval(() => this.wake(), SWEEP_EVERY_MS);
    this.wake();
  }

  /** Says that there may be messages; returns at once. */
  wake(): void {
    for (const loop of this.loops) loop.wake();
  }

  /** One transaction of a loop; answers how many messages it held. */
  private async run(index: number): Promise<number> {
    if (index > 0 && !this.crowded) return 0;
    const result = await this.partitions.run(this.crowded ? { index, of: LOOPS } : undefined);
    const { messages } = result;
    if (messages > 0) this.onDone(result);
    if (messages >= CROWD.from && !this.crowded) {
      this.crowded = true;
      this.wake();
    } else if (messages < CROWD.below) this.crowded = false;
    // What is left of this share is the first loop's now.
    if (index > 0 && messages > 0 && !this.crowded) this.loops[0]?.wake();
    return messages;
  }

  /** Finishes the transactions in flight; what still waits is for the next start. */
  async stop(): Promise<void> {
    clearInterval(this.sweeper);
    await Promise.all(this.loops.map((loop) => loop.stop()));
  }
}

/** One transaction after the other while there is work. */
class Loop {
  private working: Promise<void> | undefined;
  private wanted = false;
  private stopping = false;

  constructor(
    private readonly run: () => Promise<number>,
    private readonly onError: (error: unknown) => void,
  ) {}

  wake(): void {
    this.wanted = true;
    if (!this.stopping) this.working ??= this.work();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.working;
  }

  private async work(): Promise<void> {
    while (this.wanted && !this.stopping) {
      this.wanted = false;
      const startMs = performance.now();
      let paceMs = PACE_MS.least;
      try {
        const messages = await this.run();
        if (messages > 0) this.wanted = true;
        paceMs = Math.min(PACE_MS.most, PACE_MS.least + PACE_MS.aMessage * messages);
      } catch (error) {
        this.onError(error); // the sweeper tries again
      }
      const restMs = startMs + paceMs - performance.now();
      if (restMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, restMs));
    }
    this.working = undefined;
  }
}
