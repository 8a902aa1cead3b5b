import { Agent } from 'undici';
import type { SendOutcome } from '#channel';
import { isEngineError } from '#kernel';
import { AddressPolicy } from './address-policy.js';
import { requestOnce } from './request-once.js';
import { WebhookSigner } from './webhook-signer.js';

const CONNECTIONS_PER_ORIGIN = 8;
const CONNECT_TIMEOUT_MS = 10_000;

/** One POST to a subscriber. */
export interface PosterRequest {
  readonly url: string;
  readonly headers: readonly string[];
  readonly body: string;
  readonly timeoutMs: number;
  /** The name of the key that signs it, and what names the message at every attempt; undefined: it is not signed. */
  readonly signature?: { readonly key: string; readonly id: string } | undefined;
}

/**
 * POSTs to many receivers, each with connections of its own, so that one that hangs holds up no other. Addresses come from
 * strangers: each connection is made as the policy says, by default to public addresses only.
 */
export class HttpPoster {
  private readonly agent: Agent;

  constructor(
    private readonly policy = new AddressPolicy(),
    private readonly signer = new WebhookSigner(undefined),
  ) {
    this.agent = new Agent({
      connections: CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS, lookup: policy.lookup },
    });
  }

  /** Sends one POST to an absolute URL and reads its answer to the end; never rejects. */
  async post(request: PosterRequest, signal: AbortSignal): Promise<SendOutcome> {
    const { origin, hostname, pathname, search } = new URL(request.url);
    const { body, timeoutMs, signature } = request;
    let { headers } = request;
    try {
      this.policy.checkHost(hostname);
      if (signature)
        headers = [...headers, ...(await this.signer.headers(signature.key, signature.id, body))];
    } catch (error) {
      if (isEngineError(error)) return { sent: false, error };
      throw error;
    }
    return requestOnce(
      this.agent,
      { origin, path: `${pathname}${search}`, headers, body, timeoutMs },
      signal,
    );
  }

  /** Breaks off what is in flight. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }
}
