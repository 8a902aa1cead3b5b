import type { Clock } from '#kernel';

export interface NudgePace {
  readonly minIntervalMs: number;
  readonly perSecond: number;
  readonly burst: number;
  readonly maxInFlight: number;
}

/**
 * Sending one nudge and running it costs 0.3 to 0.5 ms of CPU (measured, either backend), a message about as much. So nudges
 * are thinned where they arise: the first of a place leaves at once, those that follow within `minIntervalMs` become one,
 * and a process sends at most `perSecond` in all. Under load the worker is awake anyway and looks everywhere.
 */
export const nudgePace: NudgePace = { minIntervalMs: 100, perSecond: 10, burst: 5, maxInFlight: 8 };

/** For a worker in the same process, which is called: that costs next to nothing. */
export const nearPace: NudgePace = { minIntervalMs: 5, perSecond: 400, burst: 20, maxInFlight: 8 };

/** For workers elsewhere, where one in the same process has been called already. */
export const farPace: NudgePace = { minIntervalMs: 500, perSecond: 2, burst: 1, maxInFlight: 8 };

interface Place {
  data: unknown;
  /** Asked for since the last send. */
  wanted: boolean;
  /** Waits in line, is on its way, or rests until the interval is over. */
  state: 'queued' | 'sending' | 'resting';
}

/** Thins nudges per place. Holds one entry per place that was nudged within the interval, and never rejects. */
export class NudgePacer {
  private readonly places = new Map<string, Place>();
  private readonly line: string[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();
  private inFlight = 0;
  private tokens: number;
  private refilledAtMs: number;
  private refill: NodeJS.Timeout | undefined;
  private closed = false;
  private settled: (() => void)[] = [];
  coalesced = 0;

  constructor(
    private readonly clock: Clock,
    private readonly send: (place: string, data: unknown) => Promise<void>,
    private readonly pace: NudgePace = nudgePace,
  ) {
    this.tokens = pace.burst;
    this.refilledAtMs = clock.nowMs();
  }

  nudge(name: string, data: unknown): void {
    if (this.closed) return;
    const place = this.places.get(name);
    if (place === undefined) {
      this.places.set(name, { data, wanted: true, state: 'queued' });
      this.line.push(name);
      this.pump();
      return;
    }
    if (place.wanted) this.coalesced += 1;
    place.data = data;
    place.wanted = true;
  }

  /** Resolves when nothing waits or is on its way. */
  async settle(): Promise<void> {
    while (this.inFlight > 0 || [...this.places.values()].some((place) => place.wanted)) {
      await new Promise<void>((done) => this.settled.push(done));
    }
  }

  /** Forgets what waits: a nudge lost is a nudge the sweeper makes good. */
  close(): void {
    this.closed = true;
    for (const timer of this.timers) clearTimeout(timer);
    clearTimeout(this.refill);
    this.places.clear();
    this.line.length = 0;
    this.announce();
  }

  private pump(): void {
    while (this.line.length > 0 && this.inFlight < this.pace.maxInFlight && !this.closed) {
      if (!this.takeToken()) {
        this.refill ??= setTimeout(() => {
          this.refill = undefined;
          this.pump();
        }, 1_000 / this.pace.perSecond);
        return;
      }
      const name = this.line.shift() as string;
      const place = this.places.get(name);
      if (place !== undefined) this.dispatch(name, place);
    }
  }

  private dispatch(name: string, place: Place): void {
    place.state = 'sending';
    place.wanted = false;
    this.inFlight += 1;
    const sentAtMs = this.clock.nowMs();
    void this.send(name, place.data).finally(() => {
      this.inFlight -= 1;
      place.state = 'resting';
      const restMs = Math.max(0, this.pace.minIntervalMs - (this.clock.nowMs() - sentAtMs));
      if (!this.closed) {
        const timer = setTimeout(() => {
          this.timers.delete(timer);
          this.awaken(name, place);
        }, restMs);
        this.timers.add(timer);
      }
      this.announce();
      this.pump();
    });
  }

  private awaken(name: string, place: Place): void {
    if (place.wanted) {
      place.state = 'queued';
      this.line.push(name);
      this.pump();
    } else this.places.delete(name);
  }

  private takeToken(): boolean {
    const nowMs = this.clock.nowMs();
    const gained = ((nowMs - this.refilledAtMs) / 1_000) * this.pace.perSecond;
    // A clock that went back must not take tokens away.
    this.tokens = Math.min(this.pace.burst, this.tokens + Math.max(0, gained));
    this.refilledAtMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  private announce(): void {
    for (const done of this.settled.splice(0)) done();
  }
}
