import type { Query } from '#database';
import type { ResourceWrite, WriteAnswer } from './resource-write.js';

/** Most calls of one transaction, and most bytes that they bring: what waits for one lock, and is done again where one fails. */
const MAX_CALLS = 64;
const MAX_BYTES = 4 * 1024 * 1024;

export interface WriteSource {
  /** What the client sent: what the journal keeps and the ledger commits to. */
  readonly raw: Buffer;
  /** The address under which the client reached this server. */
  readonly ownUrl: string | undefined;
  /** Called with each conditional reference (`Patient?identifier=x`) before it is looked up; throws where the writer may not ask that. */
  readonly mayAsk: (type: string, criteria: string) => void;
  /** What is written elsewhere in the same transaction, and is or is not there with it; called again where that is run again. */
  readonly alongside?: ((tx: Query) => Promise<void>) | undefined;
}

export interface WriteCall {
  readonly writes: readonly ResourceWrite[];
  readonly source: WriteSource;
}

/** What became of a call in a group. */
export type GroupResult = { readonly answers: WriteAnswer[] } | { readonly error: unknown };

/** One write whose target needs no question: calls of a group do not see each other's outcome. */
export function isGroupable([write, ...others]: readonly ResourceWrite[]): boolean {
  if (write === undefined || others.length > 0 || write.criteria !== undefined) return false;
  return write.method === 'POST' || (write.method !== 'PATCH' && write.id !== undefined);
}

/** In their order, in groups that write no resource twice. */
export function groupsOf(calls: readonly WriteCall[]): WriteCall[][] {
  const groups: WriteCall[][] = [];
  let [keys, bytes] = [new Set<string>(), 0];
  for (const call of calls) {
    const [write] = call.writes;
    // What is created gets an id that nobody else has.
    const key = write && write.method !== 'POST' ? `${write.type}/${write.id ?? ''}` : undefined;
    const { length } = call.source.raw;
    const open = groups.at(-1);
    const fits = open && open.length < MAX_CALLS && bytes + length <= MAX_BYTES;
    if (fits && !(key !== undefined && keys.has(key))) open.push(call);
    else {
      groups.push([call]);
      [keys, bytes] = [new Set(), 0];
    }
    bytes += length;
    if (key !== undefined) keys.add(key);
  }
  return groups;
}

export async function settled(answers: Promise<WriteAnswer[]>): Promise<GroupResult> {
  try {
    return { answers: await answers };
  } catch (error) {
    return { error };
  }
}
