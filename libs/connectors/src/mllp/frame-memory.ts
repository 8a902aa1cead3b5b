/** Reading starts again when so much of the bound is free. */
const resumeShare = 0.75;

/** What a connection holds in memory: bytes of its unfinished frame, and of messages not yet answered. */
export interface FrameHolder {
  readonly unfinishedBytes: number;
  readonly unansweredBytes: number;
}

/**
 * Bounds the memory of all connections together. Above the bound no socket is read, except that of one holder:
 * else many unfinished frames could fill the bound and none would ever end. The next holder is named only when no
 * complete message waits, so memory stays below the bound plus one frame and a chunk for each connection.
 */
export class FrameMemory {
  private readonly held = new Map<FrameHolder, { unfinished: number; unanswered: number }>();
  private unfinished = 0;
  private unanswered = 0;
  private isOver = false;
  private holder: FrameHolder | undefined;

  /** `changed` is called when connections may begin to read, or must stop. */
  constructor(
    private readonly limitBytes: number,
    private readonly changed: () => void,
  ) {}

  get totalBytes(): number {
    return this.unfinished + this.unanswered;
  }

  /** Whether the connection may read from its socket now. */
  mayRead(connection: FrameHolder): boolean {
    return !this.isOver || this.holder === connection;
  }

  /** To be called whenever what the connection holds has changed. */
  update(connection: FrameHolder): void {
    const before = this.held.get(connection);
    const { unfinishedBytes: unfinished, unansweredBytes: unanswered } = connection;
    this.unfinished += unfinished - (before?.unfinished ?? 0);
    this.unanswered += unanswered - (before?.unanswered ?? 0);
    if (unfinished === 0 && unanswered === 0) this.held.delete(connection);
    else if (before === undefined) this.held.set(connection, { unfinished, unanswered });
    else {
      before.unfinished = unfinished;
      before.unanswered = unanswered;
    }
    if (unfinished === 0 && this.holder === connection) this.holder = undefined;
    this.decide();
  }

  /** The connection is gone. */
  release(connection: FrameHolder): void {
    const before = this.held.get(connection);
    if (before !== undefined) {
      this.unfinished -= before.unfinished;
      this.unanswered -= before.unanswered;
      this.held.delete(connection);
    }
    if (this.holder === connection) this.holder = undefined;
    this.decide();
  }

  private decide(): void {
    if (!this.isOver) {
      if (this.totalBytes <= this.limitBytes) return;
      this.isOver = true;
      this.holder = this.nextHolder();
      this.changed();
      return;
    }
    if (this.totalBytes <= this.limitBytes * resumeShare) {
      this.isOver = false;
      this.holder = undefined;
      this.changed();
      return;
    }
    if (this.holder !== undefined) return;
    this.holder = this.nextHolder();
    if (this.holder !== undefined) this.changed();
  }

  /** The connection with the largest unfinished frame; nobody while a complete message waits for its answer. */
  private nextHolder(): FrameHolder | undefined {
    if (this.unanswered > 0) return undefined;
    let largest = 0;
    let next: FrameHolder | undefined;
    for (const [connection, { unfinished }] of this.held) {
      if (unfinished <= largest) continue;
      largest = unfinished;
      next = connection;
    }
    return next;
  }
}
