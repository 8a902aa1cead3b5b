import type { FhirObject } from '#fhir';
import type { MergeMode } from '../mapping-result.js';
import type { RememberedPart, SourceValue } from './resource-memory.js';

/** A resource while its message is being mapped. */
export interface Mapped {
  readonly type: string;
  readonly id: string;
  /** `Type/id`. */
  readonly key: string;
  readonly merge: MergeMode;
  resource: FhirObject;
  removals: string[];
  /** `resource` is the very object that was made of an earlier message, and will come again. */
  remembered: boolean;
  /** What its own text alone makes of it; undefined when others of its key in the message have a part in it. */
  own: FhirObject | undefined;
  /** The value it was made from; undefined for the resource of a segment. */
  value: SourceValue | undefined;
  /** Of a resource made from a value: those that values inside it made, with their places from its start. */
  inner: readonly Met[];
  /** What it was recalled from. */
  readonly part: RememberedPart | undefined;
  /** `markOf` its key, once somebody asked; 0 before. */
  mark: number;
  /** `{reference: 'Type/id'}`, one object for everything that points here. */
  readonly reference: FhirObject;
  /** Where the text it was made from stands in the message. */
  readonly start: number;
  readonly end: number;
}

/** A resource that a map came upon, and where the text it is made of stands. */
export interface Met {
  readonly mapped: Mapped;
  /** What that text alone makes; undefined when that is not known. */
  readonly resource: FhirObject | undefined;
  readonly start: number;
  readonly end: number;
}

/** Resources of one message that claim the same key: the first has it, the others a number beside it. */
export interface KeySharing {
  readonly first: Mapped;
  last: Mapped;
  readonly byText: Map<string, Mapped>;
}

/** Text that stands where a moment is asked for, and is none. */
export interface NoMoment {
  readonly text: string;
  /** The type of R4 that was asked for. */
  readonly target: string;
  /** Where it stands, and as what it was read. */
  readonly start: number;
  readonly mark: number;
}

/** A reference by identifier that may become one to a resource, once all are made. */
export interface AwaitedReference {
  readonly reference: FhirObject;
  /** Types that may stand there; empty: any. */
  readonly targets: readonly string[];
}
