/** Work on the event loop goes on for at most so long before others get a turn. */
const TURN_MS = 8;

/**
 * Lets others have a turn in the midst of long work: deliveries and requests must not wait for a batch of messages to be mapped.
 * `take` costs nothing until the turn is used up.
 */
export class Breath {
  private turnStartMs = performance.now();

  async take(): Promise<void> {
    if (performance.now() - this.turnStartMs < TURN_MS) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.turnStartMs = performance.now();
  }
}
