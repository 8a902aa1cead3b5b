import { Agent } from 'undici';
import type { SendOutcome } from '#channel';
import { isEngineError } from '#kernel';
import { AddressPolicy } from './address-policy.js';
import { type HttpPost, postOnce } from './post-once.js';

const CONNECTIONS_PER_ORIGIN = 8;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * POSTs to many receivers, each with connections of its own, so that one that hangs holds up no other. Addresses come from
 * strangers: each connection is made as the policy says, by default to public addresses only.
 */
export class HttpPoster {
  private readonly agent: Agent;

  constructor(private readonly policy = new AddressPolicy()) {
    this.agent = new Agent({
      connections: CONNECTIONS_PER_ORIGIN,
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS, lookup: policy.lookup },
    });
  }

  /** Sends one POST to an absolute URL and reads its answer to the end; never rejects. */
  post(
    request: { readonly url: string } & Omit<HttpPost, 'origin' | 'path'>,
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    const { origin, hostname, pathname, search } = new URL(request.url);
    try {
      this.policy.checkHost(hostname);
    } catch (error) {
      if (isEngineError(error)) return Promise.resolve({ sent: false, error });
      throw error;
    }
    const { headers, body, timeoutMs } = request;
    return postOnce(this.agent, { origin, path: `${pathname}${search}`, headers, body, timeoutMs }, signal);
  }

  /** Breaks off what is in flight. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }
}
