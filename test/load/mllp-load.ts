import { connect, type Socket } from 'node:net';
import { FrameCutter } from '#hl7v2';
import type { MessageTemplate } from './message-templates.js';

const READ_BYTES = 65_536;

export interface LoadOptions {
  readonly port: number;
  readonly templates: readonly MessageTemplate[];
  readonly connections: number;
  /** Unanswered messages on one connection: 1 is send and wait. */
  readonly window: number;
  readonly count: number;
  readonly prefix: string;
  /** Messages a second over all connections; latency then counts from when the message was due. */
  readonly rate?: number;
  /** A fresh patient for each so many messages: 0 keeps the patients of the templates. */
  readonly messagesPerPatient?: number;
  /** Stop sending after this long. */
  readonly forMs?: number;
  readonly onAcknowledged?: (controlId: string) => void;
}

export interface LoadReport {
  readonly acknowledged: number;
  readonly refused: number;
  readonly unanswered: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly ackMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

interface Outstanding {
  readonly id: string;
  readonly dueMs: number;
}

/** Sends `count` messages and waits for every acknowledgment. A lost connection ends its share as unanswered. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const run = new LoadRun(options);
  return run.report();
}

class LoadRun {
  private sent = 0;
  private acknowledged = 0;
  private refused = 0;
  private unanswered = 0;
  private readonly latencies: number[] = [];
  private readonly startMs = performance.now();
  private lastMs = this.startMs;

  constructor(private readonly options: LoadOptions) {}

  async report(): Promise<LoadReport> {
    const { connections } = this.options;
    await Promise.all(Array.from({ length: connections }, () => this.connection()));
    const seconds = (this.lastMs - this.startMs) / 1000;
    const sorted = Float64Array.from(this.latencies).sort();
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return {
      acknowledged: this.acknowledged,
      refused: this.refused,
      unanswered: this.unanswered,
      seconds,
      perSecond: this.acknowledged / seconds,
      ackMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    };
  }

  private next(): { id: string; bytes: Buffer; dueMs: number } | undefined {
    const { count, templates, prefix, messagesPerPatient = 0, rate = 0, forMs = Infinity } = this.options;
    if (this.sent >= count || performance.now() - this.startMs > forMs) return undefined;
    const number = this.sent++;
    const id = `${prefix}${number}`;
    const chosen = templates[number % templates.length];
    if (chosen === undefined) throw new Error('no message to send');
    const patient =
      messagesPerPatient > 0 ? `${prefix}P${Math.floor(number / messagesPerPatient)}` : undefined;
    const dueMs = rate > 0 ? this.startMs + (number * 1000) / rate : performance.now();
    return { id, bytes: chosen.make(id, patient), dueMs };
  }

  private connection(): Promise<void> {
    return new Promise((resolve) => {
      const out: Outstanding[] = [];
      const cutter = new FrameCutter();
      const take = (bytes: Buffer) => {
        for (const event of cutter.push(bytes)) if (event.kind === 'frame') this.answered(event.bytes, out);
        pump();
      };
      const socket: Socket = connect({
        port: this.options.port,
        host: '127.0.0.1',
        noDelay: true,
        // One buffer for all reads: every frame in it is looked at before the next read.
        onread: {
          buffer: Buffer.alloc(READ_BYTES),
          callback: (length, buffer) => {
            take(Buffer.from(buffer.buffer, buffer.byteOffset, length));
            return true;
          },
        },
      });
      let timer: NodeJS.Timeout | undefined;
      let held: ReturnType<LoadRun['next']>;
      const pump = () => {
        while (out.length < this.options.window) {
          const message = held ?? this.next();
          held = undefined;
          if (message === undefined) {
            if (out.length === 0) socket.end();
            return;
          }
          const waitMs = message.dueMs - performance.now();
          if (waitMs > 0.5) {
            held = message;
            timer ??= setTimeout(() => {
              timer = undefined;
              pump();
            }, waitMs);
            return;
          }
          out.push({ id: message.id, dueMs: message.dueMs });
          socket.write(message.bytes);
        }
      };
      socket.on('connect', pump);
      socket.on('error', () => {}); // 'close' follows and counts what was lost
      socket.on('close', () => {
        clearTimeout(timer);
        this.unanswered += out.length;
        resolve();
      });
    });
  }

  private answered(frame: Buffer, out: Outstanding[]): void {
    const [, code = '', id = ''] = msaFields(frame);
    // Answers come in the order of the messages; whatever answers another one is matched all the same.
    const index = out[0]?.id === id ? 0 : out.findIndex((message) => message.id === id);
    const message = out[index];
    if (message === undefined) return;
    if (index === 0) out.shift();
    else out.splice(index, 1);
    this.lastMs = performance.now();
    this.latencies.push(this.lastMs - message.dueMs);
    if (code !== 'AA' && code !== 'CA') {
      this.refused++;
      return;
    }
    this.acknowledged++;
    this.options.onAcknowledged?.(id);
  }
}

const msa = Buffer.from('\rMSA', 'latin1');

/** The fields of MSA; a load generator must not spend its core on a full parse. */
function msaFields(frame: Buffer): string[] {
  const start = frame.indexOf(msa) + 1;
  const end = frame.indexOf(0x0d, start);
  const text = frame.toString('latin1', start, end < 0 ? undefined : end);
  return text.split(text.charAt(3));
}
