import type { CsvSource } from '#csv';
import type { Message } from '#hl7v2';
import type { BundleKind } from './language/mapping-file.js';
import type { MappingProblem } from './mapping-problem.js';
import type { ElementLineage, MappingContext, MappingParameters, MappingResult } from './mapping-result.js';
import type { Source } from './source.js';

/** One map of messages or of documents, compiled: immutable, without a clock, without randomness. */
export interface CompiledMessageMap {
  /** `v2.ORU_R01`. */
  readonly name: string;
  /** SHA-256, lower-case hex, over the mapping files and tables that took part in it. */
  readonly digest: string;
  /** Type of the bundle that `suture convert` makes of one message. */
  readonly bundleType: BundleKind;
  /** Maps one message or document, of the format that the map is for. Throws only `bug`: what a message lacks is in the report. */
  run(source: Source, context: MappingContext): MappingResult;
  /**
   * Where the values of all resources come from that `run` makes of the message, in their order and in that of their
   * elements. Ids are hashes of keys, and are not among them. Maps the message again and takes notes: some three times as dear.
   */
  lineage(source: Source, context: MappingContext): Iterable<ElementLineage>;
  /** MSH-7, or the time of a document, as an R4 instant, in the zone of the channel where it names none; undefined when it is no moment. */
  timestamp(source: Source, parameters?: MappingParameters): string | undefined;
}

/** Rows as a message, and the map that has their layout; undefined when there is none: then no column is known. */
export interface RowsMessage {
  readonly message: Message;
  readonly map: CompiledMessageMap | undefined;
}

/** What bytes are, and the map for them. */
export interface MappableSource {
  readonly source: Source;
  /** For people: `ORU^R01`, `ClinicalDocument`, `csv.labs`. */
  readonly type: string;
  /** Undefined when none is for it. */
  readonly map: CompiledMessageMap | undefined;
  /** MSH-10; only of messages of HL7. */
  readonly controlId?: string;
}

/** What was good in a directory of mappings, and what was not. A map is compiled when it is first wanted, and then kept. */
export interface MappingSet {
  /** SHA-256, lower-case hex, over all mapping files and tables. */
  readonly digest: string;
  /** Compiles every map. Empty when every file was good. A map that is named here is not in the set; the others are. */
  readonly errors: readonly MappingProblem[];
  /** Compiles every map. */
  readonly maps: readonly CompiledMessageMap[];
  /**
   * The map for MSH-9: by code and trigger (`ORU`, `R01`), else by structure (`ORU_R01`); undefined when no map
   * claims the message.
   */
  forMessage(code: string, trigger: string, structure?: string): CompiledMessageMap | undefined;
  /** The map for a document, by the name of its root element; or for a message, by MSH-9. */
  forSource(source: Source): CompiledMessageMap | undefined;
  /** What raw bytes are (a unit of rows, a document, a message), and the map for them. Throws `rejected` for what cannot be read. */
  read(raw: Buffer): MappableSource;
  /** By the name of the map (`v2.ORU_R01`) or the file it stands in (`hl7v2/oru-r01`). */
  named(name: string): CompiledMessageMap | undefined;
  /** Of the maps that are for files of rows, in the order of their names. */
  readonly layouts: readonly CsvSource[];
  /** The message that a unit of rows is; undefined when the bytes are no unit. */
  forRows(raw: Buffer): RowsMessage | undefined;
}
