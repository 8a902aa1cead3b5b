import type { Segment } from '#hl7v2';
import type { V2Type } from '../dictionary/v2-dictionary.js';
import { type Run, wholeMark } from '../run/run.js';
import type { Convert, Level } from '../types/convert.js';
import type { SegmentFilter, SegmentSelector } from './segment-selector.js';

/** Reads the values a path leads to. */
export interface PathReader {
  readonly type: V2Type;
  /** What divides the values. */
  readonly level: Level;
  /** Start of the first value, its end in `run.end`; -1 when there is none. */
  first(run: Run): number;
  /** Converts every value and appends what comes of it; makes the list when there is a first one. */
  collect(run: Run, convert: Convert, list: unknown[] | undefined): unknown[] | undefined;
  count(run: Run): number;
  /** `first` and `convert` in one, where that saves calls. */
  reading?(convert: Convert): (run: Run) => unknown;
}

/** A repetition counts when its component `component` equals `value`, or does not. */
export interface RepetitionTest {
  readonly index: number;
  readonly component: number;
  readonly value: string;
  readonly negated: boolean;
}

export interface FieldPlace {
  readonly field: number;
  readonly test: RepetitionTest | undefined;
  readonly component: number;
  readonly subcomponent: number;
}

/** True for `""`, which is read, noted, and gives no value. */
function isNull(run: Run, start: number): boolean {
  const { text } = run;
  if (run.end - start !== 2 || text.charCodeAt(start) !== 0x22 || text.charCodeAt(start + 1) !== 0x22)
    return false;
  run.nulled = true;
  if (run.rule !== 0) run.mark(start, run.rule | wholeMark);
  return true;
}

function find(run: Run, segment: Segment, at: FieldPlace, repetition: number): number {
  const start = segment.find(at.field, repetition, at.component, at.subcomponent);
  if (start < 0) return -1;
  run.end = run.message.foundEnd;
  return isNull(run, start) ? -1 : start;
}

function passes(run: Run, segment: Segment, at: FieldPlace, repetition: number): boolean {
  const { test } = at;
  if (!test) return true;
  if (test.index > 0) return test.index === repetition;
  const start = segment.find(at.field, repetition, test.component, 1);
  const value = start < 0 ? undefined : run.peek(start, run.message.foundEnd);
  return (value === test.value) !== test.negated;
}

/** First valued repetition in one segment. */
function firstIn(run: Run, segment: Segment, at: FieldPlace): number {
  if (!at.test) {
    const start = find(run, segment, at, 1);
    if (start >= 0 || !segment.isValued(at.field)) return start;
  }
  const count = segment.repetitions(at.field);
  for (let repetition = at.test ? 1 : 2; repetition <= count; repetition++) {
    if (!passes(run, segment, at, repetition)) continue;
    const start = find(run, segment, at, repetition);
    if (start >= 0) return start;
  }
  return -1;
}

/** Converts one value of several, from `start` to `run.end`. */
export function convertOne(run: Run, convert: Convert, start: number): unknown {
  const { lineage } = run;
  if (lineage === undefined) return convert(run, start, run.end);
  const begin = lineage.length;
  const value = convert(run, start, run.end);
  if (value !== undefined) lineage.made(value, begin);
  return value;
}

function collectIn(
  run: Run,
  segment: Segment,
  at: FieldPlace,
  convert: Convert,
  list: unknown[] | undefined,
): unknown[] | undefined {
  // Nearly every field has one repetition: found at once, and its end tells that nothing follows.
  const first = segment.find(at.field, 1, 0, 0);
  if (first >= 0 && !at.test && run.text.charCodeAt(run.message.foundEnd) !== run.repetitionCode) {
    run.end = run.message.foundEnd;
    const start = at.component === 0 ? (isNull(run, first) ? -1 : first) : find(run, segment, at, 1);
    const value = start < 0 ? undefined : convertOne(run, convert, start);
    if (value === undefined) return list;
    if (!list) return [value];
    list.push(value);
    return list;
  }
  if (!segment.isValued(at.field)) return list;
  const count = segment.repetitions(at.field);
  let out = list;
  for (let repetition = 1; repetition <= count; repetition++) {
    if (at.test && !passes(run, segment, at, repetition)) continue;
    const start = find(run, segment, at, repetition);
    const value = start < 0 ? undefined : convertOne(run, convert, start);
    if (value === undefined) continue;
    if (out) out.push(value);
    else out = [value];
  }
  return out;
}

function countIn(run: Run, segment: Segment, at: FieldPlace): number {
  if (!segment.isValued(at.field)) return 0;
  if (!at.test && at.component === 0) {
    // One repetition, nearly always.
    const start = segment.find(at.field, 1, 0, 0);
    run.end = run.message.foundEnd;
    if (start >= 0 && run.text.charCodeAt(run.end) !== run.repetitionCode) return isNull(run, start) ? 0 : 1;
  }
  const count = segment.repetitions(at.field);
  let found = 0;
  for (let repetition = 1; repetition <= count; repetition++)
    if (passes(run, segment, at, repetition) && find(run, segment, at, repetition) >= 0) found++;
  return found;
}

function readFirst(run: Run, convert: Convert, start: number): unknown {
  return start < 0 ? undefined : convert(run, start, run.end);
}

/** Reads a field of the segment that the map at work reads. */
export function currentFieldReader(type: V2Type, level: Level, at: FieldPlace): PathReader {
  return {
    type,
    level,
    first: (run) => (run.segment ? firstIn(run, run.segment, at) : -1),
    collect: (run, convert, list) => (run.segment ? collectIn(run, run.segment, at, convert, list) : list),
    count: (run) => (run.segment ? countIn(run, run.segment, at) : 0),
    reading: (convert) => {
      const { field, component, subcomponent } = at;
      if (at.test) return (run) => readFirst(run, convert, run.segment ? firstIn(run, run.segment, at) : -1);
      return (run) => {
        const { segment } = run;
        if (!segment) return undefined;
        const start = segment.find(field, 1, component, subcomponent);
        if (start < 0)
          return segment.isValued(field) ? readFirst(run, convert, firstIn(run, segment, at)) : undefined;
        run.end = run.message.foundEnd;
        return isNull(run, start)
          ? readFirst(run, convert, firstIn(run, segment, at))
          : convert(run, start, run.end);
      };
    },
  };
}

/** `reader`, where the segment it reads is one of those: nothing where it is not. */
export function readerWhere(reader: PathReader, { field, words }: SegmentFilter): PathReader {
  const fits = ({ segment }: Run): boolean => segment !== undefined && words.includes(segment.raw(field));
  return {
    ...reader,
    first: (run) => (fits(run) ? reader.first(run) : -1),
    collect: (run, convert, list) => (fits(run) ? reader.collect(run, convert, list) : list),
    count: (run) => (fits(run) ? reader.count(run) : 0),
    reading: (convert) => {
      const read = reader.reading?.(convert);
      return (run) => (fits(run) ? read?.(run) : undefined);
    },
  };
}

/** Reads a field of other segments: of the same group, or of groups around it. */
export function otherFieldReader(
  type: V2Type,
  level: Level,
  at: FieldPlace,
  select: SegmentSelector,
): PathReader {
  return {
    type,
    level,
    first: (run) => {
      const segments = select(run);
      if (segments) {
        for (const segment of segments) {
          const start = firstIn(run, segment, at);
          if (start >= 0) return start;
        }
      }
      return -1;
    },
    collect: (run, convert, list) => {
      const segments = select(run);
      let out = list;
      if (segments) for (const segment of segments) out = collectIn(run, segment, at, convert, out);
      return out;
    },
    count: (run) => {
      const segments = select(run);
      let count = 0;
      if (segments) for (const segment of segments) count += countIn(run, segment, at);
      return count;
    },
  };
}

/** Looks for segments only in messages that have some of that name. */
export function selectorOf(bit: number, select: SegmentSelector): SegmentSelector {
  return (run) => ((run.segmentBits & bit) === 0 ? undefined : select(run));
}

/** Reads the value, or a part of it, that a map of a data type or an `each` is at. */
export function rangeReader(
  type: V2Type,
  level: Level,
  component: number,
  subcomponent: number,
  frameLevel: Level,
): PathReader {
  const first = (run: Run): number => {
    let start = run.from;
    run.end = run.to;
    if (component > 0) {
      start = run.part(
        run.from,
        run.to,
        component,
        frameLevel === 1 ? run.componentCode : run.subcomponentCode,
      );
      if (start < 0) return -1;
    }
    if (subcomponent > 0) {
      start = run.part(start, run.end, subcomponent, run.subcomponentCode);
      if (start < 0) return -1;
    }
    return start >= run.end || isNull(run, start) ? -1 : start;
  };
  return {
    type,
    level,
    first,
    collect: (run, convert, list) => {
      const start = first(run);
      const value = start < 0 ? undefined : convertOne(run, convert, start);
      if (value === undefined) return list;
      if (!list) return [value];
      list.push(value);
      return list;
    },
    count: (run) => (first(run) < 0 ? 0 : 1),
  };
}
