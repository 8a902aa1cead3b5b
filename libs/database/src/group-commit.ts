interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Most items in one commit: bounds the statement's size and how long its first item waits for the last. */
const MAX_ITEMS_PER_COMMIT = 512;

/**
 * Group commit: while one commit is in flight, what arrives waits and goes together into the next. So one sender
 * pays one fsync per message, and a hundred senders share it.
 *
 * `flush` gets the items in order of arrival and answers one result for each, in the same order. If it rejects,
 * every item of that commit is rejected with the same error; items that wait are tried in the next one.
 */
export class GroupCommit<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private flight: Promise<void> | undefined;

  constructor(private readonly flush: (items: readonly Item[]) => Promise<readonly Result[]>) {}

  /** Resolves after the commit that holds `item` returned. */
  add(item: Item): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      this.flight ??= this.run();
    });
  }

  /** How many items wait for a commit that has not begun. */
  get depth(): number {
    return this.waiting.length;
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async drained(): Promise<void> {
    while (this.flight) await this.flight;
  }

  private async run(): Promise<void> {
    // One turn of the event loop: everything that the same read from the sockets brought in goes together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const group = this.waiting.splice(0, MAX_ITEMS_PER_COMMIT);
      try {
        const results = await this.flush(group.map((entry) => entry.item));
        group.forEach((entry, index) => entry.resolve(results[index] as Result));
      } catch (error) {
        for (const entry of group) entry.reject(error);
      }
    }
    this.flight = undefined;
  }
}
