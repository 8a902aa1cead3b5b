import type { Segment } from '#hl7v2';
import type { Mapped } from '../run/mapped.js';
import { markOf, type Surroundings } from '../run/resource-memory.js';
import type { Run } from '../run/run.js';
import type { SegmentSelector } from './segment-selector.js';

/** What a message may make a map look at beside its own segment, before that is too much to compare. */
const segmentsMax = 16;
const namedMax = 64;
/** Stands for all fields of a segment. */
const wholeSegment = 0;

interface ElsewhereRead {
  readonly select: SegmentSelector;
  readonly field: number;
}

/**
 * Everything that a resource map, at one place of a message map, can read beside its own segment. Found while it is
 * compiled: every path to another segment and every name goes through here, so nothing can be missed at run time.
 */
export class PlanReads {
  readonly #elsewhere = new Map<string, ElsewhereRead>();
  readonly #own = new Set<number>();
  readonly #names = new Set<number>();
  #placed = false;

  /** A field of segments elsewhere; field 0: all of them. */
  addField(path: string, select: SegmentSelector, field: number): void {
    this.#elsewhere.set(`${path}-${field}`, { select, field });
  }

  /** A field of the segment at hand. */
  addOwn(field: number): void {
    this.#own.add(field);
  }

  get own(): readonly number[] {
    return [...this.#own];
  }

  addName(slot: number): void {
    this.#names.add(slot);
  }

  /** It asks which resource was made of the segment at hand: places in the message count, not only texts. */
  addPlaces(): void {
    this.#placed = true;
  }

  /** What the map reads beside its own segment, to be compared with what stood there before. */
  surroundings(): SurroundingReads {
    return new SurroundingReads([...this.#names], [...this.#elsewhere.values()], this.#placed);
  }
}

/**
 * What one map reads beside its own segment or value: resources by name, and fields of other segments. Equal text in equal
 * surroundings makes equal resources. Nothing is put together to be compared: that costs more than mapping a segment.
 */
export class SurroundingReads {
  constructor(
    private readonly names: readonly number[],
    private readonly elsewhere: readonly ElsewhereRead[],
    private readonly placed: boolean,
  ) {}

  /** As they stand now; undefined when that is too much to compare. */
  take(run: Run): Surroundings | undefined {
    const { placed } = this;
    const from = run.segment?.start ?? 0;
    const taken: (string | number)[] = [];
    for (const slot of this.names) {
      const named = run.names[slot] ?? [];
      if (named.length > namedMax) return undefined;
      taken.push(named.length);
      for (const one of named) taken.push(one.key, placed ? one.start - from : 0);
    }
    for (const { select, field } of this.elsewhere) {
      const segments = select(run) ?? [];
      if (segments.length > segmentsMax) return undefined;
      taken.push(segments.length);
      for (const segment of segments) {
        taken.push(field === wholeSegment ? segment.text : segment.raw(field));
        taken.push(placed ? segment.start - from : 0);
      }
    }
    return taken;
  }

  /** Whether they stand now as they did when `before` was taken. */
  areAs(before: Surroundings, run: Run): boolean {
    const { placed } = this;
    const from = run.segment?.start ?? 0;
    let at = 0;
    for (const slot of this.names) {
      const named = run.names[slot];
      const count = named === undefined ? 0 : named.length;
      if (before[at++] !== count) return false;
      for (let i = 0; i < count; i++) {
        const one = (named as readonly Mapped[])[i] as Mapped;
        if (before[at++] !== one.key || before[at++] !== (placed ? one.start - from : 0)) return false;
      }
    }
    for (const { select, field } of this.elsewhere) {
      const segments = select(run);
      const count = segments === undefined ? 0 : segments.length;
      if (before[at++] !== count) return false;
      for (let i = 0; i < count; i++) {
        const segment = (segments as readonly Segment[])[i] as Segment;
        const text = field === wholeSegment ? segment.text : segment.raw(field);
        if (before[at++] !== text || before[at++] !== (placed ? segment.start - from : 0)) return false;
      }
    }
    return true;
  }

  /** Equal surroundings have equal marks; of different ones most have different ones. */
  mark(run: Run): number {
    let mark = 0;
    for (const slot of this.names) {
      const named = run.names[slot] ?? [];
      const last = named[named.length - 1];
      if (last !== undefined) mark = Math.imul(mark ^ named.length, 31) + keyMark(last);
    }
    return mark | 0;
  }
}

function keyMark(mapped: Mapped): number {
  if (mapped.mark === 0) mapped.mark = markOf(mapped.key);
  return mapped.mark;
}
