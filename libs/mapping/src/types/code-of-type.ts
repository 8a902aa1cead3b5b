import type { FhirObject } from '#fhir';
import { tableSystem } from './code-systems.js';
import type { BuiltInTable, Vocabulary } from './vocabulary.js';

const alternateCodes = 'http://hl7.org/fhir/StructureDefinition/alternate-codes';
/** HL7 tables of the codes that say what a name, an address or a number is. */
const sources = {
  'name-use': tableSystem(200),
  'address-use': tableSystem(190),
  'telecom-use': tableSystem(201),
  'telecom-system': tableSystem(202),
} as const satisfies Partial<Record<BuiltInTable, string>>;
type KindTable = keyof typeof sources;

/** Sets `object[key]` through `table`. A row without `toSystem` is not quite the same: the source code stays beside it. */
export function setCode(
  vocabulary: Vocabulary,
  object: FhirObject,
  key: string,
  table: KindTable,
  code: string,
): void {
  const row = vocabulary.row(table, code);
  if (row) object[key] = row.to;
  if (!row || row.toSystem === '') keepCode(object, key, table, code);
}

/** The source code of `object[key]`, for which R4 has none, or only a wider one. */
export function keepCode(object: FhirObject, key: string, table: KindTable, code: string): void {
  const valueCodeableConcept = { coding: [{ system: sources[table], code }] };
  object[`_${key}`] = { extension: [{ url: alternateCodes, valueCodeableConcept }] };
}
