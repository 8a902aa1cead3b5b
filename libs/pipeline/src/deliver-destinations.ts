import { setMaxListeners } from 'node:events';
import { type DeliveryClaims, DeliveryTurns, RecentPacks } from '#delivery';
import { type Clock, type Random, systemClock, systemRandom } from '#kernel';
import { DeliverPartition, type DeliveryTarget } from './deliver-partition.js';

/** The sweeper alone guarantees progress; nudges only cut latency. */
const SWEEP_EVERY_MS = 500;
const DEFAULT_CONCURRENCY = 16;
/** Added to a delayed nudge, so that it does not come just before the database calls the attempt due. */
const RETRY_SLACK_MS = 20;

interface RunningTarget {
  readonly target: DeliveryTarget;
  readonly turns: DeliveryTurns;
}

/** Where a nudge points: destination.id and partition. */
export interface DeliveryNudge {
  readonly destination: number;
  readonly partition: number;
}

export interface DeliverEvents {
  /** A receiver did not take a message: nudge this share again after that time. Losing it is harmless. */
  readonly onRetry?: (nudge: DeliveryNudge, afterMs: number) => void;
  /** What stopped a turn or a sweep: the database is away, or a bug. The sweeper tries again. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Runs all deliveries of one process to destinations of channels. Each destination has turns of its own, so that a slow
 * one holds up no other; within a destination at most `concurrency` partitions are sent at one time, and a turn holds
 * at most one batch (about 1 MiB of packs) in memory. `recent`: what the transformer of this process, if it has one, stored a
 * moment ago.
 */
export class DeliverDestinations {
  private readonly running: ReadonlyMap<number, RunningTarget>;
  private readonly soon = new AbortController();
  private readonly now = new AbortController();
  private readonly events: DeliverEvents;
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly claims: DeliveryClaims,
    targets: readonly DeliveryTarget[],
    events: DeliverEvents = {},
    recent = new RecentPacks(),
    ports: { readonly clock: Clock; readonly random: Random } = { clock: systemClock, random: systemRandom },
  ) {
    this.events = events;
    setMaxListeners(0, this.soon.signal, this.now.signal); // one for each turn, which `concurrency` bounds
    const partitions = new DeliverPartition(claims, { ...ports, recent });
    const onError = (error: unknown) => this.events.onError?.(error);
    this.running = new Map(
      targets.map((target) => {
        const run = (partition: number) => this.turn(partitions, target, partition);
        const limit = target.concurrency ?? DEFAULT_CONCURRENCY;
        return [target.id, { target, turns: new DeliveryTurns(limit, ports.clock, run, onError) }];
      }),
    );
  }

  /** Sweeps now and every 500 ms. */
  start(): void {
    const sweep = () => {
      void this.sweep().finally(() => {
        if (!this.soon.signal.aborted) this.sweeper = setTimeout(sweep, SWEEP_EVERY_MS);
      });
    };
    sweep();
  }

  /** Says that there is something to deliver; returns at once. What is not ours is left to whom it belongs to. */
  wake({ destination, partition }: DeliveryNudge): void {
    this.running.get(destination)?.turns.wake(partition);
  }

  /** Wakes every share that is behind and due. Resolves when they are woken, not when they are sent. */
  async sweep(): Promise<void> {
    try {
      const behind = await this.claims.behind([...this.running.keys()]);
      for (const { destination, partition } of behind) {
        this.running.get(destination)?.turns.wake(partition, true);
      }
    } catch (error) {
      this.events.onError?.(error);
    }
  }

  /** Sends nothing more; waits `graceMs` for the answers to what is in flight, then breaks off; closes destinations. */
  async stop(graceMs: number): Promise<void> {
    clearTimeout(this.sweeper);
    this.soon.abort();
    const hard = setTimeout(() => this.now.abort(), graceMs);
    await Promise.all([...this.running.values()].map(({ turns }) => turns.stop()));
    clearTimeout(hard);
    await Promise.all([...this.running.values()].map(({ target }) => target.destination.close()));
  }

  private async turn(partitions: DeliverPartition, target: DeliveryTarget, partition: number) {
    const turn = await partitions.run(target, partition, { soon: this.soon.signal, now: this.now.signal });
    if (turn === 'stopped') return 'done';
    if (typeof turn === 'string') return turn;
    this.events.onRetry?.({ destination: target.id, partition }, turn.retryAfterMs + RETRY_SLACK_MS);
    return { afterMs: turn.retryAfterMs };
  }
}
