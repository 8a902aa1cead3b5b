import { CdaDocument, isXml, parseDocument } from '#cda';
import { layoutOfUnit } from '#csv';
import { type Message, parseMessage } from '#hl7v2';
import type { MappableSource, MappingSet } from './mapping-set.js';

/** What can be mapped: one message of HL7 v2, or one document. */
export type Source = Message | CdaDocument;

/** Whether it is a document, and no message. */
export function isDocument(source: Source): source is CdaDocument {
  return source instanceof CdaDocument;
}

/** Reads what its first bytes say it is: a unit of rows, a document, or a message. Throws `rejected` for what cannot be read. */
export function readSource(raw: Buffer, set: Pick<MappingSet, 'forRows' | 'forSource'>): MappableSource {
  const rows = set.forRows(raw);
  if (rows) return { source: rows.message, type: layoutOfUnit(raw) ?? '', map: rows.map };
  const source = isXml(raw) ? parseDocument(raw) : parseMessage(raw);
  return { source, type: typeOfSource(source), map: set.forSource(source) };
}

/** For people: `ORU^R01`, `ClinicalDocument`. */
function typeOfSource(source: Source): string {
  if (isDocument(source)) return source.root.name;
  const [code = '', trigger = ''] = typeParts(source);
  return trigger === '' ? code : `${code}^${trigger}`;
}

/** MSH-9: code, trigger, structure. */
export function typeParts(message: Message): readonly [string, string, string | undefined] {
  const msh = message.first('MSH');
  return [msh?.value(9) ?? '', msh?.value(9, 1, 2) ?? '', msh?.value(9, 1, 3) ?? undefined];
}
