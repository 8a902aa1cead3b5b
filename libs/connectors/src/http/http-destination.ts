import { Pool } from 'undici';
import type { Destination, Outbound, SendOutcome } from '#channel';
import { bundleOfBytes } from '#fhir';
import { type Clock, formatPosition, isEngineError, systemClock } from '#kernel';
import { postOnce } from './post-once.js';
import { SecretFile } from './secret-file.js';

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
 * - idempotency-key: stream and number in one word, different in every installation.
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

  /** Sends one message; resolves when the receiver's answer has been read to its end. */
  async send(outbound: Outbound, signal: AbortSignal): Promise<SendOutcome> {
    const headers = this.headersOf(outbound);
    if (this.authorization) {
      try {
        headers.push('authorization', await this.authorization.read());
      } catch (error) {
        if (isEngineError(error)) return { sent: false, error };
        throw error;
      }
    }
    const { resources } = outbound;
    const isMessage = resources[0]?.subarray(0, MESSAGE_HEADER.length).equals(MESSAGE_HEADER);
    const body = bundleOfBytes(isMessage ? 'message' : 'collection', resources);
    return postOnce(this.pool, { path: this.path, headers, body, timeoutMs: this.options.timeoutMs }, signal);
  }

  /** Breaks off what is in flight. */
  async close(): Promise<void> {
    await this.pool.destroy();
  }

  private headersOf(outbound: Outbound): string[] {
    const stream = `${outbound.destination}/${outbound.partition}`;
    const controlId = controlIdOf(outbound.resources.at(-1));
    const named = controlId === undefined ? [] : ['x-message-control-id', controlId];
    return [
      ...named,
      'content-type',
      'application/fhir+json',
      'suture-stream',
      stream,
      'suture-event-number',
      String(outbound.number),
      'suture-position',
      formatPosition(outbound.position),
      'idempotency-key',
      `${this.options.origin}/${stream}/${outbound.number}`,
    ];
  }
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
