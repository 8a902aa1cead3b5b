/** Inputs stay below this, but for a few. */
const USUAL_BYTES = 6_000;
const LARGEST_BYTES = 200_000;
const CHANGES = 6;
const RARELY = 1 / 2_000;

export type Random = () => number;

/** What inputs are made of. */
export interface Material {
  readonly samples: readonly Buffer[];
  /** What a damage may put in, anywhere. */
  readonly signs: readonly Buffer[];
  /** Where whole parts begin and end: the byte that they end with. */
  readonly seam: number;
  /** What may stand at a seam without breaking anything: so that half of the inputs get past the first look. */
  readonly parts: readonly Buffer[];
}

/** One more input: a sample with parts put in, or damaged in a few places. The same sequence of numbers gives the same bytes. */
export function mutated(material: Material, random: Random): Buffer {
  return random() < 0.5 ? grown(material, random) : damaged(material, random);
}

function grown({ samples, seam, parts }: Material, random: Random): Buffer {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  let bytes = pick(samples);
  for (let left = 1 + Math.floor(random() * CHANGES); left > 0; left--) {
    const at = bytes.indexOf(seam, Math.floor(random() * bytes.length)) + 1;
    bytes = Buffer.concat([bytes.subarray(0, at), pick(parts), bytes.subarray(at)]);
  }
  return bytes;
}

function damaged({ samples, signs }: Material, random: Random): Buffer {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const place = (bytes: Buffer): number => Math.floor(random() * (bytes.length + 1));
  let bytes = pick(samples);
  for (let left = 1 + Math.floor(random() * CHANGES); left > 0; left--) {
    const at = place(bytes);
    const to = Math.min(bytes.length, at + Math.floor(random() ** 3 * bytes.length));
    const head = bytes.subarray(0, at);
    switch (Math.floor(random() * 7)) {
      case 0:
        bytes = Buffer.concat([head, pick(signs), bytes.subarray(at)]);
        break;
      case 1:
        bytes = Buffer.concat([head, bytes.subarray(to)]);
        break;
      case 2:
        bytes = Buffer.concat([head, bytes.subarray(at, to), bytes.subarray(at)]);
        break;
      case 3: {
        const other = pick(samples);
        bytes = Buffer.concat([head, other.subarray(place(other))]);
        break;
      }
      case 4:
        bytes = Buffer.from(head);
        break;
      case 5:
        bytes = Buffer.concat([head, Buffer.from([Math.floor(random() * 256)]), bytes.subarray(at + 1)]);
        break;
      default:
        bytes = Buffer.concat([head, pick(signs), bytes.subarray(to)]);
    }
    if (bytes.length > USUAL_BYTES) bytes = bytes.subarray(0, USUAL_BYTES);
  }
  if (random() >= RARELY) return bytes;
  // What costs little once may cost much a thousand times.
  const piece = Buffer.concat([pick(signs), bytes.subarray(0, 40)]);
  return Buffer.concat(new Array<Buffer>(Math.ceil(LARGEST_BYTES / (piece.length + 1))).fill(piece));
}
