import { unescapeText } from './escape.js';
import type { MessageHeader } from './message-header.js';
import { type ParseProblem, problemsMax } from './parse-problem.js';
import type { Segment } from './segment.js';
import type { Separators } from './separators.js';

/**
 * Sees one leaf (a value that no separator divides further). Numbers count from 1 as in HL7; `start` and `end`
 * (exclusive) are places in `message.text`, and `start` is different for every leaf of a message.
 */
export type LeafVisitor = (
  segment: Segment,
  field: number,
  repetition: number,
  component: number,
  subcomponent: number,
  start: number,
  end: number,
  // eslint-disable-next-line max-params -- an object for every value would cost more than the visit
) => void;

/**
 * A parsed message: the decoded text, and where its segments and fields begin. Everything below a field is found
 * when asked for, so a mapping pays only for what it reads. Only `parseMessage` fills it.
 */
export class Message {
  readonly segments: Segment[] = [];
  readonly problems: ParseProblem[] = [];
  /** How many problems there were beyond those listed. */
  unlistedProblems = 0;
  /** End of what `Segment.find` found last; saves an object on every read. */
  foundEnd = 0;
  /** False when no escape character stands after MSH-2, so that no value needs unescaping. */
  hasEscapes = false;
  /** Where fields begin, of all segments one after the other. */
  readonly fieldStarts: number[] = [];
  readonly separators: Separators;
  readonly repetitionCode: number;
  readonly componentCode: number;
  readonly subcomponentCode: number;
  private repetitionStarts: Map<number, number[]> | undefined;

  constructor(
    readonly header: MessageHeader,
    readonly text: string,
    /** Label of the character set the bytes were read with. */
    readonly characterSet: string,
  ) {
    this.separators = header.separators;
    this.repetitionCode = codeOf(header.separators.repetition);
    this.componentCode = codeOf(header.separators.component);
    this.subcomponentCode = codeOf(header.separators.subcomponent);
  }

  /** The first segment of that name. */
  first(name: string): Segment | undefined {
    for (const segment of this.segments) if (segment.name === name) return segment;
    return undefined;
  }

  /** All segments of that name, in order. */
  all(name: string): Segment[] {
    return this.segments.filter((segment) => segment.name === name);
  }

  /** Visits every valued leaf in order, `""` included; MSH-1 and MSH-2 are no values. Linear in the text. */
  eachLeaf(visit: LeafVisitor): void {
    for (const segment of this.segments) segment.eachLeaf(visit);
  }

  /** Path of the leaf at that place of `text`, for instance 'OBX[3]-5[2].1.2'; undefined between values. */
  pathAt(offset: number): string | undefined {
    let path: string | undefined;
    // eslint-disable-next-line max-params -- see LeafVisitor
    this.segmentAt(offset)?.eachLeaf((segment, field, repetition, component, subcomponent, start, end) => {
      if (offset >= start && offset < end) path = segment.path(field, repetition, component, subcomponent);
    });
    return path;
  }

  /** The value between two places of the text: null for `""`, else unescaped. */
  valueBetween(start: number, end: number): string | null {
    const value = this.text.slice(start, end);
    if (value === '""') return null;
    return this.hasEscapes && value.includes(this.separators.escape)
      ? unescapeText(value, this.separators, this.characterSet)
      : value;
  }

  /** Where the repetitions of a field begin; kept, so that walking over many repetitions stays linear. */
  repetitionsOf(key: number, start: number, end: number): readonly number[] {
    this.repetitionStarts ??= new Map();
    const known = this.repetitionStarts.get(key);
    if (known !== undefined) return known;
    const starts = [start];
    for (let i = start; i < end; i++) {
      if (this.text.charCodeAt(i) === this.repetitionCode) starts.push(i + 1);
    }
    this.repetitionStarts.set(key, starts);
    return starts;
  }

  addProblem(problem: ParseProblem): void {
    if (this.problems.length < problemsMax) this.problems.push(problem);
    else this.unlistedProblems++;
  }

  private segmentAt(offset: number): Segment | undefined {
    let low = 0;
    let high = this.segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.segments[middle]?.start ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return this.segments[low];
  }
}

/** -1, which no character has, for a separator that is not declared. */
function codeOf(separator: string): number {
  return separator === '' ? -1 : separator.charCodeAt(0);
}
