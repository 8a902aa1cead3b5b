import type { MessageText } from './message-text.js';

/** Where a segment stands in its message. */
export interface SegmentPlace {
  /** Three upper-case characters; '???' when the line does not begin with a segment name. */
  readonly name: string;
  /** Counts segments of this name in the message, from 1. */
  readonly occurrence: number;
  /** Place in `message.segments`. */
  readonly index: number;
  /** Where it begins and ends (exclusive) in `message.text`. */
  readonly start: number;
  readonly end: number;
  /** Number of the last field that is there, valued or not. */
  readonly fieldCount: number;
  /** `message.fieldStarts[base + n]` is where field n begins. */
  readonly base: number;
}

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

/** One segment. Fields, repetitions, components and subcomponents count from 1, as HL7 writes them. */
export class Segment {
  readonly name: string;
  readonly occurrence: number;
  readonly index: number;
  readonly start: number;
  readonly fieldCount: number;
  private readonly end: number;
  private readonly base: number;
  /** MSH, FHS, BHS: field 1 is the separator itself, field 2 is never divided (HL7 2.5.1, 2.15.9.1). */
  private readonly isHeader: boolean;
  private bits: number | undefined = undefined;

  constructor(
    readonly message: MessageText,
    place: SegmentPlace,
  ) {
    this.name = place.name;
    this.occurrence = place.occurrence;
    this.index = place.index;
    this.start = place.start;
    this.fieldCount = place.fieldCount;
    this.end = place.end;
    this.base = place.base;
    this.isHeader = isHeaderName(place.name);
  }

  /**
   * One value, unescaped: undefined when absent or empty ("no change"), null when it is `""` ("delete"). With
   * the defaults it is the first subcomponent of the first component, as HL7 demands of readers of older versions.
   */
  value(field: number, repetition = 1, component = 1, subcomponent = 1): string | null | undefined {
    const start = this.find(field, repetition, component, subcomponent);
    return start < 0 ? undefined : this.message.valueBetween(start, this.message.foundEnd);
  }

  /**
   * A whole repetition (component 0) or a whole component as one unescaped text; separators inside it stay as the
   * sender wrote them. undefined when empty, null when `""`.
   */
  wholeText(field: number, repetition = 1, component = 0): string | null | undefined {
    const start = this.find(field, repetition, component, 0);
    return start < 0 ? undefined : this.message.valueBetween(start, this.message.foundEnd);
  }

  /** The whole segment as it stands in the text, without its end. */
  get text(): string {
    return this.message.text.slice(this.start, this.end);
  }

  /** The field as it stands in the text: not unescaped, all repetitions; empty when absent. */
  raw(field: number): string {
    return this.message.text.slice(this.fieldStart(field), this.fieldEnd(field));
  }

  /** True when the field has any character in it (`""` counts). */
  isValued(field: number): boolean {
    return this.fieldEnd(field) > this.fieldStart(field);
  }

  /** The fields that are valued, as bits: bit n for field n, bit 31 for all from 31 on. Worked out once. */
  get valued(): number {
    if (this.bits !== undefined) return this.bits;
    let bits = 0;
    for (let field = this.fieldCount; field > 0; field--)
      if (this.isValued(field)) bits |= 1 << Math.min(field, 31);
    this.bits = bits;
    return bits;
  }

  /** True when the whole field is the explicit null `""`. */
  isNull(field: number): boolean {
    const start = this.fieldStart(field);
    return this.fieldEnd(field) - start === 2 && this.message.text.startsWith('""', start);
  }

  /** How many repetitions the field has, empty ones included; 0 when the field is empty. */
  repetitions(field: number): number {
    const start = this.fieldStart(field);
    const end = this.fieldEnd(field);
    if (start >= end) return 0;
    if (this.isHeader && field <= 2) return 1;
    const { text, repetitionCode } = this.message;
    for (let i = start; i < end; i++) {
      if (text.charCodeAt(i) === repetitionCode) {
        return this.message.repetitionsOf(this.base + field, start, end).length;
      }
    }
    return 1;
  }

  /** How many components the repetition has; 0 when it is empty. */
  components(field: number, repetition = 1): number {
    const start = this.find(field, repetition, 0, 0);
    return start < 0 ? 0 : this.countBetween(start, this.message.componentCode);
  }

  /** How many subcomponents the component has; 0 when it is empty. */
  subcomponents(field: number, repetition = 1, component = 1): number {
    const start = this.find(field, repetition, component, 0);
    return start < 0 ? 0 : this.countBetween(start, this.message.subcomponentCode);
  }

  /**
   * Where a value begins in `message.text`, and its end in `message.foundEnd`; -1 when it is absent or empty.
   * Component 0 means the whole repetition, subcomponent 0 the whole component.
   */
  find(field: number, repetition: number, component: number, subcomponent: number): number {
    let start = this.fieldStart(field);
    const fieldEnd = this.fieldEnd(field);
    if (start >= fieldEnd) return -1;
    if (this.isHeader && field <= 2) {
      this.message.foundEnd = fieldEnd;
      return repetition === 1 && component <= 1 && subcomponent <= 1 ? start : -1;
    }
    if (repetition > 1) {
      const found = this.message.repetitionsOf(this.base + field, start, fieldEnd)[repetition - 1];
      if (found === undefined) return -1;
      start = found;
    }
    return component === 0
      ? this.endOf(start, fieldEnd, -1, -1)
      : this.findComponent(start, fieldEnd, component, subcomponent);
  }

  /**
   * Path of a value for people and lineage: 'PID[1]-3[2].4.2', without a tail of ones that says nothing; of a cell
   * 'row[1].birth_date'.
   */
  path(field: number, repetition = 1, component = 0, subcomponent = 0): string {
    const { columnNames } = this.message;
    if (columnNames) return `row[${this.occurrence}].${columnNames[field - 1] ?? field}`;
    const place = `${this.name}[${this.occurrence}]-${field}[${repetition}]`;
    if (component === 0) return place;
    const isDivided = subcomponent > 1 || this.subcomponents(field, repetition, component) > 1;
    if (isDivided && subcomponent > 0) return `${place}.${component}.${subcomponent}`;
    return component > 1 || this.components(field, repetition) > 1 ? `${place}.${component}` : place;
  }

  /** As `Message.eachLeaf`, of this segment. */
  eachLeaf(visit: LeafVisitor): void {
    const { text, repetitionCode, componentCode, subcomponentCode } = this.message;
    for (let field = this.isHeader ? 3 : 1; field <= this.fieldCount; field++) {
      const end = this.fieldEnd(field);
      let start = this.fieldStart(field);
      let repetition = 1;
      let component = 1;
      let subcomponent = 1;
      for (let i = start; i < end; i++) {
        const code = text.charCodeAt(i);
        if (code !== subcomponentCode && code !== componentCode && code !== repetitionCode) continue;
        if (i > start) visit(this, field, repetition, component, subcomponent, start, i);
        start = i + 1;
        if (code === subcomponentCode) subcomponent++;
        else {
          subcomponent = 1;
          component = code === componentCode ? component + 1 : 1;
          if (code === repetitionCode) repetition++;
        }
      }
      if (end > start) visit(this, field, repetition, component, subcomponent, start, end);
    }
  }

  private findComponent(from: number, fieldEnd: number, component: number, subcomponent: number): number {
    const { text, repetitionCode, componentCode, subcomponentCode } = this.message;
    let start = from;
    for (let skip = component - 1; skip > 0; start++) {
      if (start >= fieldEnd) return -1;
      const code = text.charCodeAt(start);
      if (code === repetitionCode) return -1;
      if (code === componentCode) skip--;
    }
    if (subcomponent === 0) return this.endOf(start, fieldEnd, componentCode, -1);
    for (let skip = subcomponent - 1; skip > 0; start++) {
      if (start >= fieldEnd) return -1;
      const code = text.charCodeAt(start);
      if (code === repetitionCode || code === componentCode) return -1;
      if (code === subcomponentCode) skip--;
    }
    return this.endOf(start, fieldEnd, componentCode, subcomponentCode);
  }

  /** Sets `foundEnd` to the first of the separators or the end of the repetition; -1 when nothing is between. */
  private endOf(start: number, fieldEnd: number, component: number, subcomponent: number): number {
    const { text, repetitionCode } = this.message;
    let end = start;
    for (; end < fieldEnd; end++) {
      const code = text.charCodeAt(end);
      if (code === component || code === subcomponent || code === repetitionCode) break;
    }
    this.message.foundEnd = end;
    return end > start ? start : -1;
  }

  private countBetween(start: number, separatorCode: number): number {
    const { text, foundEnd } = this.message;
    let parts = 1;
    for (let i = start; i < foundEnd; i++) if (text.charCodeAt(i) === separatorCode) parts++;
    return parts;
  }

  private fieldStart(field: number): number {
    if (field < 1 || field > this.fieldCount) return 0;
    if (this.isHeader && field === 1) return this.start + 3;
    return this.message.fieldStarts[this.base + field] as number;
  }

  private fieldEnd(field: number): number {
    if (field < 1 || field > this.fieldCount) return 0;
    if (this.isHeader && field === 1) return this.start + 4;
    return field === this.fieldCount
      ? this.end
      : (this.message.fieldStarts[this.base + field + 1] as number) - 1;
  }
}

/** Segments whose first field is the field separator. */
export function isHeaderName(name: string): boolean {
  return name === 'MSH' || name === 'FHS' || name === 'BHS';
}
