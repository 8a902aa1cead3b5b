import { createHash } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';
import type { Arrival, Receipt } from '#channel';
import { readMessageHeader } from '#hl7v2';
import { EngineError } from '#kernel';

/** A journal in memory with the promises of the real one: equal arrivals are stored once, and it may not know. */
export class FileJournal {
  readonly stored: string[] = [];
  private readonly keys = new Set<string>();
  /** So many of the next arrivals are left uncertain. */
  uncertain = 0;

  receive = async (arrival: Arrival): Promise<Receipt> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.uncertain > 0) {
      this.uncertain--;
      return { outcome: 'uncertain' };
    }
    const header = readMessageHeader(arrival.raw);
    if (arrival.unfit !== undefined || header.messageCode !== 'ORU') {
      const error = new EngineError(
        'rejected',
        'HL7_TYPE_NOT_ACCEPTED',
        'the channel does not accept this type',
      );
      return { outcome: 'refused', error, hl7: { acknowledgment: 'AR', condition: '200', location: '' } };
    }
    const key = createHash('sha256')
      .update(arrival.identity ?? arrival.raw)
      .digest('hex');
    if (this.keys.has(key))
      return { outcome: 'journaled', position: undefined, duplicate: true, controlIdReused: false };
    this.keys.add(key);
    this.stored.push(header.controlId);
    const position = { lane: 1, partition: 1, seq: this.stored.length };
    return { outcome: 'journaled', position, duplicate: false, controlIdReused: false };
  };
}

export interface ZipPart {
  readonly name: string;
  readonly content: Buffer;
  /** Bits of the general purpose flag; 1 says encrypted. */
  readonly flags?: number;
  /** Claimed instead of the true ones. */
  readonly size?: number;
  readonly sum?: number;
}

/** A zip archive as packers write it, or as nobody should (APPNOTE 4.3). */
export function zipOf(parts: readonly ZipPart[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content, flags = 0, size = content.length, sum = crc32(content) } of parts) {
    const packed = deflateRawSync(content);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0);
    facts.writeUInt16LE(flags, 2);
    facts.writeUInt16LE(8, 4);
    facts.writeUInt32LE(sum, 10);
    facts.writeUInt32LE(packed.length, 14);
    facts.writeUInt32LE(size, 18);
    facts.writeUInt16LE(Buffer.byteLength(name), 22);
    local.push(Buffer.from('PK\x03\x04'), facts, Buffer.from(name), packed);
    const more = Buffer.alloc(14);
    more.writeUInt32LE(offset, 10);
    central.push(Buffer.from('PK\x01\x02\x14\0'), facts, more, Buffer.from(name));
    offset += 30 + Buffer.byteLength(name) + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(parts.length, 4);
  end.writeUInt16LE(parts.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, Buffer.from('PK\x05\x06'), end]);
}
