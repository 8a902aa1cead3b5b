import { EngineError } from '#kernel';
import { decodeText } from './character-set.js';
import { unescapeText } from './escape.js';
import { Message } from './message.js';
import { type MessageHeader, readMessageHeader } from './message-header.js';
import type { ParseProblem } from './parse-problem.js';
import { isHeaderName, Segment } from './segment.js';

export interface ParseOptions {
  /** The header, where the caller has read it already. */
  readonly header?: MessageHeader;
  /** Character set of a sender that declares none (a name of table 0211 or a usual spelling). */
  readonly fallbackCharacterSet?: string;
}

const cr = 0x0d;
const lf = 0x0a;

/**
 * Parses one message. Linear in its length. Throws `rejected` HL7_MSH_MISSING or HL7_SEPARATORS_INVALID when there
 * is nothing to parse by; other header defects stay in `message.header.defect`, whatever else is odd in
 * `message.problems`.
 */
export function parseMessage(raw: Buffer, options: ParseOptions = {}): Message {
  const header = options.header ?? readMessageHeader(raw);
  const defect = header.defect;
  if (defect?.code === 'HL7_MSH_MISSING' || defect?.code === 'HL7_SEPARATORS_INVALID') {
    throw new EngineError('rejected', defect.code, defect.message);
  }
  const decoded = decodeText(raw, header.characterSets, options.fallbackCharacterSet);
  const message = new Message(header, decoded.text, decoded.label);
  for (const problem of decoded.problems) message.addProblem({ ...problem, offset: 0 });
  new SegmentCutter(message).cut();
  reportEscapes(message);
  return message;
}

/** Cuts the text into segments and fields in one pass. */
class SegmentCutter {
  private readonly text: string;
  private readonly field: number;
  private readonly occurrences = new Map<string, number>();
  /** True when CR alone ends the first segment: then a LF may be part of a value. */
  private crEnds = false;
  private blankRunEnd = 0;
  private blankRunIsData = false;

  constructor(private readonly message: Message) {
    this.text = message.text;
    this.field = message.separators.field.charCodeAt(0);
  }

  cut(): void {
    const start = this.skipBlank(0);
    const hasLf = this.text.includes('\n');
    if (!hasLf) this.cutLines(start, '\r');
    else if (!this.text.includes('\r')) this.cutLines(start, '\n');
    else this.cutMixed(start);
  }

  /** One kind of line end: the engine's own search is faster than any loop over characters. */
  private cutLines(from: number, lineEnd: string): void {
    const { text } = this;
    const separator = this.message.separators.field;
    const starts = this.message.fieldStarts;
    // Carried over from line to line: searching anew in each would be quadratic where separators are rare.
    let next = text.indexOf(separator, from);
    for (let start = from; start < text.length; ) {
      const found = text.indexOf(lineEnd, start);
      const end = found < 0 ? text.length : found;
      const first = starts.length;
      while (next >= 0 && next < end) {
        starts.push(next + 1);
        next = text.indexOf(separator, next + 1);
      }
      this.addSegment(start, end, first);
      start = this.skipBlank(end + 1);
    }
  }

  private cutMixed(from: number): void {
    const { text, field } = this;
    const starts = this.message.fieldStarts;
    this.crEnds = this.endsWithCrAlone(from);
    let start = from;
    let first = starts.length;
    for (let i = start; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === field) starts.push(i + 1);
      else if (code === cr || (code === lf && !this.isLineFeedInField(i))) {
        this.addSegment(start, i, first);
        start = this.skipBlank(i + 1);
        i = start - 1;
        first = starts.length;
      }
    }
    if (start < text.length) this.addSegment(start, text.length, first);
  }

  private addSegment(start: number, end: number, first: number): void {
    const starts = this.message.fieldStarts;
    const name = this.nameOf(start, end);
    if (name === undefined) {
      this.addNameless(start, end, first);
      return;
    }
    // In MSH the first start is that of field 2, because field 1 is the separator before it.
    const before = isHeaderName(name) ? 1 : 0;
    this.push(name, start, end, starts.length - first + before, first - 1 - before);
    if (name === 'ADD' || name === 'DSC') {
      this.problem(
        'CONTINUATION_SEGMENT',
        start,
        `${name} continues another message; it is kept, not joined`,
      );
    }
  }

  /** A line without a segment name is kept whole: what stands before its first separator becomes field 1. */
  private addNameless(start: number, end: number, first: number): void {
    const starts = this.message.fieldStarts;
    starts.splice(first, 0, start);
    this.push('???', start, end, starts.length - first, first - 1);
    this.problem('SEGMENT_NAME_INVALID', start, 'a line does not begin with a segment name');
  }

  private push(name: string, start: number, end: number, fieldCount: number, base: number): void {
    const occurrence = (this.occurrences.get(name) ?? 0) + 1;
    this.occurrences.set(name, occurrence);
    const { segments } = this.message;
    const index = segments.length;
    segments.push(new Segment(this.message, { name, occurrence, index, start, end, fieldCount, base }));
  }

  private nameOf(start: number, end: number): string | undefined {
    const text = this.text;
    const after = start + 3;
    if (end < after || (end > after && text.charCodeAt(after) !== this.field)) return undefined;
    const first = text.charCodeAt(start);
    const second = text.charCodeAt(start + 1);
    const third = text.charCodeAt(start + 2);
    if (!isLetter(first) || !isNameCharacter(second) || !isNameCharacter(third)) return undefined;
    const name = text.slice(start, after);
    if (first < 0x61 && second < 0x61 && third < 0x61) return name;
    this.problem('SEGMENT_NAME_CASE', start, 'a segment name is in lower case');
    return name.toUpperCase();
  }

  /** Skips empty lines, spaces before a segment name, and what is left of MLLP framing. */
  private skipBlank(from: number): number {
    const text = this.text;
    let i = from;
    while (i < text.length) {
      const code = text.charCodeAt(i);
      if (code > 0x20 || code === this.field) break;
      i++;
    }
    return i;
  }

  private endsWithCrAlone(start: number): boolean {
    const end = this.text.indexOf('\r', start);
    if (end < 0 || this.text.charCodeAt(end + 1) === lf) return false;
    const line = this.text.slice(start, end);
    return !line.includes('\n');
  }

  /** A lone LF in a message whose segments end with CR ends a segment only when a segment follows. */
  private isLineFeedInField(at: number): boolean {
    if (!this.crEnds) return false;
    // One answer holds for a whole run of blanks; looking again at every LF of it would be quadratic.
    if (at < this.blankRunEnd) return this.blankRunIsData;
    const next = this.skipBlank(at + 1);
    const isAfterCr = this.text.charCodeAt(at - 1) === cr;
    this.blankRunEnd = next;
    this.blankRunIsData = !isAfterCr && next < this.text.length && !this.startsSegment(next);
    if (this.blankRunIsData) this.problem('LINE_FEED_IN_FIELD', at, 'a line feed inside a value');
    return this.blankRunIsData;
  }

  private startsSegment(at: number): boolean {
    const after = this.text.charCodeAt(at + 3);
    return (
      isLetter(this.text.charCodeAt(at)) &&
      isNameCharacter(this.text.charCodeAt(at + 1)) &&
      isNameCharacter(this.text.charCodeAt(at + 2)) &&
      (after === this.field || after === cr || after === lf || Number.isNaN(after))
    );
  }

  private problem(code: ParseProblem['code'], offset: number, detail: string): void {
    this.message.addProblem({ code, severity: 'warning', offset, detail });
  }
}

function isLetter(code: number): boolean {
  const upper = code & 0xdf;
  return upper >= 0x41 && upper <= 0x5a && code < 0x7b;
}

function isNameCharacter(code: number): boolean {
  return isLetter(code) || (code >= 0x30 && code <= 0x39);
}

/** Looks at every escape sequence once, so that what is unknown is reported whether or not a rule reads it. */
function reportEscapes(message: Message): void {
  const { escape } = message.separators;
  if (escape === '') return;
  const first = message.segments[0];
  const from = first === undefined ? 0 : first.start + 4 + message.separators.encoding.length;
  if (message.text.indexOf(escape, from) < 0) return;
  message.hasEscapes = true;
  // eslint-disable-next-line max-params -- see LeafVisitor
  message.eachLeaf((_segment, _field, _repetition, _component, _subcomponent, start, end) => {
    const value = message.text.slice(start, end);
    if (!value.includes(escape)) return;
    unescapeText(value, message.separators, message.characterSet, (offset) => {
      message.addProblem({
        code: 'ESCAPE_UNKNOWN',
        severity: 'warning',
        offset: start + offset,
        detail: 'an unknown escape sequence, or a stray escape character; kept as it is',
      });
    });
  });
}
