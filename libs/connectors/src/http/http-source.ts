import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { isIPv6 } from 'node:net';
import type { Receive, Source } from '#channel';
import { type Clock, EngineError, isEngineError, systemClock } from '#kernel';
import { remedyOf } from '../files/file-remedies.js';
import { type FileSourceEvent, fileEvent, newCounters } from '../files/folder-source.js';
import { PauseGate } from '../files/pause-gate.js';
import { FileTaker, type TakeOptions } from '../files/take-file.js';
import type { MllpTlsOptions } from '../mllp/mllp-source-options.js';
import { filesOf, isTakenKind, readBody } from './http-request-files.js';
import { SecretFile } from './secret-file.js';

export interface HttpSourceOptions extends Omit<TakeOptions, 'insists'> {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly path: string;
  readonly tls?: MllpTlsOptions;
  /** File with the value that the Authorization header must have. */
  readonly authorizationFile?: string;
  /** A request must be complete so long after its first byte, or its connection is closed. */
  readonly requestTimeoutMs?: number;
  readonly maxConnections?: number;
  /** Bytes of all requests that are not yet answered; a request that would exceed it is asked to come again. */
  readonly maxBytesInFlight?: number;
  readonly maxRequests?: number;
  readonly report?: (event: FileSourceEvent) => void;
}

const defaults = {
  requestTimeoutMs: 60_000,
  maxConnections: 256,
  maxBytesInFlight: 64 * 1024 ** 2,
  maxRequests: 64,
};
const headersTimeoutMs = 10_000;
const keepAliveMs = 30_000;
const comeAgainSeconds = 2;

/** A refusal of the request as a whole. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

const comeAgain = (status: 429 | 503, error: string) =>
  new Refusal(status, error, { 'retry-after': String(comeAgainSeconds) });

/**
 * Takes files by HTTP POST, the body itself or the files of a form (RFC 7578), and answers with a receipt when all of them
 * are durable. A request that breaks off adds nothing; one that is sent again adds nothing twice.
 */
export class HttpSource implements Source {
  readonly channel: string;
  readonly counters = { ...newCounters(), requests: 0, requestsRefused: 0 };
  private readonly gate = new PauseGate();
  private readonly secret: SecretFile | undefined;
  private readonly limits: typeof defaults;
  private server: Server | undefined;
  private taker: FileTaker | undefined;
  private requests = 0;
  private bytesInFlight = 0;

  constructor(
    private readonly options: HttpSourceOptions,
    private readonly clock: Clock = systemClock,
  ) {
    this.channel = options.channel;
    const { authorizationFile } = options;
    this.secret = authorizationFile === undefined ? undefined : new SecretFile(authorizationFile, clock);
    const { requestTimeoutMs, maxConnections, maxBytesInFlight, maxRequests } = { ...defaults, ...options };
    this.limits = {
      requestTimeoutMs,
      maxConnections,
      maxRequests,
      maxBytesInFlight: Math.max(maxBytesInFlight, options.fileMaxBytes),
    };
  }

  /** Listens; throws `misconfigured` when the address, a certificate or the secret cannot be used. */
  async start(receive: Receive): Promise<string> {
    await this.secret?.read();
    this.taker = new FileTaker({ ...this.options, insists: false }, receive, this.gate, this.clock);
    const server = this.createServer();
    server.maxConnections = this.limits.maxConnections;
    server.keepAliveTimeout = keepAliveMs;
    const answer = (request: IncomingMessage, response: ServerResponse) =>
      void this.answer(request, response);
    server.on('request', answer);
    // The sender waits for leave to send its body: it gets it when the request has been found good.
    server.on('checkContinue', answer);
    server.on('clientError', (_error, socket) => socket.destroy());
    this.server = server;
    const port = await listen(server, this.options.host, this.options.port);
    const host = isIPv6(this.options.host) ? `[${this.options.host}]` : this.options.host;
    return `${this.options.tls === undefined ? 'http' : 'https'}://${host}:${port}${this.options.path}`;
  }

  pause(): void {
    this.gate.pause();
  }

  resume(): void {
    this.gate.resume();
  }

  async stop(graceMs: number): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    const closed = new Promise<void>((done) => server.close(() => done()));
    server.closeIdleConnections();
    const hard = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(hard);
    this.gate.stop();
  }

  private createServer(): Server {
    const { requestTimeoutMs: requestTimeout } = this.limits;
    const timing = {
      requestTimeout,
      headersTimeout: Math.min(headersTimeoutMs, requestTimeout),
      connectionsCheckingInterval: 1_000,
    };
    const { tls } = this.options;
    if (tls === undefined) return createServer(timing);
    try {
      return createTlsServer({
        ...timing,
        cert: readFileSync(tls.certFile),
        key: readFileSync(tls.keyFile),
        minVersion: 'TLSv1.2',
        handshakeTimeout: headersTimeoutMs,
        ...(tls.clientCaFile === undefined
          ? {}
          : { ca: readFileSync(tls.clientCaFile), requestCert: true, rejectUnauthorized: true }),
      });
    } catch (cause) {
      throw new EngineError(
        'misconfigured',
        'HTTP_TLS_UNUSABLE',
        'the files of tls do not make a TLS server; check cert, key and client_ca',
        { cause },
      );
    }
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.counters.requests++;
    this.requests++;
    let held = 0;
    try {
      await this.admit(request);
      held = this.claimMemory(request);
      if (request.headers.expect !== undefined) response.writeContinue();
      const body = await readBody(request, this.options.fileMaxBytes);
      await this.takeAll(request, body, response);
    } catch (error) {
      this.counters.requestsRefused++;
      this.refuse(response, error);
    } finally {
      this.requests--;
      this.bytesInFlight -= held;
    }
  }

  /** Everything that can be known before the body is read. */
  private async admit({ method, url, headers }: IncomingMessage): Promise<void> {
    if (this.requests > this.limits.maxRequests) throw comeAgain(429, 'too many requests at one time');
    if ((url ?? '').split('?')[0] !== this.options.path) throw new Refusal(404, 'nothing is here');
    if (method !== 'POST') throw new Refusal(405, 'send files with POST', { allow: 'POST' });
    if (!(await this.isAuthorized(headers.authorization)))
      throw new Refusal(401, 'the Authorization header is not the one of this channel', {
        'www-authenticate': 'Bearer',
      });
    if (!this.gate.isOpen) throw comeAgain(503, 'the engine takes nothing at the moment; send again');
    if (!isTakenKind(headers))
      throw new Refusal(415, 'send the file itself, or multipart/form-data, not encoded');
  }

  private async isAuthorized(given: string | undefined): Promise<boolean> {
    if (this.secret === undefined) return true;
    const [one, other] = [given ?? '', await this.secret.read()].map((text) =>
      createHash('sha256').update(text).digest(),
    );
    return one !== undefined && other !== undefined && timingSafeEqual(one, other);
  }

  /** A body of unknown length is counted as the longest. */
  private claimMemory({ headers }: IncomingMessage): number {
    const { fileMaxBytes } = this.options;
    const bytes = Number(headers['content-length'] ?? fileMaxBytes);
    if (bytes > fileMaxBytes)
      throw new EngineError(
        'rejected',
        'FILE_OVER_MAX_SIZE',
        `at most ${fileMaxBytes} bytes are taken (max_size)`,
      );
    if (this.bytesInFlight + bytes > this.limits.maxBytesInFlight)
      throw comeAgain(503, 'too much is on its way; send again');
    this.bytesInFlight += bytes;
    return bytes;
  }

  private async takeAll(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    const { taker } = this;
    if (taker === undefined) return;
    const files = [];
    let isGood = true;
    for (const buffer of await filesOf(request.headers, body)) {
      const { report, error, positions } = await taker.take(
        { buffer, size: buffer.length },
        { resumed: false },
      );
      this.options.report?.(fileEvent(this.counters, report, error?.code));
      isGood &&= error === undefined;
      const verdict = error && {
        error: { code: error.code, message: error.message, remedy: remedyOf(error.code) },
      };
      files.push({ ...verdict, ...report, positions });
    }
    send(response, isGood ? 200 : 422, { files });
  }

  private refuse(response: ServerResponse, error: unknown): void {
    if (error instanceof Refusal)
      send(response, error.status, { error: error.message }, { ...error.headers, connection: 'close' });
    else if (isEngineError(error, 'rejected')) {
      const status = error.code === 'FILE_OVER_MAX_SIZE' ? 413 : 400;
      send(response, status, { error: error.message, code: error.code }, { connection: 'close' });
    } else {
      const code = isEngineError(error) ? error.code : 'unknown';
      if (!isEngineError(error, 'uncertain', 'unavailable'))
        this.options.report?.({ event: 'source-troubled', code, reason: 'a request could not be taken' });
      // Whether it was stored is not known: the same again is stored once.
      send(
        response,
        503,
        { error: 'not confirmed; send the same again', code },
        { 'retry-after': String(comeAgainSeconds) },
      );
    }
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed || response.headersSent) return;
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(text);
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const text = `cannot listen on ${host}:${port} (${cause.code ?? cause.name}); choose another address or stop what listens there`;
      reject(new EngineError('misconfigured', 'HTTP_SOURCE_LISTEN_FAILED', text, { cause }));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
