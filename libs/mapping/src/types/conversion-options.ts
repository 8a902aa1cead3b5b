import type { CodeTable } from '../tables/code-table.js';
import type { Level } from './convert.js';
import type { Vocabulary } from './vocabulary.js';

/** What a conversion needs to know beside the value. */
export interface ConversionOptions {
  readonly vocabulary: Vocabulary;
  readonly level: Level;
  readonly hl7Table: number;
  readonly table: CodeTable | undefined;
  /** ContactPoint.use where the value names none. */
  readonly use: string;
  /** Identifier.type where the value names none. */
  readonly identifierType: string;
  /** A Quantity that may have no comparator. */
  readonly simpleQuantity: boolean;
  /** System of codes that come without one; '' for that of the HL7 table. */
  readonly system: string;
  /** The degree of a name goes elsewhere (Practitioner.qualification). */
  readonly withoutDegree: boolean;
}
