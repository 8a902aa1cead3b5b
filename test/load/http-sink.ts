import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type HttpRequest, HttpRequests, headerOf } from './http-requests.js';

/** One delivery as the receiver saw it. */
export interface Received {
  readonly stream: string;
  readonly number: number;
  readonly position: string;
}

/** What a receiver can say by itself about a stream of event numbers. */
export interface SinkStats {
  readonly requests: number;
  readonly unique: number;
  readonly duplicates: number;
  /** A number that came before one of its predecessors had come. */
  readonly gaps: number;
  readonly bytes: number;
  readonly lastAtMs: number;
}

const answers = new Map<number, string>();

/** The whole answer, an empty one. */
function answerText(status: number): string {
  let text = answers.get(status);
  if (text === undefined) {
    text = `HTTP/1.1 ${status} Answer\r\ncontent-length: 0\r\nconnection: keep-alive\r\nkeep-alive: timeout=120\r\n\r\n`;
    answers.set(status, text);
  }
  return text;
}

/**
 * An HTTP receiver that notes every delivery by its headers. `answer` may fail on purpose: what it answers with 400 or
 * above is not noted, as if the receiver had not taken it.
 */
export class HttpSink {
  readonly received: Received[] = [];
  /** HTTP status of the next answers. */
  answer: () => number = () => 200;
  private readonly next = new Map<string, number>();
  private readonly sockets = new Set<Socket>();
  private requests = 0;
  private unique = 0;
  private gaps = 0;
  private bytes = 0;
  private lastAtMs = 0;

  private constructor(
    private readonly server: Server,
    private readonly keep: boolean,
  ) {
    server.on('connection', (socket) => this.accept(socket));
  }

  /** Listens on loopback; port 0 picks a free one. `keep` keeps every delivery for a checker. */
  static async open(port = 0, keep = false): Promise<HttpSink> {
    const server = createServer({ noDelay: true });
    const sink = new HttpSink(server, keep);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return sink;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get stats(): SinkStats {
    const { unique, gaps, bytes, lastAtMs } = this;
    return { requests: this.requests, unique, duplicates: this.requests - unique, gaps, bytes, lastAtMs };
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    const requests = new HttpRequests((request) => {
      const status = this.answer();
      if (status < 400) this.note(request);
      socket.write(answerText(status), 'latin1');
    });
    this.sockets.add(socket);
    socket.on('data', (chunk: Buffer) => {
      try {
        requests.push(chunk);
      } catch {
        socket.destroy(); // no HTTP: whoever sent it gets no answer, and nothing was noted
      }
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => this.sockets.delete(socket));
  }

  private note({ head, bodyBytes }: HttpRequest): void {
    const stream = headerOf(head, 'suture-stream');
    const number = Number(headerOf(head, 'suture-event-number'));
    this.requests++;
    this.bytes += bodyBytes;
    this.lastAtMs = Date.now();
    const next = this.next.get(stream) ?? 1;
    if (number > next) this.gaps++;
    if (number >= next) {
      this.unique++;
      this.next.set(stream, number + 1);
    }
    if (this.keep) this.received.push({ stream, number, position: headerOf(head, 'suture-position') });
  }
}
