import { isXml, parseDocument } from '#cda';
import { layoutOfUnit } from '#csv';
import { parseMessage } from '#hl7v2';
import type { MappableSource, MappingSet } from './mapping-set.js';
import { typeOfSource } from './source.js';

/** Reads what its first bytes say it is: a unit of rows, a document, or a message. Throws `rejected` for what cannot be read. */
export function readSource(raw: Buffer, set: Pick<MappingSet, 'forRows' | 'forSource'>): MappableSource {
  const rows = set.forRows(raw);
  if (rows) return { source: rows.message, type: layoutOfUnit(raw) ?? '', map: rows.map };
  const source = isXml(raw) ? parseDocument(raw) : parseMessage(raw);
  return { source, type: typeOfSource(source), map: set.forSource(source) };
}
