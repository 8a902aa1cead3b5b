import type { Arrival, Receipt, Receive } from '#channel';

export type KnownReceipt = Exclude<Receipt, { outcome: 'uncertain' }>;

/** Given to the journal at one time: more do not make its commits cheaper, and they are held in memory until they return. */
export const windowUnits = 64;
export const windowBytes = 4 * 1024 * 1024;

/**
 * Hands units to the journal in order, a window at a time. All of a window go into one commit, as `receive` puts what comes in
 * one turn of the event loop together. From the first whose fate is unknown on, the answers are undefined: to keep the order,
 * what follows it has to be given again with it.
 */
export async function submitUnits(
  receive: Receive,
  arrivals: readonly Arrival[],
): Promise<{ readonly receipts: readonly KnownReceipt[]; readonly isWhole: boolean }> {
  const answers = await Promise.all(arrivals.map((arrival) => receive(arrival)));
  const receipts: KnownReceipt[] = [];
  for (const answer of answers) {
    if (answer.outcome === 'uncertain') return { receipts, isWhole: false };
    receipts.push(answer);
  }
  return { receipts, isWhole: true };
}
