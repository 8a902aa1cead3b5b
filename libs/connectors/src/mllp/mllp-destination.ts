import type { Destination, Outbound, SendOutcome } from '#channel';
import { inUtf8 } from '#hl7v2';
import { EngineError } from '#kernel';
import { MllpClient, type MllpClientOptions, type MllpReply } from './mllp-client.js';

export interface MllpDestinationOptions extends Omit<MllpClientOptions, 'otherReply'> {
  /** `channel.destination`: part of the stream's name. */
  readonly name: string;
  /** Messages are converted; otherwise they leave byte for byte as they came. */
  readonly inUtf8: boolean;
}

/**
 * Forwards messages to an MLLP receiver as the journal holds them, and waits for the acknowledgment of each. A connection
 * has one message in flight and is kept; there are as many as messages are sent at one time. AA and CA are success, every
 * other acknowledgment refuses the message. None in time, or a connection that ends: the message may have arrived and is
 * sent again with the same MSH-10. A message that asks for no acknowledgment (MSH-15, MSH-16) is sent when it is written.
 */
export class MllpDestination implements Destination {
  readonly name: string;
  private readonly idle: MllpClient[] = [];
  private readonly busy = new Set<MllpClient>();

  constructor(private readonly options: MllpDestinationOptions) {
    this.name = options.name;
  }

  /** Rejects for a message that the journal no longer holds, or that cannot be converted. */
  async send(outbound: Outbound, signal: AbortSignal): Promise<SendOutcome> {
    const raw = await outbound.raw();
    const message = this.options.inUtf8 ? inUtf8(raw) : raw;
    if (signal.aborted) throw stopped();
    const client = this.idle.pop() ?? new MllpClient(this.options);
    this.busy.add(client);
    try {
      return outcomeOf(await brokenOffBy(signal, client, client.send(message)));
    } finally {
      this.busy.delete(client);
      this.idle.push(client);
    }
  }

  /** Breaks off what is in flight. */
  async close(): Promise<void> {
    for (const client of this.busy) client.breakOff();
    await Promise.all([...this.idle, ...this.busy].map((client) => client.close()));
  }
}

/** The reply, unless the signal comes first: then nobody waits for it any more. */
function brokenOffBy(
  signal: AbortSignal,
  client: MllpClient,
  sending: Promise<MllpReply | undefined>,
): Promise<MllpReply | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      if (!client.breakOff()) reject(stopped());
    };
    signal.addEventListener('abort', stop);
    sending.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function stopped(): EngineError {
  return new EngineError('unavailable', 'DESTINATION_STOPPED', 'sending was broken off');
}

/** Codes of table 0008 and 0357; whatever else a receiver writes there is not repeated, it may tell of a person. */
const CODES = new Set(['AE', 'AR', 'CE', 'CR']);
const CONDITION = /^[12]\d\d$/;

function outcomeOf(reply: MllpReply | undefined): SendOutcome {
  if (reply === undefined || reply.acknowledgment.isPositive) return { sent: true };
  const { code, errors } = reply.acknowledgment;
  if (!CODES.has(code)) {
    const message = 'the receiver answers with an acknowledgment whose code nobody knows';
    return { sent: false, error: new EngineError('uncertain', 'MLLP_ANSWER_STRANGE', message) };
  }
  const condition = errors.map((error) => error.condition).find((one) => CONDITION.test(one));
  const why = condition === undefined ? '' : ` (${condition})`;
  const message = `the receiver refuses this message with ${code}${why}`;
  return { sent: false, error: new EngineError('rejected', 'MLLP_REFUSED', message) };
}
