import { CdaDocument } from '#cda';
import type { Message } from '#hl7v2';

/** What can be mapped: one message of HL7 v2, or one document. */
export type Source = Message | CdaDocument;

/** Whether it is a document, and no message. */
export function isDocument(source: Source): source is CdaDocument {
  return source instanceof CdaDocument;
}

/** For people: `ORU^R01`, `ClinicalDocument`. */
export function typeOfSource(source: Source): string {
  if (isDocument(source)) return source.root.name;
  const [code = '', trigger = ''] = typeParts(source);
  return trigger === '' ? code : `${code}^${trigger}`;
}

/** MSH-9: code, trigger, structure. */
export function typeParts(message: Message): readonly [string, string, string | undefined] {
  const msh = message.first('MSH');
  return [msh?.value(9) ?? '', msh?.value(9, 1, 2) ?? '', msh?.value(9, 1, 3) ?? undefined];
}
