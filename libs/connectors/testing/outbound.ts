import type { Outbound, SendOutcome } from '#channel';

/** A message on its way, with resources as the store wrote them and the bytes it was received as. */
export function outboundOf(
  resources: readonly (string | object)[],
  { number = 42, raw = Buffer.from('raw') }: { number?: number; raw?: Buffer } = {},
): Outbound {
  return {
    destination: 'lab.ehr',
    partition: 7,
    number,
    position: { lane: 1, partition: 7, seq: 99 },
    channel: 'lab',
    resources: resources.map((one) => Buffer.from(typeof one === 'string' ? one : JSON.stringify(one))),
    raw: () => Promise.resolve(raw),
  };
}

/** What became of it, in words: an error that is thrown counts as one that is told. */
export async function outcomeOf(sending: SendOutcome | Promise<SendOutcome>): Promise<string> {
  const outcome = await Promise.resolve(sending).catch((error: unknown) => ({
    sent: false as const,
    error: error as Error,
  }));
  if (outcome.sent) return 'sent';
  const { kind, code } = outcome.error as { kind?: string; code?: string };
  return `${kind} ${code}`;
}
