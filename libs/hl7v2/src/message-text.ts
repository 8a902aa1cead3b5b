import { unescapeText } from './escape.js';
import type { MessageHeader } from './message-header.js';
import type { Separators } from './separators.js';

/** The decoded text of a message with its separators: what a segment needs to find its values. */
export class MessageText {
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
  /** Of rows of a table: what their fields are called. */
  columnNames: readonly string[] | undefined = undefined;
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
}

/** -1, which no character has, for a separator that is not declared. */
function codeOf(separator: string): number {
  return separator === '' ? -1 : separator.charCodeAt(0);
}
