import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Arrival, Receipt } from '#channel';
import { FrameCutter, readMessageHeader } from '#hl7v2';
import { EngineError, type Position } from '#kernel';
import { MllpSource } from '../src/mllp/mllp-source.js';
import type { MllpSourceEvent, MllpSourceOptions } from '../src/mllp/mllp-source-options.js';

/** Waits until `condition` holds; fails the test when it does not within ten seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A message with the given MSH-10, original mode unless `modes` gives MSH-15|MSH-16. */
export function messageOf(id: string, modes = '|', body = 'PID|1||77\r'): string {
  return `MSH|^~\\&|LAB|NORTH|HUB|CITY|20240305||ORU^R01^ORU_R01|${id}|P|2.5.1|||${modes}\r${body}`;
}

export function framed(...messages: string[]): string {
  return messages.map((message) => `\x0b${message}\x1c\r`).join('');
}

/** A sender that reads what it is answered. */
export class Peer {
  readonly replies: string[] = [];
  isClosed = false;
  private readonly cutter = new FrameCutter();

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      for (const event of this.cutter.push(chunk)) {
        if (event.kind === 'frame') this.replies.push(event.bytes.toString('latin1'));
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static async connect(address: string, tls?: ConnectionOptions): Promise<Peer> {
    const { hostname: host, port } = new URL(address.replace(/^mllps?/, 'http'));
    const target = { host, port: Number(port) };
    const socket = tls === undefined ? connect(target) : connectTls({ ...target, ...tls });
    const peer = new Peer(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => resolve());
      socket.once('error', reject);
    });
    return peer;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** MSA-1 and MSA-2 of every reply so far. */
  get answers(): string[] {
    return this.replies.map((reply) => /MSA.([A-Z]*).([^|\r]*)/.exec(reply)?.slice(1).join(' ') ?? '?');
  }

  async answered(count: number): Promise<string[]> {
    await until(
      () => this.replies.length >= count,
      `${count} replies came, there are ${this.replies.length}`,
    );
    return this.answers;
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed, 'the connection was closed');
  }

  destroy(): void {
    this.socket.destroy();
  }
}

export const journaledAs = (seq: number): Receipt => ({
  outcome: 'journaled',
  position: { lane: 0, partition: 0, seq },
  duplicate: false,
  controlIdReused: false,
});

/** Refuses by the header, as intake does. */
function receiptOf(arrival: Arrival, seq: number): Receipt {
  if (arrival.unfit !== undefined) {
    const hl7 = { acknowledgment: 'AE', condition: '102', location: '' } as const;
    return { outcome: 'refused', error: new EngineError('rejected', 'SOURCE_REFUSED', arrival.unfit), hl7 };
  }
  const { defect } = readMessageHeader(arrival.raw);
  if (defect === undefined) return journaledAs(seq);
  const error = new EngineError('rejected', defect.code, defect.message);
  return { outcome: 'refused', error, hl7: defect };
}

/** A source with a journal in memory, whose answers a test may hold back. */
export class SourceUnderTest {
  readonly arrivals: Arrival[] = [];
  readonly acknowledged: [Position, string][] = [];
  address = '';
  /** What `receive` resolves with; a test may replace it before it sends. */
  receive: (arrival: Arrival, seq: number) => Promise<Receipt> = async (arrival, seq) =>
    receiptOf(arrival, seq);
  private readonly peers: Peer[] = [];

  private constructor(
    readonly source: MllpSource,
    private readonly events: readonly MllpSourceEvent[],
  ) {}

  static async start(options: Partial<MllpSourceOptions> = {}): Promise<SourceUnderTest> {
    const events: MllpSourceEvent[] = [];
    const source = new MllpSource({
      channel: 'lab',
      host: '127.0.0.1',
      port: 0,
      report: (event) => events.push(event),
      ...options,
    });
    const under = new SourceUnderTest(source, events);
    under.address = await source.start(
      (arrival) => {
        under.arrivals.push(arrival);
        return under.receive(arrival, under.arrivals.length);
      },
      (position, code) => under.acknowledged.push([position, code]),
    );
    return under;
  }

  async peer(tls?: ConnectionOptions): Promise<Peer> {
    const peer = await Peer.connect(this.address, tls);
    this.peers.push(peer);
    return peer;
  }

  /** Events of one name, without the address of the peer. */
  seen(name: MllpSourceEvent['event']): object[] {
    return this.events.flatMap(({ event, remote: _, ...rest }) => (event === name ? [rest] : []));
  }

  /** Reason and unanswered messages of every closed connection, once there are so many. */
  async closings(count: number): Promise<object[]> {
    await until(() => this.seen('connection-closed').length >= count, `${count} connections were closed`);
    return this.seen('connection-closed');
  }

  get arrivedIds(): string[] {
    return this.arrivals.map(({ raw }) => readMessageHeader(raw).controlId);
  }

  async stop(): Promise<void> {
    for (const peer of this.peers) peer.destroy();
    await this.source.stop(1_000);
  }
}
