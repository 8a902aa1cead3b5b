import type { Run } from '../run/run.js';
import type { SegmentSelector } from './path-reader.js';

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

  /**
   * What the map reads beside its own segment, as one text: equal texts, equal resources. Undefined when it is too much.
   * A CR ends segments, so no field holds one and it can stand between the parts.
   */
  context(): (run: Run) => string | undefined {
    const names = [...this.#names];
    const elsewhere = [...this.#elsewhere.values()];
    const placed = this.#placed;
    if (names.length === 0 && elsewhere.length === 0) return () => '';
    return (run) => {
      let text = '';
      const from = run.segment?.start ?? 0;
      for (const slot of names) {
        const named = run.names[slot];
        if (named !== undefined && named.length > namedMax) return undefined;
        text += '\r';
        if (!named) continue;
        for (const one of named) text += `${one.key},${placed ? one.start - from : ''},`;
      }
      for (const { select, field } of elsewhere) {
        const segments = select(run);
        if (segments === undefined || segments.length === 0) {
          text += '\r';
          continue;
        }
        if (segments.length > segmentsMax) return undefined;
        text += `\r${segments.length}`;
        for (const segment of segments) {
          text += `\r${field === wholeSegment ? segment.text : segment.raw(field)}`;
          if (placed) text += `\r${segment.start - from}`;
        }
      }
      return text;
    };
  }
}
