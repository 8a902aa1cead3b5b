import type { Clock, Random } from '#kernel';

/**
 * Message control ids of our own: start time, four random characters, a counter, in base 36. Unique over restarts
 * and processes, and never longer than the 20 characters that HL7 before 2.7 allows for MSH-10.
 */
export function controlIds(clock: Clock, random: Random): () => string {
  const salt = random.bytes(4).readUInt32BE() % 36 ** 4;
  const prefix = clock.nowMs().toString(36) + salt.toString(36).padStart(4, '0');
  let count = 0;
  return () => (prefix + (++count).toString(36)).toUpperCase();
}
