import type { MessagePort } from 'node:worker_threads';
import type { PackKeeper, StoredMessage } from './recent-packs.js';

/**
 * Bytes in one parcel, but always one pack. Whoever keeps one of its packs keeps the memory of all: `RecentPacks`, where the
 * oldest go first, holds at most one parcel of which it has forgotten a part, so its bound is exceeded by less than this.
 */
const MAX_PARCEL_BYTES = 1024 * 1024;
/** Bytes that the other thread has not taken yet: more would push each other out there. */
const MAX_BYTES_UNDER_WAY = 8 * 1024 * 1024;

/** Packs on their way to another thread, and the one piece of memory that they lie in, which goes with them. */
interface Parcel {
  /** Lane, partition, sequence number, and how many of `bytes` are its pack, one after the other. */
  readonly places: readonly (readonly [lane: number, partition: number, seq: number, length: number])[];
  readonly bytes: ArrayBuffer;
}

/**
 * Tells a thread at the other end of `port`, which has called `receivePacks`, what was stored: each pack is copied once, and
 * the copy changes hands. A thread that does not keep up, or is gone, is told nothing more: what it does not know it reads
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
    let parcel: StoredMessage[] = [];
    let size = 0;
    for (const message of stored) {
      const { length } = message.pack;
      if (parcel.length > 0 && size + length > MAX_PARCEL_BYTES) {
        this.post(parcel, size);
        parcel = [];
        size = 0;
      }
      parcel.push(message);
      size += length;
    }
    if (parcel.length > 0) this.post(parcel, size);
  }

  private post(parcel: readonly StoredMessage[], size: number): void {
    if (this.closed || this.underWay + size > this.maxBytesUnderWay) return;
    const bytes = new ArrayBuffer(size);
    const copy = Buffer.from(bytes);
    let at = 0;
    for (const { pack } of parcel) at += pack.copy(copy, at);
    const places = parcel.map(
      ({ position: { lane, partition, seq }, pack }) => [lane, partition, seq, pack.length] as const,
    );
    this.port.postMessage({ places, bytes } satisfies Parcel, [bytes]);
    this.underWay += size;
  }
}

/** Gives `keeper` what `RelayedPacks` at the other end of `port` is told, until the port closes. */
export function receivePacks(port: MessagePort, keeper: PackKeeper): void {
  port.on('message', ({ places, bytes }: Parcel) => {
    let at = 0;
    const stored = places.map(([lane, partition, seq, length]): StoredMessage => {
      const pack = Buffer.from(bytes, at, length);
      at += length;
      return { position: { lane, partition, seq }, pack };
    });
    keeper.remember(stored);
    port.postMessage(at);
  });
  port.unref();
}
