import { MessageText } from './message-text.js';
import { type ParseProblem, problemsMax } from './parse-problem.js';
import type { LeafVisitor, Segment } from './segment.js';

/**
 * A parsed message: the decoded text, and where its segments and fields begin. Everything below a field is found
 * when asked for, so a mapping pays only for what it reads. Only `parseMessage` fills it.
 */
export class Message extends MessageText {
  readonly segments: Segment[] = [];
  readonly problems: ParseProblem[] = [];
  /** How many problems there were beyond those listed. */
  unlistedProblems = 0;

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
