import { formatPosition, type Position } from '#kernel';

/** A message and what was stored for it. */
export interface StoredMessage {
  readonly position: Position;
  /** What its pack holds. Nobody changes these bytes; equal ones may be one Buffer. */
  readonly resources: readonly Buffer[];
}

/** Who is told what was stored, so that deliveries need not read it again. */
export interface PackKeeper {
  /** Takes what was stored. Call only after the transaction that stored it has committed. Never throws, never waits. */
  remember(stored: readonly StoredMessage[]): void;
}

interface Pack {
  readonly resources: readonly Buffer[];
  readonly bytes: number;
}

/** Some two transactions of the transformer, which store at the same time; most of their bytes are shared. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_PACKS = 2_048;

/**
 * The packs that this process stored a moment ago, so that the deliveries of the same process need not read and inflate
 * them (from one thread to another they go by `RelayedPacks`). A pack is written once, with the cursor, and its bytes never change after that: what is remembered of a position
 * is what the store holds. So only what is committed may be remembered (an attempt that is rolled back ends with other
 * bytes: versions differ). Bounded; the oldest go first. What is not here is in the store.
 */
export class RecentPacks implements PackKeeper {
  /** In the order in which they were remembered. */
  private readonly packs = new Map<string, Pack>();
  private held = 0;

  constructor(
    private readonly maxBytes = MAX_BYTES,
    private readonly maxPacks = MAX_PACKS,
  ) {}

  /** Bytes held now; a Buffer that several packs hold counts for each. */
  get bytes(): number {
    return this.held;
  }

  remember(stored: readonly StoredMessage[]): void {
    for (const { position, resources } of stored) {
      const key = formatPosition(position);
      this.forget(key);
      let bytes = 0;
      for (const resource of resources) bytes += resource.length;
      this.packs.set(key, { resources, bytes });
      this.held += bytes;
    }
    for (const key of this.packs.keys()) {
      if (this.held <= this.maxBytes && this.packs.size <= this.maxPacks) return;
      this.forget(key);
    }
  }

  /** What the pack at a position holds; undefined when only the store may have it. */
  find(position: Position): readonly Buffer[] | undefined {
    return this.packs.get(formatPosition(position))?.resources;
  }

  private forget(key: string): void {
    const pack = this.packs.get(key);
    if (pack === undefined) return;
    this.packs.delete(key);
    this.held -= pack.bytes;
  }
}
