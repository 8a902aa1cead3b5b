import { isXml, parseDocument } from '#cda';
import { layoutOfUnit } from '#csv';
import { parseMessage, readMessageHeader } from '#hl7v2';
import type { MappableSource, MappingSet } from './mapping-set.js';
import { typeOfSource } from './source.js';

/** Reads what its first bytes say it is: a unit of rows, a document, or a message. Throws `rejected` for what cannot be read. */
export function readSource(
  raw: Buffer,
  set: Pick<MappingSet, 'forRows' | 'forSource' | 'forMessage'>,
): MappableSource {
  const rows = set.forRows(raw);
  if (rows) return { source: rows.message, type: layoutOfUnit(raw) ?? '', map: rows.map };
  if (isXml(raw)) {
    const source = parseDocument(raw);
    return { source, type: typeOfSource(source), map: set.forSource(source) };
  }
  const header = readMessageHeader(raw);
  const { messageCode, triggerEvent, messageStructure, controlId } = header;
  const map = set.forMessage(messageCode, triggerEvent, messageStructure || undefined);
  const type = triggerEvent === '' ? messageCode : `${messageCode}^${triggerEvent}`;
  return { source: parseMessage(raw, { header }), type, map, controlId };
}
