import { connect } from 'node:net';
import { FrameCutter } from '#hl7v2';
import type { MessageTemplate } from '../load/message-templates.js';
import type { SenderLog } from './check-logs.js';

/** A sender that hears nothing for so long gives the connection up and sends again. */
const ANSWER_WITHIN_MS = 5_000;
const RECONNECT_AFTER_MS = 50;

/**
 * A legacy system as it should be: sends one message after the other for one patient, waits for the acknowledgment, and sends
 * the same bytes again, on a new connection, when it does not come. Its log is what it was promised.
 */
export class PersistentSender {
  private readonly sent: string[] = [];
  private readonly acknowledged = new Set<string>();
  private stopping = false;
  private closed = false;
  private finished: Promise<void> = Promise.resolve();
  refused = 0;
  /** Messages that were written and not answered, so written again. */
  resent = 0;

  constructor(
    private readonly patient: string,
    private readonly port: number,
    private readonly templates: readonly MessageTemplate[],
    private readonly most = Number.POSITIVE_INFINITY,
  ) {}

  get log(): SenderLog {
    return { patient: this.patient, sent: this.sent, acknowledged: this.acknowledged };
  }

  start(): void {
    this.finished = this.run();
  }

  /** Resolves when as many as it may send are acknowledged. */
  done(): Promise<void> {
    return this.finished;
  }

  /** Finishes the message in flight and sends no other. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.finished;
  }

  private async run(): Promise<void> {
    for (let number = 0; !this.stopping && number < this.most; number++) {
      const template = this.templates[number % this.templates.length];
      if (template === undefined) throw new Error('no message to send');
      const controlId = `${this.patient}-${number}`;
      this.sent.push(controlId);
      await this.insist(controlId, template.make(controlId, this.patient));
    }
  }

  /** Sends until there is an answer. */
  private async insist(controlId: string, frame: Buffer): Promise<void> {
    while (!this.closed) {
      const code = await this.exchange(frame);
      if (code === 'AA' || code === 'CA') {
        this.acknowledged.add(controlId);
        return;
      }
      if (code !== undefined) {
        this.refused++; // the engine must never refuse for load or trouble
        return;
      }
      if (this.wrote) this.resent++;
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_AFTER_MS));
    }
  }

  private connection: Connection | undefined;
  private wrote = false;

  /** One attempt: the acknowledgment code, or undefined when the connection or the patience ended first. */
  private async exchange(frame: Buffer): Promise<string | undefined> {
    this.connection ??= new Connection(this.port);
    const code = await this.connection.exchange(frame);
    this.wrote = this.connection.connected;
    if (code === undefined) {
      this.connection.close();
      this.connection = undefined;
    }
    return code;
  }

  /** Gives up, whatever is in flight. */
  close(): void {
    this.stopping = true;
    this.closed = true;
    this.connection?.close();
  }
}

class Connection {
  /** False: nobody listened. */
  connected = false;
  private readonly socket;
  private readonly cutter = new FrameCutter();
  private answer: (code: string | undefined) => void = () => {};

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('connect', () => {
      this.connected = true;
    });
    this.socket.on('error', () => {}); // 'close' follows
    this.socket.on('close', () => this.answer(undefined));
    this.socket.on('data', (chunk: Buffer) => {
      for (const event of this.cutter.push(chunk)) {
        if (event.kind === 'frame')
          this.answer(/\rMSA\|(\w\w)\|/.exec(event.bytes.toString('latin1'))?.[1] ?? '??');
      }
    });
  }

  exchange(frame: Buffer): Promise<string | undefined> {
    if (this.socket.closed || this.socket.destroyed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.answer(undefined), ANSWER_WITHIN_MS);
      this.answer = (code) => {
        clearTimeout(timer);
        this.answer = () => {};
        resolve(code);
      };
      this.socket.write(frame);
    });
  }

  close(): void {
    this.socket.destroy();
  }
}
