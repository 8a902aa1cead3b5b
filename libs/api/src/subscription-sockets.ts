import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { SendOutcome } from '#channel';
import { type Clock, EngineError } from '#kernel';
import { readBindingToken } from './websocket-token.js';

/** The path of the endpoint to which subscribers open websockets. */
const WEBSOCKET_PATH = '/fhir/subscription-websocket';

const MAX_SOCKETS = 1_000;
const MAX_BOUND = 100;
/** What a client sends is a token, never more. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** What waits to be written to one socket: a client that does not read is closed. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** A socket that has not bound anything by then is closed. */
const BIND_WITHIN_MS = 10_000;
/** A socket that has not answered a ping by the next one is dead. */
const PING_EVERY_MS = 30_000;

/** The address of that endpoint for a client that knows the FHIR endpoint as `fhirAddress`. */
export function websocketAddress(fhirAddress: string): string {
  return `${fhirAddress.replace(/^http/, 'ws').replace(/\/fhir$/, '')}${WEBSOCKET_PATH}`;
}

interface SocketState {
  /** Until when each subscription is bound. */
  readonly bound: Map<string, number>;
  isAlive: boolean;
}

/**
 * The websocket channel (Subscriptions R5 Backport 1.1): a client binds subscriptions by a token and then hears of them. The
 * client says `{"type":"bind-with-token","payload":{"token":"..."}}`, or `bind-with-token TOKEN`. A notification counts as
 * taken when it was written to the socket; what a broken line lost is asked for by `$events`.
 */
export class SubscriptionSockets {
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });
  private readonly sockets = new Map<WebSocket, SocketState>();
  private pinger: NodeJS.Timeout | undefined;
  /** Told which subscription was bound: it is to get a handshake. */
  onBound: (subscription: string) => void = () => {};

  constructor(
    private readonly secret: string | undefined,
    private readonly clock: Clock,
  ) {}

  /** Takes upgrades of the server from now on. */
  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const isHere = request.url?.split('?')[0] === WEBSOCKET_PATH && this.secret;
      if (!isHere || this.sockets.size >= MAX_SOCKETS) {
        socket.end(
          `HTTP/1.1 ${isHere ? '503 Service Unavailable' : '404 Not Found'}\r\nconnection: close\r\n\r\n`,
        );
        return;
      }
      this.server.handleUpgrade(request, socket, head, (opened) => this.accept(opened));
    });
    this.pinger = setInterval(() => this.ping(), PING_EVERY_MS);
  }

  /** Whether a client here is bound to the subscription now. */
  isBound(subscription: string): boolean {
    return this.boundTo(subscription).length > 0;
  }

  /** Writes a notification to every client that is bound to its subscription; never rejects. */
  async post(
    { subscription, body, timeoutMs }: { subscription: string; body: string; timeoutMs: number },
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    const sockets = this.boundTo(subscription);
    const written = await Promise.all(sockets.map((socket) => write(socket, body, timeoutMs, signal)));
    if (written.some((isWritten) => isWritten)) return { sent: true };
    const message = 'no bound websocket took the notification';
    return { sent: false, error: new EngineError('unavailable', 'WEBSOCKET_NOT_BOUND', message) };
  }

  /** Closes every socket and takes no other. */
  close(): void {
    clearInterval(this.pinger);
    for (const socket of this.sockets.keys()) socket.terminate();
    this.server.close();
  }

  private boundTo(subscription: string): WebSocket[] {
    const nowMs = this.clock.nowMs();
    return [...this.sockets]
      .filter(([, { bound }]) => (bound.get(subscription) ?? 0) > nowMs)
      .map(([socket]) => socket);
  }

  private accept(socket: WebSocket): void {
    const state: SocketState = { bound: new Map(), isAlive: true };
    this.sockets.set(socket, state);
    const late = setTimeout(() => {
      if (state.bound.size === 0) socket.close(1008, 'nothing was bound');
    }, BIND_WITHIN_MS);
    socket.on('message', (data) => this.hear(socket, state, data));
    socket.on('pong', () => {
      state.isAlive = true;
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      clearTimeout(late);
      this.sockets.delete(socket);
    });
  }

  private hear(socket: WebSocket, state: SocketState, data: RawData): void {
    const { type, token } = messageOf((data as Buffer).toString());
    if (type === 'ping') {
      socket.send('{"type":"pong"}');
      return;
    }
    const binding =
      token === undefined || this.secret === undefined
        ? undefined
        : readBindingToken(token, this.secret, this.clock.nowMs());
    if (binding === undefined) {
      socket.close(1008, 'no valid token');
      return;
    }
    for (const subscription of binding.subscriptions) {
      if (type === 'unbind-from-token') state.bound.delete(subscription);
      else if (state.bound.size < MAX_BOUND || state.bound.has(subscription)) {
        state.bound.set(subscription, binding.untilMs);
        this.onBound(subscription);
      }
    }
  }

  private ping(): void {
    for (const [socket, state] of this.sockets) {
      if (!state.isAlive) socket.terminate();
      else socket.ping();
      state.isAlive = false;
    }
  }
}

/** Resolves true when the system has taken the text; a socket that does not take it in time is closed. */
function write(socket: WebSocket, body: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  if (socket.bufferedAmount > MAX_WAITING_BYTES) {
    socket.terminate();
    return Promise.resolve(false);
  }
  return new Promise((resolve) => {
    const giveUp = () => {
      socket.terminate();
      resolve(false);
    };
    const timer = setTimeout(giveUp, timeoutMs);
    signal.addEventListener('abort', giveUp);
    socket.send(body, (error) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      resolve(!error);
    });
  });
}

function messageOf(text: string): { type?: string | undefined; token?: string | undefined } {
  const plain = /^(bind-with-token|unbind-from-token):?\s+(\S+)$/.exec(text);
  if (plain) return { type: plain[1], token: plain[2] };
  try {
    const { type, payload } = JSON.parse(text) as { type?: unknown; payload?: { token?: unknown } };
    const token = payload?.token;
    return {
      type: typeof type === 'string' ? type : undefined,
      token: typeof token === 'string' ? token : undefined,
    };
  } catch {
    return {};
  }
}
