import { Pool } from 'undici';
import type { Destination, Outbound, SendOutcome } from '#channel';
import { bundleOf } from '#fhir';
import { type Clock, EngineError, systemClock } from '#kernel';
import { streamHeaders } from '../http/event-headers.js';
import type { HttpAnswer } from '../http/http-outcome.js';
import { requestOnce } from '../http/request-once.js';
import { SecretFile } from '../http/secret-file.js';
import { judgeInteraction, judgeTransaction, keptAs } from './fhir-answer.js';
import {
  entryName,
  inOrderOfReference,
  type OutgoingOptions,
  type OutgoingResource,
  outgoingResources,
  withReferences,
} from './outgoing-resources.js';
import { SmartToken, type SmartTokenOptions } from './smart-token.js';

export interface FhirDestinationOptions extends OutgoingOptions {
  /** `channel.destination`: part of the stream's name. */
  readonly name: string;
  /** Base of the server. */
  readonly url: string;
  readonly mode: 'transaction' | 'update';
  /** For one attempt at one request. */
  readonly timeoutMs: number;
  /** File with the value of the Authorization header. */
  readonly authorizationFile?: string | undefined;
  readonly smart?: SmartTokenOptions | undefined;
}

const CONNECTIONS = 16;
const CONNECT_TIMEOUT_MS = 10_000;
/** Of an answer; one to a transaction has some 200 bytes for each entry. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const SENT: SendOutcome = { sent: true };
const FHIR_JSON = 'application/fhir+json';

/**
 * Writes what a message became to a FHIR R4 server: one transaction, or a PUT for each resource, what is referred to
 * first. Whether a resource goes under our id or the server finds its own by an identifier, to send it twice is to send it
 * once. References to what the server keeps under another id are rewritten; versions in references are left out.
 *
 * Keeps no state: an answer that was lost in a crash is asked for again with the same content.
 */
export class FhirDestination implements Destination {
  readonly name: string;
  private readonly pool: Pool;
  private readonly path: string;
  private readonly authorization: SecretFile | undefined;
  private readonly token: SmartToken | undefined;

  constructor(
    private readonly options: FhirDestinationOptions,
    clock: Clock = systemClock,
  ) {
    const { name, url, timeoutMs, authorizationFile, smart } = options;
    const { origin, pathname } = new URL(url);
    this.name = name;
    this.path = pathname.replace(/\/+$/, '');
    const connect = { timeout: Math.min(timeoutMs, CONNECT_TIMEOUT_MS) };
    this.pool = new Pool(origin, { connections: CONNECTIONS, pipelining: 1, connect });
    this.authorization = authorizationFile ? new SecretFile(authorizationFile, clock) : undefined;
    this.token = smart && new SmartToken(smart, clock);
  }

  /** Rejects for secrets that cannot be read and tokens that cannot be had. */
  async send(outbound: Outbound, signal: AbortSignal): Promise<SendOutcome> {
    const resources = outgoingResources(outbound.resources, this.options);
    if (resources.length === 0) return SENT;
    const headers = ['content-type', FHIR_JSON, 'accept', FHIR_JSON, ...streamHeaders(outbound)];
    const authorization = (await this.authorization?.read()) ?? (await this.token?.read());
    if (authorization !== undefined) headers.push('authorization', authorization);
    return this.options.mode === 'transaction'
      ? this.transact(resources, headers, signal)
      : this.update(resources, headers, signal);
  }

  /** Breaks off what is in flight. */
  async close(): Promise<void> {
    await this.pool.destroy();
  }

  private transact(
    resources: readonly OutgoingResource[],
    headers: readonly string[],
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    const conditional = resources.filter(({ condition }) => condition !== undefined);
    const names = new Map(conditional.map((resource) => [resource.name, entryName(resource)]));
    const base = `${this.options.url.replace(/\/+$/, '')}/`;
    const entries = resources.map(({ name, text, condition }) => ({
      fullUrl: names.get(name) ?? `${base}${name}`,
      resource: withReferences(text, (reference) => names.get(reference)),
      request: { method: 'PUT', url: condition ?? name },
    }));
    return this.request(
      {
        method: 'POST',
        path: this.path || '/',
        headers: [...headers, 'prefer', 'return=minimal'],
        body: bundleOf('transaction', entries, { base }),
        judge: (answer) => judgeTransaction(answer, entries.length),
      },
      signal,
    );
  }

  private async update(
    resources: readonly OutgoingResource[],
    headers: readonly string[],
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    const conditional = new Set(
      resources.filter(({ condition }) => condition !== undefined).map(({ name }) => name),
    );
    /** Where the server keeps what it found by an identifier. */
    const kept = new Map<string, string>();
    for (const { name, type, text, condition } of inOrderOfReference(resources)) {
      const outcome = await this.request(
        {
          method: 'PUT',
          path: `${this.path}/${condition ?? name}`,
          headers: [
            ...headers,
            'prefer',
            condition === undefined ? 'return=minimal' : 'return=representation',
          ],
          body: withReferences(text, (reference) =>
            conditional.has(reference) ? requireKept(reference, kept) : undefined,
          ),
          judge: (answer) => {
            const at = condition === undefined ? undefined : keptAs(answer, type);
            if (at !== undefined) kept.set(name, at);
            return judgeInteraction(answer);
          },
        },
        signal,
      );
      if (!outcome.sent) return outcome;
      if (condition !== undefined && !kept.has(name)) return { sent: false, error: unknownPlace() };
    }
    return SENT;
  }

  private request(
    {
      judge,
      ...request
    }: {
      readonly method: 'POST' | 'PUT';
      readonly path: string;
      readonly headers: readonly string[];
      readonly body: string;
      readonly judge: (answer: HttpAnswer) => SendOutcome;
    },
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    return requestOnce(
      this.pool,
      {
        ...request,
        timeoutMs: this.options.timeoutMs,
        maxAnswerBytes: MAX_ANSWER_BYTES,
        judge: (answer) => {
          // A token that was taken back before its time: the next attempt asks for another.
          if (answer.status === 401) this.token?.forget();
          return judge(answer);
        },
      },
      signal,
    );
  }
}

/** Only in a transaction can resources refer to each other before the server has given them a place. */
function requireKept(name: string, kept: ReadonlyMap<string, string>): string {
  const at = kept.get(name);
  if (at !== undefined) return at;
  throw new EngineError(
    'rejected',
    'FHIR_REFERENCE_CIRCLE',
    'resources of the message refer to each other in a circle; mode: transaction can write them',
  );
}

function unknownPlace(): EngineError {
  return new EngineError(
    'misconfigured',
    'FHIR_PLACE_UNKNOWN',
    'the server does not say under which id it keeps a resource; use mode: transaction',
  );
}
