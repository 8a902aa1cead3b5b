import { Pool } from 'undici';
import type { Destination, Outbound, SendOutcome } from '#channel';
import { bundleOfBytes } from '#fhir';
import { type Clock, systemClock } from '#kernel';
import { streamHeaders, streamOf } from './event-headers.js';
import { requestOnce } from './request-once.js';
import { SecretFile } from './secret-file.js';
import type { WebhookSigner } from './webhook-signer.js';

export interface HttpDestinationOptions {
  /** `channel.destination`: part of the stream's name. */
  readonly name: string;
  readonly url: string;
  /** For one attempt. */
  readonly timeoutMs: number;
  /** Names this installation: two that send to one receiver must not share idempotency keys. */
  readonly origin: string;
  /** File with the value of the Authorization header. */
  readonly authorizationFile?: string | undefined;
  /** Signs each request with the key of that name (Standard Webhooks). */
  readonly signature?: { readonly signer: WebhookSigner; readonly key: string } | undefined;
  /** PEM texts: authorities to trust instead of the system's, and our own certificate. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  /** Most connections, and so most POSTs in flight; default 16. */
  readonly connections?: number | undefined;
}

const DEFAULT_CONNECTIONS = 16;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * POSTs each message as a FHIR Bundle. The headers let a receiver keep one copy of each event:
 * - suture-stream, suture-event-number: gap-free from 1 in each stream, the same number at every attempt;
 * - suture-position: the journal position, what `suture trace` takes;
 * - x-message-control-id: what the sender called the message (MSH-10), where the Provenance says it;
 * - idempotency-key: stream and number in one word, different in every installation;
 * - webhook-id, -timestamp, -signature, where it is to be signed.
 *
 * Keeps no state: an answer that was lost in a crash is asked for again with the same number.
 */
export class HttpDestination implements Destination {
  readonly name: string;
  private readonly pool: Pool;
  private readonly path: string;
  private readonly authorization: SecretFile | undefined;

  constructor(
    private readonly options: HttpDestinationOptions,
    clock: Clock = systemClock,
  ) {
    const url = new URL(options.url);
    this.name = options.name;
    this.path = `${url.pathname}${url.search}`;
    this.pool = new Pool(url.origin, {
      connections: options.connections ?? DEFAULT_CONNECTIONS,
      pipelining: 1,
      connect: { timeout: Math.min(options.timeoutMs, CONNECT_TIMEOUT_MS), ...options.tls },
    });
    this.authorization = options.authorizationFile
      ? new SecretFile(options.authorizationFile, clock)
      : undefined;
  }

  /**
   * Sends one message; resolves when the receiver's answer has been read to its end. Rejects `misconfigured` for secrets and
   * keys that cannot be read.
   */
  async send(outbound: Outbound, signal: AbortSignal): Promise<SendOutcome> {
    const { resources } = outbound;
    const body = messageBundle(resources);
    const headers = await this.headersOf(outbound, body);
    return requestOnce(
      this.pool,
      { path: this.path, headers, body, timeoutMs: this.options.timeoutMs },
      signal,
    );
  }

  /** Breaks off what is in flight. */
  async close(): Promise<void> {
    await this.pool.destroy();
  }

  /** Throws `misconfigured` for secrets and keys that cannot be read. */
  private async headersOf(outbound: Outbound, body: Buffer): Promise<string[]> {
    const { origin, signature } = this.options;
    const key = `${origin}/${streamOf(outbound)}/${outbound.number}`;
    const headers = streamHeaders(outbound);
    const controlId = controlIdOf(outbound.resources.at(-1));
    if (controlId !== undefined) headers.push('x-message-control-id', controlId);
    headers.push('content-type', 'application/fhir+json', 'idempotency-key', key);
    if (this.authorization) headers.push('authorization', await this.authorization.read());
    if (signature) headers.push(...(await signature.signer.headers(signature.key, key, body)));
    return headers;
  }
}

/** What a message became as one Bundle: of type message where a MessageHeader stands in front, else a collection. */
export function messageBundle(resources: readonly Buffer[]): Buffer {
  const isMessage = resources[0]?.subarray(0, MESSAGE_HEADER.length).equals(MESSAGE_HEADER);
  return bundleOfBytes(isMessage ? 'message' : 'collection', resources);
}

const MESSAGE_HEADER = Buffer.from('{"resourceType":"MessageHeader"');
const CONTROL_ID = Buffer.from('"system":"urn:x-suture:message-control-id","value":"');
/** What a header can carry as it is and JSON writes without an escape. */
const PLAIN = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,199}$/;

/** The sender's control id (MSH-10) as the Provenance, the last resource, names it; undefined where it does not. */
function controlIdOf(provenance: Buffer | undefined): string | undefined {
  if (provenance === undefined) return undefined;
  const at = provenance.indexOf(CONTROL_ID);
  if (at < 0) return undefined;
  const start = at + CONTROL_ID.length;
  const value = provenance.toString('latin1', start, provenance.indexOf('"', start));
  return PLAIN.test(value) ? value : undefined;
}
