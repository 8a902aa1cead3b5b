import { readFileSync } from 'node:fs';
import { BlockList, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Acknowledged, Receive, Source } from '#channel';
import { assert, type Clock, EngineError, type Random, systemClock, systemRandom } from '#kernel';
import type { ConnectionContext } from './connection-context.js';
import { controlIds } from './control-ids.js';
import { FrameMemory } from './frame-memory.js';
import { MllpConnection, remoteOf } from './mllp-connection.js';
import {
  limitsOf,
  type MllpSourceCounters,
  type MllpSourceEvent,
  type MllpSourceLimits,
  type MllpSourceOptions,
  type MllpTlsOptions,
} from './mllp-source-options.js';
import { SequenceNumbers } from './sequence-numbers.js';

const handshakeTimeoutMs = 10_000;
/** Unfinished frames are looked at so often in their time. */
const frameChecks = 4;

/**
 * HL7 v2 over MLLP, with TLS where asked for. After a crash nothing that was confirmed is lost, because a message
 * is confirmed only after `receive` says it is durable; what was not confirmed, its sender sends again.
 */
export class MllpSource implements Source {
  readonly channel: string;
  readonly counters: MllpSourceCounters = {
    connectionsOpen: 0,
    connectionsAccepted: 0,
    connectionsRefused: 0,
    messagesReceived: 0,
    acknowledgmentsSent: 0,
    framesBroken: 0,
    framesTooLarge: 0,
    garbageBytes: 0,
    batchProblems: 0,
  };
  private readonly limits: MllpSourceLimits;
  private readonly connections = new Set<MllpConnection>();
  /** Sockets under TLS, so that those still negotiating can be closed too. */
  private readonly handshakes = new Set<Socket>();
  private readonly memory: FrameMemory;
  private readonly allowed: BlockList | undefined;
  private server: Server | undefined;
  private tls: TlsServer | undefined;
  private context: ConnectionContext | undefined;
  private frameTimer: NodeJS.Timeout | undefined;
  private isPaused = false;
  private allClosed: (() => void) | undefined;

  constructor(
    private readonly options: MllpSourceOptions,
    private readonly clock: Clock = systemClock,
    private readonly random: Random = systemRandom,
  ) {
    this.channel = options.channel;
    this.limits = limitsOf(options);
    this.allowed = options.allow === undefined ? undefined : allowList(options.allow);
    this.memory = new FrameMemory(this.limits.maxBytesInFlight, () => this.updateReading());
  }

  /** Bytes received and not yet answered, of all connections. */
  get bytesInFlight(): number {
    return this.memory.totalBytes;
  }

  /** Listens; throws `misconfigured` when the port or a certificate file cannot be used. */
  async start(receive: Receive, acknowledged: Acknowledged): Promise<string> {
    assert(this.server === undefined, 'MLLP_SOURCE_STARTED_TWICE');
    this.context = this.contextOf(receive, acknowledged);
    if (this.options.tls !== undefined) this.tls = this.tlsServer(this.options.tls);
    // Half-open: a sender may close its side and wait for the acknowledgment.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.admit(socket));
    server.maxConnections = this.limits.maxConnections;
    server.on('drop', (peer) =>
      this.refuse(`${peer?.remoteAddress ?? 'unknown'}:${peer?.remotePort ?? 0}`, 'limit', ''),
    );
    this.server = server;
    const port = await listen(server, this.options.host, this.options.port);
    const everyMs = Math.max(10, Math.floor(this.limits.frameTimeoutMs / frameChecks));
    this.frameTimer = setInterval(() => this.checkFrames(), everyMs).unref();
    const host = isIPv6(this.options.host) ? `[${this.options.host}]` : this.options.host;
    return `${this.tls === undefined ? 'mllp' : 'mllps'}://${host}:${port}`;
  }

  pause(): void {
    this.isPaused = true;
    this.updateReading();
  }

  resume(): void {
    this.isPaused = false;
    this.updateReading();
  }

  async stop(graceMs: number): Promise<void> {
    const server = this.server;
    if (server === undefined) return;
    clearInterval(this.frameTimer);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const drained = new Promise<void>((resolve) => {
      this.allClosed = resolve;
    });
    for (const connection of this.connections) connection.end('stopped');
    if (this.connections.size > 0) await within(drained, graceMs);
    for (const connection of this.connections) connection.destroy('stopped');
    // The TLS server never listens itself; handshakes still going on end with their timeout or their socket.
    for (const socket of this.handshakes) socket.destroy();
    await closed;
  }

  private contextOf(receive: Receive, acknowledged: Acknowledged): ConnectionContext {
    return {
      channel: this.channel,
      limits: this.limits,
      receive,
      acknowledged,
      report: (event) => this.report(event),
      counters: this.counters,
      memory: this.memory,
      clock: this.clock,
      ownId: controlIds(this.clock, this.random),
      sequenceNumbers: new SequenceNumbers(),
      isPaused: () => this.isPaused,
    };
  }

  private tlsServer(files: MllpTlsOptions): TlsServer {
    const ca = files.clientCaFile === undefined ? undefined : readPem(files.clientCaFile);
    let server: TlsServer;
    try {
      server = createTlsServer({
        cert: readPem(files.certFile),
        key: readPem(files.keyFile),
        minVersion: 'TLSv1.2',
        handshakeTimeout: handshakeTimeoutMs,
        allowHalfOpen: true,
        ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }),
      });
    } catch (error) {
      if (error instanceof EngineError) throw error;
      throw new EngineError(
        'misconfigured',
        'MLLP_TLS_UNUSABLE',
        'the certificate and key do not make a TLS server',
        {
          cause: error,
        },
      );
    }
    server.on('secureConnection', (socket) => this.accept(socket));
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      this.refuse(remoteOf(socket), 'tls', error.code ?? error.name);
      socket.destroy();
    });
    return server;
  }

  private admit(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (this.allowed !== undefined && !this.allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) {
      this.refuse(remoteOf(socket), 'address', '');
      socket.destroy();
      return;
    }
    if (this.tls === undefined) {
      this.accept(socket);
      return;
    }
    this.handshakes.add(socket);
    // Closed before TLS could tell: the TLS server reports it, this listener only keeps the error from being fatal.
    socket.on('error', () => {});
    socket.once('close', () => this.handshakes.delete(socket));
    this.tls.emit('connection', socket);
  }

  private accept(socket: Socket): void {
    const context = this.context;
    assert(context !== undefined, 'MLLP_SOURCE_NOT_STARTED');
    if (this.server?.listening !== true) {
      socket.destroy();
      return;
    }
    this.counters.connectionsAccepted++;
    this.connections.add(new MllpConnection(socket, context, (connection) => this.forget(connection)));
    this.counters.connectionsOpen = this.connections.size;
  }

  private forget(connection: MllpConnection): void {
    this.connections.delete(connection);
    this.counters.connectionsOpen = this.connections.size;
    if (this.connections.size === 0) this.allClosed?.();
  }

  private refuse(remote: string, reason: 'limit' | 'address' | 'tls', detail: string): void {
    this.counters.connectionsRefused++;
    this.report({ event: 'connection-refused', remote, reason, detail });
  }

  private report(event: MllpSourceEvent): void {
    this.options.report?.(event);
  }

  private updateReading(): void {
    for (const connection of this.connections) connection.updateReading();
  }

  private checkFrames(): void {
    const nowMs = this.clock.nowMs();
    for (const connection of this.connections) connection.checkFrame(nowMs);
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code ?? error.name;
      reject(
        new EngineError(
          'misconfigured',
          'MLLP_LISTEN_FAILED',
          `cannot listen on ${host}:${port} (${reason}); choose another address or stop what listens there`,
          { cause: error },
        ),
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new EngineError('misconfigured', 'MLLP_TLS_FILE_UNREADABLE', `cannot read ${path}`, {
      cause: error,
    });
  }
}

function allowList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/', 2);
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    try {
      if (prefix === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(prefix), family);
    } catch (error) {
      throw new EngineError('misconfigured', 'MLLP_ALLOW_INVALID', `${entry} is no address and no network`, {
        cause: error,
      });
    }
  }
  return list;
}

async function within(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
