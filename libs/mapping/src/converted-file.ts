import type { ElementLineage, MappingParameters, MappingReport } from './mapping-result.js';

export interface ConvertOptions {
  readonly tenant: string;
  readonly parameters?: MappingParameters;
  /** Whether to tell where each value of the bundle comes from; default no. */
  readonly lineage?: boolean;
}

/** What became of one message of a file. */
export interface ConvertedMessage {
  /** Counts from 1. */
  readonly number: number;
  /** `ORU^R01`, as far as it could be read. */
  readonly type: string;
  /** Name of the map; undefined when none is for this message, or the message was refused. */
  readonly map: string | undefined;
  readonly report: MappingReport | undefined;
  /** Of every value of the resources; undefined when nobody asked, or nothing was mapped. */
  readonly lineage: readonly ElementLineage[] | undefined;
  /** Why there is no result: a code and a text without message content. */
  readonly refusal: { readonly code: string; readonly message: string } | undefined;
}

export interface ConvertedFile {
  /** JSON of one Bundle; undefined when no message gave a resource. */
  readonly bundle: string | undefined;
  readonly messages: readonly ConvertedMessage[];
}
