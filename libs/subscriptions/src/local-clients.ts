import type { Clock } from '#kernel';

/** How far the clients of this process have been told of one subscription. */
interface Told {
  /** They have had a handshake since the last of them was bound. */
  greeted: boolean;
  /** The last event; undefined: what was sent before they came is none of theirs. */
  number: number | undefined;
  atMs: number;
}

/**
 * Of subscriptions by websocket: what the clients that are bound to this process were told. Whoever serves the subscription
 * moves it on for all processes, and each process tells its own clients what the others told theirs. Only in memory: it ends
 * with the sockets.
 */
export class LocalClients {
  private readonly told = new Map<string, Told>();

  constructor(private readonly clock: Clock) {}

  /** A client was bound: it is to get a handshake. */
  bound(subscription: string): void {
    const number = this.told.get(subscription)?.number;
    this.told.set(subscription, { greeted: false, number, atMs: this.clock.nowMs() });
  }

  /** Nobody is bound any more. */
  left(subscription: string): void {
    this.told.delete(subscription);
  }

  /** A notification was written to them; `last`: the last event that it tells. */
  heard(subscription: string, last: number | undefined): void {
    const told = this.told.get(subscription);
    if (told === undefined) return;
    told.greeted = true;
    told.number = last ?? told.number;
    told.atMs = this.clock.nowMs();
  }

  /** The last event that they were told, when `sent` is the last that anybody was. */
  after(subscription: string, sent: number): number {
    const told = this.told.get(subscription);
    if (told === undefined) return sent;
    told.number ??= sent;
    return told.number;
  }

  isGreeted(subscription: string): boolean {
    return this.told.get(subscription)?.greeted ?? true;
  }

  /** They have heard nothing for as long as a heartbeat is due. */
  isSilent(subscription: string, heartbeatMs: number | undefined): boolean {
    const told = this.told.get(subscription);
    if (told === undefined || heartbeatMs === undefined) return false;
    return this.clock.nowMs() - told.atMs >= heartbeatMs;
  }

  /** Whether others were told what they were not. */
  lags(subscription: string, sent: number, heartbeatMs: number | undefined): boolean {
    if (!this.told.has(subscription)) return false;
    const isBehind = this.after(subscription, sent) < sent;
    return isBehind || !this.isGreeted(subscription) || this.isSilent(subscription, heartbeatMs);
  }
}
