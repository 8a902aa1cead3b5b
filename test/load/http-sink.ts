import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

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

/**
 * An HTTP receiver that notes every delivery by its headers. `answer` may fail on purpose: what it answers with 400 or
 * above is not noted, as if the receiver had not taken it.
 */
export class HttpSink {
  readonly received: Received[] = [];
  /** HTTP status of the next answers. */
  answer: () => number = () => 200;
  private readonly next = new Map<string, number>();
  private unique = 0;
  private gaps = 0;
  private bytes = 0;
  private lastAtMs = 0;

  private constructor(
    private readonly server: Server,
    private readonly keep: boolean,
  ) {
    server.on('request', (request: IncomingMessage, response) => {
      let size = 0;
      request.on('data', (chunk: Buffer) => {
        size += chunk.length;
      });
      request.on('end', () => {
        const status = this.answer();
        if (status < 400) this.note(request, size);
        response.writeHead(status, { 'content-length': 0 });
        response.end();
      });
    });
  }

  /** Listens on loopback; port 0 picks a free one. `keep` keeps every delivery for a checker. */
  static async open(port = 0, keep = false): Promise<HttpSink> {
    const server = createServer({ keepAliveTimeout: 120_000 });
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
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private requests = 0;

  private note(request: IncomingMessage, size: number): void {
    const header = (name: string) => String(request.headers[name] ?? '');
    const stream = header('suture-stream');
    const number = Number(header('suture-event-number'));
    this.requests++;
    this.bytes += size;
    this.lastAtMs = Date.now();
    const next = this.next.get(stream) ?? 1;
    if (number > next) this.gaps++;
    if (number >= next) {
      this.unique++;
      this.next.set(stream, number + 1);
    }
    if (this.keep) this.received.push({ stream, number, position: header('suture-position') });
  }
}
