import { formatPosition, type Position } from '#kernel';

/** A message and what was stored for it. */
export interface StoredMessage {
  readonly position: Position;
  /** Its pack, not deflated. Nobody changes these bytes. */
  readonly pack: Buffer;
}

/** Who is told what was stored, so that deliveries need not read it again. */
export interface PackKeeper {
  /** Takes what was stored. Call only after the transaction that stored it has committed. Never throws, never waits. */
  remember(stored: readonly StoredMessage[]): void;
}

const MAX_BYTES = 8 * 1024 * 1024;
const MAX_PACKS = 2_048;

/**
 * The packs that this process stored a moment ago, so that the deliveries of the same process need not read and inflate
 * them (from one thread to another they go by `RelayedPacks`). A pack is written once, with the cursor, and its bytes never change after that: what is remembered of a position
 * is what the store holds. So only what is committed may be remembered (an attempt that is rolled back ends with other
 * bytes: versions differ). Bounded; the oldest go first. What is not here is in the store.
 */
export class RecentPacks implements PackKeeper {
  /** In the order in which they were remembered. */
  private readonly packs = new Map<string, Buffer>();
  private held = 0;

  constructor(
    private readonly maxBytes = MAX_BYTES,
    private readonly maxPacks = MAX_PACKS,
  ) {}

  /** Bytes held now. */
  get bytes(): number {
    return this.held;
  }

  remember(stored: readonly StoredMessage[]): void {
    for (const { position, pack } of stored) {
      const key = formatPosition(position);
      this.forget(key);
      this.packs.set(key, pack);
      this.held += pack.length;
    }
    for (const key of this.packs.keys()) {
      if (this.held <= this.maxBytes && this.packs.size <= this.maxPacks) return;
      this.forget(key);
    }
  }

  /** The pack at a position; undefined when only the store may have it. */
  find(position: Position): Buffer | undefined {
    return this.packs.get(formatPosition(position));
  }

  private forget(key: string): void {
    const pack = this.packs.get(key);
    if (pack === undefined) return;
    this.packs.delete(key);
    this.held -= pack.length;
  }
}
