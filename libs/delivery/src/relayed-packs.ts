import type { MessagePort } from 'node:worker_threads';
import type { PackKeeper, StoredMessage } from './recent-packs.js';

/**
 * Bytes in one parcel, but always one pack. Whoever keeps one of its packs keeps the memory of all: `RecentPacks`, where the
 * oldest go first, holds at most one parcel of which it has forgotten a part, so its bound is exceeded by less than this.
 */
const MAX_PARCEL_BYTES = 1024 * 1024;
/** Bytes that the other thread has not taken yet: more would push each other out there. */
const MAX_BYTES_UNDER_WAY = 8 * 1024 * 1024;

/** Packs on their way to another thread. A resource that several of them hold goes once. Its memory goes with it. */
interface Parcel {
  /** For each message lane, partition, sequence number, and how many resources it has. */
  readonly messages: Float64Array;
  /** The resources of all messages, one message after the other, as numbers of `lengths`. */
  readonly resources: Int32Array;
  /** Of each resource how many of `bytes` are its own, one after the other. */
  readonly lengths: Int32Array;
  readonly bytes: ArrayBuffer;
}

const FACTS = 4;

/**
 * Tells a thread at the other end of `port`, which has called `receivePacks`, what was stored: each resource is copied once,
 * and the copy changes hands. A thread that does not keep up, or is gone, is told nothing more: what it does not know it reads
 * from the store.
 */
export class RelayedPacks implements PackKeeper {
  private underWay = 0;
  private closed = false;

  constructor(
    private readonly port: MessagePort,
    private readonly maxBytesUnderWay = MAX_BYTES_UNDER_WAY,
  ) {
    port.on('message', (taken: number) => {
      this.underWay -= taken;
    });
    port.on('close', () => {
      this.closed = true;
    });
    // Waiting for the other thread is no reason to live on.
    port.unref();
  }

  remember(stored: readonly StoredMessage[]): void {
    let load = new Load();
    for (const message of stored) {
      if (load.messages.length > 0 && load.size + load.bytesOf(message) > MAX_PARCEL_BYTES) {
        this.post(load);
        load = new Load();
      }
      load.add(message);
    }
    if (load.messages.length > 0) this.post(load);
  }

  private post(load: Load): void {
    if (this.closed || this.underWay + load.size > this.maxBytesUnderWay) return;
    const parcel = load.parcel();
    this.port.postMessage(parcel, [parcel.bytes]);
    this.underWay += load.size;
  }
}

/** What goes into one parcel. */
class Load {
  readonly messages: StoredMessage[] = [];
  /** Bytes of its resources, each counted once. */
  size = 0;
  private readonly numbers = new Map<Buffer, number>();

  /** Bytes that the message would add. */
  bytesOf({ resources }: StoredMessage): number {
    let bytes = 0;
    for (const resource of resources) if (!this.numbers.has(resource)) bytes += resource.length;
    return bytes;
  }

  add(message: StoredMessage): void {
    this.messages.push(message);
    for (const resource of message.resources) {
      if (this.numbers.has(resource)) continue;
      this.numbers.set(resource, this.numbers.size);
      this.size += resource.length;
    }
  }

  parcel(): Parcel {
    const bytes = new ArrayBuffer(this.size);
    const copy = new Uint8Array(bytes);
    const lengths = new Int32Array(this.numbers.size);
    let at = 0;
    for (const [resource, number] of this.numbers) {
      copy.set(resource, at);
      lengths[number] = resource.length;
      at += resource.length;
    }
    const messages = new Float64Array(
      this.messages.flatMap(({ position: { lane, partition, seq }, resources }) => [
        lane,
        partition,
        seq,
        resources.length,
      ]),
    );
    const resources = new Int32Array(
      this.messages.flatMap((message) => message.resources.map((one) => this.numbers.get(one) ?? 0)),
    );
    return { messages, resources, lengths, bytes };
  }
}

/** Gives `keeper` what `RelayedPacks` at the other end of `port` is told, until the port closes. */
export function receivePacks(port: MessagePort, keeper: PackKeeper): void {
  port.on('message', (parcel: Parcel) => {
    keeper.remember(messagesOf(parcel));
    port.postMessage(parcel.bytes.byteLength);
  });
  port.unref();
}

function messagesOf({ messages, resources, lengths, bytes }: Parcel): StoredMessage[] {
  let at = 0;
  const made = Array.from(lengths, (length) => {
    const resource = Buffer.from(bytes, at, length);
    at += length;
    return resource;
  });
  const stored: StoredMessage[] = [];
  let next = 0;
  for (let fact = 0; fact < messages.length; fact += FACTS) {
    const [lane = 0, partition = 0, seq = 0, count = 0] = messages.subarray(fact, fact + FACTS);
    const own: Buffer[] = [];
    for (const number of resources.subarray(next, next + count)) own.push(made[number] as Buffer);
    next += count;
    stored.push({ position: { lane, partition, seq }, resources: own });
  }
  return stored;
}
