const POLL_MS = 5;
const MAX_WAIT_MS = 20_000;

/** Polls `condition` until it holds; bounded, so that a breach fails, with what was awaited, instead of hanging. */
export async function until(awaited: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < MAX_WAIT_MS; waitedMs += POLL_MS) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`never came: ${awaited}`);
}
