import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface ReceivedPost {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * What a receiver does with one POST. A number is a status. 'hang': no answer; 'cut': the connection ends without one;
 * 'half': 200, and then the connection ends in the middle of the body; 'drip': 200 and a byte now and then, for ever;
 * 'flood': 200 and a body without end.
 */
export type Behaviour = number | Reply | 'hang' | 'cut' | 'half' | 'drip' | 'flood';

/** A whole answer. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const DRIP_EVERY_MS = 10;

/** A real HTTP server on loopback that behaves as a test says, and can go down and come back on the same port. */
export class HttpReceiver {
  /** Every POST that came in whole, in order, whatever was answered. */
  readonly posts: ReceivedPost[] = [];
  /** Decides what is done with a POST; may be replaced while running. */
  behave: (post: ReceivedPost) => Behaviour | Promise<Behaviour> = () => 200;
  /** Most POSTs that were ever in flight at one time. */
  mostInFlight = 0;
  private inFlight = 0;
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  private port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.port}/receive?key=value`;
  }

  async up(): Promise<this> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      this.inFlight += 1;
      this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
      response.once('close', () => {
        this.inFlight -= 1;
      });
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const post = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
        this.posts.push(post);
        void Promise.resolve(this.behave(post)).then((behaviour) => answer(response, behaviour));
      });
    });
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
    return this;
  }

  /** Cuts every connection and refuses new ones. */
  async down(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

function answer(response: ServerResponse, behaviour: Behaviour): void {
  if (response.destroyed) return;
  switch (behaviour) {
    case 'hang':
      return;
    case 'cut':
      response.destroy();
      return;
    case 'half':
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"half":', () => response.destroy());
      return;
    case 'drip': {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), DRIP_EVERY_MS);
      response.once('close', () => clearInterval(timer));
      return;
    }
    case 'flood': {
      response.writeHead(200);
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(16 * 1024)));
      };
      response.on('drain', pour);
      pour();
      return;
    }
    default: {
      const {
        status,
        headers = {},
        body = '{"answer":true}',
      } = typeof behaviour === 'number' ? { status: behaviour } : behaviour;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(body);
    }
  }
}
