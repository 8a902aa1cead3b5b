import type { FhirObject } from '#fhir';
import type { MergeMode } from '../mapping-result.js';

/** One resource of those that a segment or a value made. */
export interface RememberedPart {
  readonly type: string;
  readonly id: string;
  readonly key: string;
  readonly merge: MergeMode;
  readonly resource: FhirObject;
  readonly removals: string[];
  readonly reference: FhirObject;
  /** The value it was made from; undefined for the resource of a segment. */
  readonly value: SourceValue | undefined;
  /** Those that values inside its own made. */
  readonly inner: readonly RememberedPlace[];
  readonly place: RememberedPlace;
}

/** A text, and the number of the plan that made a resource of it. */
export interface SourceValue {
  readonly plan: number;
  readonly text: string;
}

/** Where the text that a resource was made of stands, from the start of another one; -1 when it stands outside. */
export interface RememberedPlace {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

/** What was made of a text: the resource itself first, then those of the values in it, in the order they were met. */
export type Remembered = readonly RememberedPart[];

/**
 * Size of one generation, of which there are two, in characters: keys, so much for each resource, and the messages they
 * were made of, because a text that was cut out of another one keeps all of it in memory.
 */
const generationMax = 2_000_000;
const partSize = 1_500;
const sightings = 1 << 14;
/** A sighting looks at so many characters of a key. */
const samples = 64;

interface Entry {
  readonly made: Remembered;
  readonly size: number;
}

/**
 * Remembers what equal segments, in equal surroundings, were mapped to: a hospital repeats the patient, the visit, the
 * insurance and the allergies in every message of a stay. Mapping is pure, so what equal input made once it makes again.
 *
 * The key must hold everything the map can read. What is seen for the first time is only noted, so that results, which
 * never come again, push nothing out. Two generations: when the young one is full, what was not asked for since goes.
 */
export class ResourceMemory {
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();
  #size = 0;
  readonly #seen = new Int32Array(sightings);

  get(key: string): Remembered | undefined {
    const young = this.#young.get(key);
    if (young) return young.made;
    const old = this.#old.get(key);
    if (old) this.#add(key, old);
    return old?.made;
  }

  /** True from the second time on (or, rarely, for a key that looks like another one). */
  wasSeen(key: string): boolean {
    const step = Math.max(1, Math.floor(key.length / samples));
    let sum = key.length;
    for (let i = key.length - 1; i >= 0; i -= step) sum = (Math.imul(sum, 31) + key.charCodeAt(i)) | 0;
    const place = (sum ^ (sum >>> 15)) & (sightings - 1);
    if (this.#seen[place] === sum) return true;
    this.#seen[place] = sum;
    return false;
  }

  /** `messageLength`: of the text that `made` was cut out of. */
  keep(key: string, made: Remembered, messageLength: number): void {
    this.#add(key, { made, size: key.length + made.length * partSize + messageLength });
  }

  #add(key: string, entry: Entry): void {
    this.#size += entry.size;
    if (this.#size > generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#size = entry.size;
    }
    this.#young.set(key, entry);
  }
}
