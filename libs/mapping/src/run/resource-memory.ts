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
}

/** One of them, and where the text it was made of stands, from the start of what was mapped; -1: outside. */
export interface PlacedPart {
  readonly part: RememberedPart;
  /** Kept by another entry already. */
  readonly isShared: boolean;
  readonly from: number;
  readonly to: number;
}

/** A text, and the number of the plan that made a resource of it. */
export interface SourceValue {
  readonly plan: number;
  readonly text: string;
}

/** Where the text that a resource was made of stands, from the start of another one. */
export interface RememberedPlace {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

/** What was made of a text: the resource itself first, then those of the values in it, in the order they were met. */
export type Remembered = readonly PlacedPart[];

/**
 * Size of one generation, of which there are two, in characters: texts, so much for each resource that no other entry
 * keeps, and the messages they were made of, because a text that was cut out of another one keeps all of it in memory.
 */
const generationMax = 2_000_000;
const partSize = 1_500;
const sharedSize = 50;
const sightings = 1 << 14;
/** A mark looks at so many characters of a text, and at all of them up to twice as many. */
const samples = 64;
/** So many texts with one mark are kept; the oldest goes first. */
const sameMarkMax = 16;

/** What a map reads beside its own text: texts, counts and distances, in the order of its reads. */
export type Surroundings = readonly (string | number)[];

/** A text, all that decided what was made of it, and what that was. */
export interface MemoryEntry {
  /** Number of the plan that mapped it. */
  readonly plan: number;
  /** Number of what the map can see of the message as a whole (`Run.circumstances`). */
  readonly circumstances: number;
  readonly own: string;
  readonly surroundings: Surroundings;
  readonly made: Remembered;
  /** Characters it keeps in memory. */
  readonly size: number;
}

/** Equal texts have equal marks; of different ones most have different ones. */
export function markOf(text: string): number {
  const { length } = text;
  const step = length < 2 * samples ? 1 : Math.floor(length / samples);
  let mark = length;
  for (let i = length - 1; i >= 0; i -= step) mark = (Math.imul(mark, 31) + text.charCodeAt(i)) | 0;
  return mark;
}

/**
 * Remembers what equal segments, in equal surroundings, were mapped to: a hospital repeats the patient, the visit, the
 * insurance and the allergies in every message of a stay. Mapping is pure, so what equal input made once it makes again.
 *
 * Entries are found by a mark, and it is for the caller to compare all that the map can read with what the entry says. What
 * is seen for the first time is only noted, so that results, which never come again, push nothing out. Two generations: when
 * the young one is full, what was not asked for since goes.
 */
export class ResourceMemory {
  #young = new Map<number, MemoryEntry[]>();
  #old = new Map<number, MemoryEntry[]>();
  #size = 0;
  readonly #seen = new Int32Array(sightings);

  /** The entry of that mark for which `isSame` holds. */
  find(mark: number, isSame: (entry: MemoryEntry) => boolean): MemoryEntry | undefined {
    const young = this.#young.get(mark)?.find(isSame);
    if (young) return young;
    const old = this.#old.get(mark)?.find(isSame);
    if (old) this.keep(mark, old);
    return old;
  }

  /** True from the second time on (or, rarely, for a mark that looks like another one). */
  wasSeen(mark: number): boolean {
    const place = (mark ^ (mark >>> 15)) & (sightings - 1);
    if (this.#seen[place] === mark) return true;
    this.#seen[place] = mark;
    return false;
  }

  keep(mark: number, entry: MemoryEntry): void {
    this.#size += entry.size;
    if (this.#size > generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#size = entry.size;
    }
    const same = this.#young.get(mark);
    if (same === undefined) this.#young.set(mark, [entry]);
    else {
      if (same.length === sameMarkMax) same.shift();
      same.push(entry);
    }
  }
}

/** What an entry keeps in memory beside the message it was cut out of. */
export function sizeOf(own: string, surroundings: Surroundings, made: Remembered): number {
  let size = own.length;
  for (const { isShared } of made) size += isShared ? sharedSize : partSize;
  for (const part of surroundings) size += typeof part === 'string' ? part.length : 1;
  return size;
}
