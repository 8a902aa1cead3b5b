import { type CdaDocument, noDocument, type XmlElement } from '#cda';
import type { Message, Segment } from '#hl7v2';
import type { MappingFailure, MappingParameters } from '../mapping-result.js';
import { type ZoneOffset, zoneOffsets } from '../types/time-zone.js';
import { circumstancesOf } from './circumstances.js';
import type { Drop } from './drop-table.js';
import type { GroupInstance } from './group-instance.js';
import type { LineageLog } from './lineage-log.js';
import type { AwaitedReference, KeySharing, Mapped, Met, NoMoment } from './mapped.js';
import { numberBit, otherBit } from './segment-bits.js';
import type { SourceText } from './source-text.js';

/** The first bit of a mark: the value was read with all its subcomponents. */
export const wholeMark = 0x8000;
/** Rule numbers stay below this, so that they fit beside `wholeMark`. */
export const rulesMax = 0x7fff;

/** Control characters that no string of R4 may hold, and half characters. A CR ends segments and is none of them. */
const unclean =
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;
const uncleanAll = new RegExp(unclean, 'g');
const failuresMax = 1_000;
/** What references may bring of the narrative: a long text that each of 100,000 entries names would fill all memory. */
const referableMin = 1 << 20;
const referableShare = 4;
/** Marks are kept between messages up to this length; longer messages bring their own. */
const keptMarks = 1 << 20;
const noMapped: readonly Mapped[] = [];

/** The state of one run. One object serves all messages of a map, one after the other: running is synchronous. */
export class Run {
  declare message: Message;
  document: CdaDocument = noDocument;
  /** `message` or `document`. */
  source: SourceText = noDocument;
  text = '';
  escaped = false;
  /** Some value holds what R4 forbids in text; it is left out there, and the bytes stay in the journal. */
  unclean = false;
  repetitionCode = -1;
  componentCode = -1;
  subcomponentCode = -1;
  tenant = '';
  parameters: MappingParameters = {};
  zone: ZoneOffset = zoneOffsets.utc;

  /** The segment, or the range of the value, that the map at work reads. */
  segment: Segment | undefined;
  /** The element that the map at work reads. */
  element: XmlElement | undefined;
  from = 0;
  to = 0;
  group: GroupInstance | undefined;
  /** End (exclusive) of the range whose start a function returned. */
  end = 0;
  /** Number of the rule at work, from 1; 0 reads without marking. */
  rule = 0;
  /** Somebody wants to know what became of every value. Changes marks only, never the result. */
  accounting = false;
  /** Somebody wants to know where every element comes from. */
  lineage: LineageLog | undefined = undefined;
  /** Number of what a map can see of the message as a whole: equal ones have equal numbers. */
  circumstances = 0;
  /** Something that was made of the message is kept for later ones, and with it the text of the message. */
  isKept = false;
  /** Resources in the order in which maps came upon them; known ones too. */
  met: Met[] = [];
  /** Of a document: what the steps made, in the order of their making. */
  made: { readonly mapped: Mapped; readonly start: number }[] = [];
  /** The same in the order of the document, once somebody asks. */
  madeInOrder: readonly { readonly mapped: Mapped; readonly start: number }[] = [];
  /** Of a document: references by identifier that may become others. */
  awaited: AwaitedReference[] = [];
  /** Of a document: characters that references into the narrative may still bring. */
  referable = 0;
  /** Of a document: leaves that a drop rule is for, by where they start. */
  droppedAt = new Map<number, Drop>();
  /** `""` stood where the rule at work looked. */
  nulled = false;
  /** Per character of the text: the rule that read the leaf starting there. */
  marks = new Uint16Array(keptMarks);
  /** The names of segments in the message, as bits of its message map. */
  segmentBits = 0;
  /** The slots of names that hold resources, as bits. */
  nameBits = 0;
  /** Resources by the slot of their name in the message map. */
  names: (readonly Mapped[])[] = [];
  resources: Mapped[] = [];
  // New maps for every message: a cleared one would chain its former content to its next, and with it old messages.
  byId = new Map<string, Mapped>();
  sharedKeys = new Map<string, KeySharing>();
  /** Resources made from values (XCN and the like), by plan and text. */
  byValue = new Map<number, Map<string, Mapped | null>>();
  /** The moment formatted last: results of one order mostly share theirs. */
  timeText = '';
  timeTarget = '';
  timeValue: string | undefined;
  /** What the element at work was sent in place of a moment. */
  noMoment: NoMoment | undefined;
  failures: MappingFailure[] = [];
  #used = 0;

  begin(message: Message, tenant: string, parameters: MappingParameters, nameCount: number): void {
    this.message = message;
    this.unclean = unclean.test(message.text);
    this.repetitionCode = message.repetitionCode;
    this.componentCode = message.componentCode;
    this.subcomponentCode = message.subcomponentCode;
    this.#begin(message, tenant, parameters, nameCount);
    this.circumstances = circumstancesOf(message, tenant, parameters, this.unclean);
  }

  /** A document has no separators: a value is an attribute, a text or an element, and nothing divides it. */
  beginDocument(
    document: CdaDocument,
    tenant: string,
    parameters: MappingParameters,
    nameCount: number,
  ): void {
    this.document = document;
    this.unclean = false;
    this.repetitionCode = -1;
    this.componentCode = -1;
    this.subcomponentCode = -1;
    this.#begin(document, tenant, parameters, nameCount);
    this.element = document.above;
    this.made = [];
    this.madeInOrder = [];
    this.awaited = [];
    this.referable = referableMin + referableShare * document.text.length;
    this.droppedAt = new Map();
  }

  #begin(source: SourceText, tenant: string, parameters: MappingParameters, nameCount: number): void {
    this.source = source;
    this.text = source.text;
    this.escaped = source.hasEscapes;
    this.tenant = tenant;
    this.parameters = parameters;
    this.timeText = '';
    const length = source.text.length;
    if (length > this.marks.length) this.marks = new Uint16Array(length);
    else this.marks.fill(0, 0, Math.max(length, this.#used));
    this.#used = length;
    this.names = new Array<readonly Mapped[]>(nameCount).fill(noMapped);
    this.nameBits = otherBit;
    this.resources = [];
    this.failures = [];
    this.segment = undefined;
    this.element = undefined;
    this.group = undefined;
    this.rule = 0;
    this.nulled = false;
    this.isKept = false;
    this.met = [];
    const zone = zoneOffsets.of(parameters['time_zone']);
    this.zone = zone ?? zoneOffsets.utc;
    if (!zone)
      this.fail(
        'MAPPING_TIME_ZONE_UNKNOWN',
        '',
        'nobody knows the time zone of the channel; times are taken as UTC',
        0,
      );
  }

  /** Lets go of the message, so that nothing of it outlives the run. */
  finish(): void {
    if (this.marks.length > keptMarks) this.marks = new Uint16Array(keptMarks);
    if (this.#used > keptMarks) this.#used = 0;
    this.document = noDocument;
    this.source = noDocument;
    this.text = '';
    this.timeText = '';
    this.noMoment = undefined;
    this.resources = [];
    this.met = [];
    this.names = [];
    this.group = undefined;
    this.segment = undefined;
    this.element = undefined;
    this.made = [];
    this.madeInOrder = [];
    this.droppedAt = new Map();
    this.lineage = undefined;
    this.byId = new Map();
    this.sharedKeys = new Map();
    this.byValue = new Map();
  }

  emptyName(slot: number): void {
    this.names[slot] = [];
    this.nameBits &= ~numberBit(slot) | otherBit;
  }

  setName(slot: number, mapped: readonly Mapped[]): void {
    this.emptyName(slot);
    if (mapped.length === 0) return;
    this.names[slot] = mapped;
    this.nameBits |= numberBit(slot);
  }

  /** The first resource of a name that had none. */
  startName(slot: number, mapped: Mapped): void {
    this.names[slot] = [mapped];
    this.nameBits |= numberBit(slot);
  }

  /** First place in [from, to) that holds the separator, else `to`. */
  cut(from: number, to: number, separatorCode: number): number {
    const { text } = this;
    let i = from;
    while (i < to && text.charCodeAt(i) !== separatorCode) i++;
    return i;
  }

  /** Component `number` (from 1) of [from, to): its start, and its end in `end`; -1 when it is empty. */
  part(from: number, to: number, number: number, separatorCode: number): number {
    let start = from;
    for (let skip = number - 1; skip > 0; skip--) {
      start = this.cut(start, to, separatorCode) + 1;
      if (start > to) return -1;
    }
    this.end = this.cut(start, to, separatorCode);
    return this.end > start ? start : -1;
  }

  /** What values were made to by the plan of that number, by their text; null: nothing. */
  valuesOf(plan: number): Map<string, Mapped | null> {
    let values = this.byValue.get(plan);
    if (!values) {
      values = new Map();
      this.byValue.set(plan, values);
    }
    return values;
  }

  /** The text of a component and all below it, marked as read; undefined when empty or `""`. */
  leaf(start: number, end: number): string | undefined {
    if (start >= end) return undefined;
    if (this.rule !== 0) this.mark(start, this.rule | wholeMark);
    return this.textOf(start, end);
  }

  /** The text of a subcomponent, marked as read. */
  subLeaf(start: number, end: number): string | undefined {
    if (start >= end) return undefined;
    if (this.rule !== 0) this.mark(start, this.rule);
    return this.textOf(start, end);
  }

  /** The text of a whole range, separators included, all its leaves marked as read. */
  whole(start: number, end: number): string | undefined {
    this.markAll(start, end);
    return this.textOf(start, end);
  }

  /** The text of a range without marking it: for conditions and keys. */
  peek(start: number, end: number): string | undefined {
    return start < end ? this.textOf(start, end) : undefined;
  }

  /** Marks a leaf as read. */
  mark(start: number, mark: number): void {
    if (!this.accounting) return;
    this.marks[start] = mark;
    if (this.lineage !== undefined) this.lineage.entries.push(start);
  }

  /** What was read last could not be used: the account must show it. `before`: its mark before it was read. */
  unmark(start: number, before = 0): void {
    this.marks[start] = before;
    if (this.lineage?.entries.at(-1) === start) this.lineage.entries.pop();
  }

  /** What text that stood at `from` was read for is read for its equal at `to` too. */
  markEqual(from: number, to: number, length: number): void {
    if (!this.accounting) return;
    const { marks, lineage } = this;
    marks.copyWithin(to, from, from + length);
    if (this.droppedAt.size > 0) this.#dropEqual(from, to, length);
    if (lineage === undefined) return;
    for (let i = to; i < to + length; i++) if (marks[i] !== 0) lineage.entries.push(i);
  }

  /** What was dropped of the one is dropped of the other. */
  #dropEqual(from: number, to: number, length: number): void {
    for (let i = 0; i < length; i++) {
      const drop = this.droppedAt.get(from + i);
      if (drop) this.droppedAt.set(to + i, drop);
    }
  }

  /** Marks every leaf of a range as read by the rule at work. */
  markAll(start: number, end: number): void {
    const { text, componentCode, subcomponentCode, repetitionCode } = this;
    if (this.rule === 0 || !this.accounting) return;
    let first = start;
    for (let i = start; i < end; i++) {
      const code = text.charCodeAt(i);
      if (code !== componentCode && code !== subcomponentCode && code !== repetitionCode) continue;
      if (i > first) this.mark(first, this.rule);
      first = i + 1;
    }
    if (end > first) this.mark(first, this.rule);
  }

  /** A failure of the rule at work, at the segment it reads. */
  failAt(code: string, message: string): void {
    this.fail(code, String(this.rule), message, this.segment?.start ?? this.element?.start ?? this.from);
  }

  fail(code: string, rule: string, message: string, offset: number): void {
    if (this.failures.length >= failuresMax) return;
    const path = this.source.pathAt(offset) ?? this.segment?.name ?? '';
    this.failures.push({ code, path, rule, message });
  }

  private textOf(start: number, end: number): string | undefined {
    const { text } = this;
    const first = text.charCodeAt(start);
    if (first === 0x22 && end - start === 2 && text.charCodeAt(start + 1) === 0x22) {
      this.nulled = true;
      return undefined;
    }
    const written = text.slice(start, end);
    let value = this.escaped ? (this.source.valueBetween(start, end) ?? '') : written;
    // An escape may stand for what is unclean.
    if (this.unclean || value !== written) value = value.replace(uncleanAll, '');
    if (first <= 0x20 || value.charCodeAt(value.length - 1) <= 0x20) value = value.trim();
    return value === '' ? undefined : value;
  }
}
