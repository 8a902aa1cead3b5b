import { readFileSync } from 'node:fs';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  FrameCutter,
  type FrameEvent,
  frameMessage,
  type MessageHeader,
  type ReceivedAcknowledgment,
  readAcknowledgment,
  readMessageHeader,
} from '#hl7v2';
import { EngineError } from '#kernel';

export interface MllpClientOptions {
  readonly host: string;
  readonly port: number;
  /** TLS with the system's authorities, or with `caFile`; a client certificate where the receiver asks for one. */
  readonly tls?: {
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly serverName?: string;
  };
  readonly connectTimeoutMs?: number;
  readonly replyTimeoutMs?: number;
  /** A reply that is larger breaks the connection. */
  readonly replyMaxBytes?: number;
  /** Told of replies that answer no message in flight, such as a late application acknowledgment. Must not throw. */
  readonly otherReply?: (reply: MllpReply) => void;
}

const mllpClientDefaults = {
  connectTimeoutMs: 10_000,
  replyTimeoutMs: 30_000,
  replyMaxBytes: 1_048_576,
} as const;

export interface MllpReply {
  readonly bytes: Buffer;
  readonly acknowledgment: ReceivedAcknowledgment;
}

interface Waiting {
  readonly controlId: string;
  readonly resolve: (reply: MllpReply) => void;
  readonly reject: (error: EngineError) => void;
}

/**
 * Sends messages to one MLLP receiver, one at a time and in order, over one connection that it opens when needed.
 * Keeps nothing: what has been acknowledged is known to the caller alone.
 */
export class MllpClient {
  private socket: Socket | undefined;
  private waiting: Waiting | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: MllpClientOptions) {}

  /**
   * Sends one message (without framing) and resolves with its acknowledgment, positive or not; undefined when the
   * message asks for none (MSH-15 and MSH-16) or is itself an acknowledgment. Rejects `unavailable` when nothing was sent, `uncertain` when the
   * message may have arrived.
   */
  send(message: Buffer): Promise<MllpReply | undefined> {
    const sent = this.turn.then(() => this.sendNow(message));
    this.turn = sent.catch(() => {
      // The caller of this send sees the error; the next one only waits for its turn.
    });
    return sent;
  }

  /** Gives up the connection, and what is in flight as `uncertain`; false when nothing was. */
  breakOff(): boolean {
    const isInFlight = this.waiting !== undefined;
    this.fail(noAcknowledgment('before sending was broken off'));
    return isInFlight;
  }

  /** Waits for what is in flight, then closes. */
  async close(): Promise<void> {
    await this.turn;
    this.drop();
  }

  private async sendNow(message: Buffer): Promise<MllpReply | undefined> {
    const socket = this.socket ?? (await this.open());
    const header = readMessageHeader(message);
    const frame = frameMessage(message);
    if (!expectsReply(header)) {
      await writeAll(socket, frame);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const timeoutMs = this.options.replyTimeoutMs ?? mllpClientDefaults.replyTimeoutMs;
      const timer = setTimeout(() => {
        this.fail(noAcknowledgment(`within ${timeoutMs} ms`));
      }, timeoutMs);
      this.waiting = {
        controlId: header.controlId.trim(),
        resolve: (reply) => {
          clearTimeout(timer);
          resolve(reply);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      socket.write(frame);
    });
  }

  private async open(): Promise<Socket> {
    const socket = await this.connected();
    socket.setNoDelay(true);
    const cutter = new FrameCutter(this.options.replyMaxBytes ?? mllpClientDefaults.replyMaxBytes);
    socket.on('data', (chunk: Buffer) => {
      for (const event of cutter.push(chunk)) this.onEvent(event);
    });
    socket.on('error', () => {
      // `close` follows and says so.
    });
    socket.on('close', () => {
      if (this.socket === socket) this.fail(noAcknowledgment('before the connection was lost'));
    });
    this.socket = socket;
    return socket;
  }

  private connected(): Promise<Socket> {
    const { host, port, tls } = this.options;
    const timeoutMs = this.options.connectTimeoutMs ?? mllpClientDefaults.connectTimeoutMs;
    return new Promise((resolve, reject) => {
      const refused = (reason: string, cause?: unknown) => {
        reject(
          new EngineError(
            'unavailable',
            'MLLP_RECEIVER_UNREACHABLE',
            `cannot reach the MLLP receiver ${host}:${port} (${reason})`,
            { cause },
          ),
        );
      };
      let socket: Socket;
      try {
        socket =
          tls === undefined ? connect({ host, port }) : connectTls({ host, port, ...tlsOptions(host, tls) });
      } catch (error) {
        reject(tlsUnusable(error));
        return;
      }
      const timer = setTimeout(() => {
        refused(`no connection within ${timeoutMs} ms`);
        socket.destroy();
      }, timeoutMs);
      const failed = (error: NodeJS.ErrnoException) => refused(error.code ?? error.name, error);
      socket.once('error', failed);
      socket.once('close', () => {
        clearTimeout(timer);
        refused('closed');
      });
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
        clearTimeout(timer);
        socket.off('error', failed);
        resolve(socket);
      });
    });
  }

  private onEvent(event: FrameEvent): void {
    switch (event.kind) {
      case 'frame':
        this.onReply(event.bytes);
        break;
      case 'too-large':
        this.fail(noAcknowledgment('in a reply of a size that is allowed'));
        break;
      case 'broken':
      case 'garbage':
        // What is no frame answers nothing; the timeout sees to a reply that never comes.
        break;
    }
  }

  private onReply(bytes: Buffer): void {
    let reply: MllpReply;
    try {
      reply = { bytes, acknowledgment: readAcknowledgment(bytes) };
    } catch (error) {
      const cause = error instanceof EngineError ? error : undefined;
      this.fail(noAcknowledgment('that can be read', cause));
      return;
    }
    const { acknowledgedId } = reply.acknowledgment;
    const waiting = this.waiting;
    // A receiver that could not read MSH-10 answers without MSA-2; one message is in flight, so it is that one.
    if (waiting === undefined || (acknowledgedId !== '' && acknowledgedId.trim() !== waiting.controlId)) {
      this.options.otherReply?.(reply);
      return;
    }
    this.waiting = undefined;
    waiting.resolve(reply);
  }

  private fail(error: EngineError): void {
    const waiting = this.waiting;
    this.waiting = undefined;
    this.drop();
    waiting?.reject(error);
  }

  /** A connection whose replies can no longer be matched is given up. */
  private drop(): void {
    const socket = this.socket;
    this.socket = undefined;
    if (socket === undefined) return;
    socket.end();
    socket.destroySoon();
  }
}

function expectsReply(header: MessageHeader): boolean {
  const { acceptAcknowledgment: accept, applicationAcknowledgment: application } = header;
  // An acknowledgment is never acknowledged (HL7 2.5.1, 2.9.2).
  if (header.isAcknowledgment) return false;
  if (accept === '' && application === '') return true;
  const isNever = (condition: string) => condition === '' || condition.toUpperCase() === 'NE';
  return !isNever(accept) || !isNever(application);
}

function writeAll(socket: Socket, frame: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(frame, (error) => {
      if (error) reject(noAcknowledgment('and none was expected; the connection was lost', error));
      else resolve();
    });
  });
}

function noAcknowledgment(circumstance: string, cause?: unknown): EngineError {
  return new EngineError(
    'uncertain',
    'MLLP_NO_ACKNOWLEDGMENT',
    `no acknowledgment came ${circumstance}; the message may have arrived`,
    { cause },
  );
}

function tlsUnusable(cause: unknown): EngineError {
  return new EngineError(
    'misconfigured',
    'MLLP_CLIENT_TLS_UNUSABLE',
    'the TLS files of the MLLP client cannot be used',
    { cause },
  );
}

function tlsOptions(host: string, tls: NonNullable<MllpClientOptions['tls']>) {
  return {
    minVersion: 'TLSv1.2' as const,
    // A server name must not be an address (RFC 6066, 3).
    servername: tls.serverName ?? (isIP(host) === 0 ? host : ''),
    ...(tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile) }),
    ...(tls.certFile === undefined ? {} : { cert: readFileSync(tls.certFile) }),
    ...(tls.keyFile === undefined ? {} : { key: readFileSync(tls.keyFile) }),
  };
}
