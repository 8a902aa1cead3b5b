import type { Message } from '#hl7v2';

/** The bit of all that has none of its own: it counts as always there. */
export const otherBit = 1 << 31;

/** A bit for a number from 0 on; numbers from 31 on share `otherBit`. */
export function numberBit(number: number): number {
  return number < 31 ? 1 << number : otherBit;
}

/** Bits for the names of segments that a message map speaks of; from the 32nd name on they share `otherBit`. */
export class SegmentBits {
  readonly #bits = new Map<string, number>();

  bitOf(name: string): number {
    let bit = this.#bits.get(name);
    if (bit === undefined) {
      bit = numberBit(this.#bits.size);
      this.#bits.set(name, bit);
    }
    return bit;
  }

  /** The names of the segments of a message. */
  of(message: Message): number {
    let bits = otherBit;
    let last = '';
    for (const { name } of message.segments) {
      if (name === last) continue;
      last = name;
      bits |= this.#bits.get(name) ?? 0;
    }
    return bits;
  }
}
