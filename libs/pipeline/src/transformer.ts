import type { Database } from '#database';
import { partitionsBehind } from '#journal';
import type { TransformPartitions, TransformResult } from './transform-partitions.js';

/** The sweeper alone guarantees progress; nudges only cut latency. */
const SWEEP_EVERY_MS = 500;
/** Partitions in one transaction: shares its cost under load. */
const MAX_PARTITIONS = 64;
/** Transactions at one time in one process: while one waits for the disk another maps. */
const CONCURRENCY = 2;
/**
 * Transactions of one process begin at least so far apart. The first after a quiet time begins at once; under load a
 * transaction then holds what came meanwhile, instead of paying its sixteen round trips for a message or two.
 */
const PACE_MS = 20;

/**
 * Runs the transformer: takes nudged partitions, sweeps every 500 ms and at start for those whose journal is ahead, and
 * works several in one transaction when several wait.
 */
export class Transformer {
  private readonly waiting = new Set<number>();
  private running = 0;
  private sweeper: NodeJS.Timeout | undefined;
  private stopping = false;
  private lastStartMs = 0;
  private pace: NodeJS.Timeout | undefined;
  private idle: (() => void)[] = [];

  constructor(
    private readonly database: Database,
    private readonly partitions: TransformPartitions,
    private readonly onDone: (result: TransformResult) => void,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    const sweep = () => {
      void this.sweep().finally(() => {
        if (!this.stopping) this.sweeper = setTimeout(sweep, SWEEP_EVERY_MS);
      });
    };
    sweep();
  }

  /** Says that a partition has messages; returns at once. */
  wake(partition: number): void {
    if (this.stopping) return;
    this.waiting.add(partition);
    this.fill();
  }

  /** Finishes the transactions in flight; what still waits is for the next start. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.sweeper);
    clearTimeout(this.pace);
    this.waiting.clear();
    while (this.running > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  /** Transforms all that waits now and until nothing does (or another worker has it). For drain and tests. */
  async sweep(): Promise<void> {
    try {
      for (const { partition } of await partitionsBehind(this.database)) this.waiting.add(partition);
      this.fill();
    } catch (error) {
      this.onError(error);
    }
  }

  private fill(): void {
    if (this.stopping || this.running >= CONCURRENCY || this.waiting.size === 0 || this.pace) return;
    const dueInMs = this.lastStartMs + PACE_MS - performance.now();
    if (dueInMs > 0) {
      this.pace = setTimeout(() => {
        this.pace = undefined;
        this.fill();
      }, dueInMs);
      return;
    }
    this.lastStartMs = performance.now();
    const partitions = [...this.waiting].slice(0, MAX_PARTITIONS);
    for (const partition of partitions) this.waiting.delete(partition);
    this.running++;
    void this.work(partitions);
    this.fill();
  }

  private async work(partitions: readonly number[]): Promise<void> {
    try {
      const result = await this.partitions.run(partitions);
      if (result.messages > 0) {
        this.onDone(result);
        // Behind still, perhaps: look again, after those that already wait.
        if (!this.stopping) for (const partition of partitions) this.waiting.add(partition);
      }
    } catch (error) {
      this.onError(error); // the sweeper tries again
    } finally {
      this.running--;
      for (const resolve of this.idle.splice(0)) resolve();
      this.fill();
    }
  }
}
