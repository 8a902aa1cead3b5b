import type { Log } from '#telemetry';

/** From the signal to the end of the process; then whatever still hangs is left to the next start. */
const drainBoundMs = 25_000;

export interface Part {
  readonly name: string;
  stop(): Promise<void>;
}

/**
 * Stops parts one after the other in this order, all together within `drainBoundMs`. A part that fails does not keep
 * the others from stopping. Answers whether everything ended in order.
 */
export async function drain(parts: readonly Part[], log: Log): Promise<boolean> {
  let isClean = true;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((done) => {
    timer = setTimeout(() => done('late'), drainBoundMs);
  });
  for (const part of parts) {
    const startedMs = performance.now();
    const stopped = part.stop().then(
      () => 'stopped' as const,
      (error: unknown) => {
        log.error('a part did not stop in order', error, { part: part.name });
        isClean = false;
        return 'stopped' as const;
      },
    );
    if ((await Promise.race([stopped, late])) === 'late') {
      log.warn('the drain took too long; what is left is recovered at the next start', { part: part.name });
      return false;
    }
    log.debug('stopped', { part: part.name, ms: Math.round(performance.now() - startedMs) });
  }
  clearTimeout(timer);
  return isClean;
}
