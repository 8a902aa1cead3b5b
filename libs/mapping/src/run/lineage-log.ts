import type { FhirObject } from '#fhir';
import type { Place } from '../language/place.js';
import type { CodeTable, TableRow } from '../tables/code-table.js';

/** A row of a code table that was asked for. */
export class UsedRow {
  constructor(
    readonly file: string,
    readonly row: TableRow,
    /** What was looked up. */
    readonly code: string,
  ) {}
}

/** A value of a list, and how far the log was when its making began. */
export class MadeValue {
  constructor(
    readonly value: unknown,
    readonly begin: number,
  ) {}
}

/** Where the text of a leaf begins; a row of a table; a value of a list. In the order in which it happened. */
export type LogEntry = number | UsedRow | MadeValue;

/** An element that was set: what happened between `begin` and `end` of the log made it. */
export interface WrittenElement {
  /** The object that it was set in, and the name it has there. */
  readonly target: FhirObject;
  readonly name: string;
  /** The list, where it is one. */
  readonly value: unknown;
  /** Number in the rule book. */
  readonly rule: number;
  /** Where the part of the rule stands that set it; undefined: where the rule stands. */
  readonly place: Place | undefined;
  readonly begin: number;
  readonly end: number;
}

/** What a run did, as notes of which `MessageLineage` makes an answer. */
export class LineageLog {
  readonly entries: LogEntry[] = [];
  readonly written: WrittenElement[] = [];
  /** Objects that were made of others, with those: pairs. */
  readonly joined: FhirObject[] = [];

  get length(): number {
    return this.entries.length;
  }

  /** An element was set to what was made since `begin`. */
  // eslint-disable-next-line max-params -- an object for every element would cost more than the note
  wrote(
    target: FhirObject,
    name: string,
    value: unknown,
    rule: number,
    place: Place | undefined,
    begin: number,
  ): void {
    this.written.push({ target, name, value, rule, place, begin, end: this.entries.length });
  }

  /** `whole` has the elements of `part`, and perhaps more. */
  joins(whole: FhirObject, part: FhirObject): void {
    if (whole !== part) this.joined.push(whole, part);
  }

  used(table: CodeTable, row: TableRow, code: string): void {
    this.entries.push(new UsedRow(table.file, row, code));
  }

  made(value: unknown, begin: number): void {
    this.entries.push(new MadeValue(value, begin));
  }
}
