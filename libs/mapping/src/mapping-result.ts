import type { FhirObject } from '#fhir';

/**
 * How a resource meets what is stored. `update`: elements that this message did not value keep their former
 * content, `""` removes (HL7 v2.5.1 chapter 2.5.3.2). `snapshot`: the message says all there is. `refer`: the message only
 * names it; what is stored stays as it is.
 */
export type MergeMode = 'update' | 'snapshot' | 'refer';

/** One resource a message produced. Its tree may share sub-objects with others: never change it in place. */
export interface MappedResource {
  readonly type: string;
  readonly id: string;
  /** `Type/id`. */
  readonly key: string;
  readonly merge: MergeMode;
  /** `resourceType` first, then `id`. */
  readonly resource: FhirObject;
  /** Top-level elements that `""` deleted: choices without their type (`deceased`), extensions as `extension:url`. */
  readonly removals: readonly string[];
  /** `resource` is the very object that an earlier message gave, frozen: what was worked out of it can be kept. */
  readonly remembered?: boolean;
}

export interface DroppedLeaf {
  /** `PID[1]-1`, `OBX[3]-5[1].2`: segment occurrence, field, repetition, component, subcomponent. */
  readonly path: string;
  /** Name of the drop rule. */
  readonly rule: string;
  readonly reason: string;
}

export interface MappedLeaf {
  readonly path: string;
  /** The rule that read it, the last one when several did: `v2.PID.Patient/telecom`. */
  readonly rule: string;
  /** Where the rule stands. */
  readonly file: string;
  readonly line: number;
}

/** What a rule could not do. Never holds message content. */
export interface MappingFailure {
  readonly code: string;
  /** Where in the message. */
  readonly path: string;
  /** Map and element: `v2.OBX.Observation/status`. */
  readonly rule: string;
  readonly message: string;
}

/**
 * The account of one message: every source leaf is mapped, dropped or unmapped, exactly one of them.
 * The numbers are -1 when the run was asked for no account; the lists are filled by `full` and `rules` only.
 */
export interface MappingReport {
  readonly mapped: number;
  readonly droppedCount: number;
  readonly unmappedCount: number;
  readonly dropped: readonly DroppedLeaf[];
  readonly unmapped: readonly string[];
  /** By `rules` only. */
  readonly read?: readonly MappedLeaf[];
  readonly errors: readonly MappingFailure[];
}

/** Where one value of a resource comes from. */
export interface ElementLineage {
  /** `Type/id`. */
  readonly resource: string;
  /** `name[0].family`. */
  readonly element: string;
  /**
   * Places in the message (`PID[1]-5[1].1`): of the value whose text it is; of the code that a table
   * translated; where there is neither, of all that was read for it. Empty: the rule says it by itself.
   */
  readonly sources: readonly string[];
  /** `v2.PID.Patient/name`. */
  readonly rule: string;
  /** Where the part of the rule stands that set it. */
  readonly file: string;
  readonly line: number;
  /** The row of a code table that gave it. */
  readonly table?: { readonly file: string; readonly line: number };
}

export interface MappingResult {
  readonly resources: readonly MappedResource[];
  readonly report: MappingReport;
}

/**
 * `off` costs nothing, `counts` one pass over the text, `full` names every leaf that is not mapped, `rules` those that are
 * too, with the rule that read each.
 */
export type AccountMode = 'off' | 'counts' | 'full' | 'rules';

/**
 * What a channel says to a map under `with`. Known to every map: `time_zone` (IANA name or offset, for times without
 * one; default UTC), `assigner` (URI for identifiers without an assigning authority). Maps may read others.
 */
export type MappingParameters = Readonly<Record<string, string>>;

export interface MappingContext {
  /** Part of every stable id. */
  readonly tenant: string;
  readonly parameters?: MappingParameters;
  /** Default `off`. */
  readonly account?: AccountMode;
}
