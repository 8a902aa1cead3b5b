import type { CdaDocument, XmlElement } from '#cda';
import type { FhirObject } from '#fhir';
import { keyText } from '../types/cda/element-parts.js';
import type { Run } from './run.js';

/** The template of entries that only refer to others (C-CDA, Entry Reference). */
const entryReference = '2.16.840.1.113883.10.20.22.4.122';

/** The ids of the statements of a document, with how many statements have each. */
const counts = new WeakMap<CdaDocument, ReadonlyMap<string, number>>();

/** Whether another statement of the document has this id; those that are references by themselves do not count. */
export function isElsewhere(document: CdaDocument, id: XmlElement): boolean {
  const key = keyText(document, id);
  if (key === undefined) return false;
  let known = counts.get(document);
  if (!known) {
    known = idsOf(document);
    counts.set(document, known);
  }
  return (known.get(key) ?? 0) > (id.parent && isReference(document, id.parent) ? 0 : 1);
}

function idsOf(document: CdaDocument): Map<string, number> {
  const ids = new Map<string, number>();
  for (const element of document.elements) {
    if (element.name !== 'id' || !element.parent || isReference(document, element.parent)) continue;
    const key = keyText(document, element);
    if (key !== undefined) ids.set(key, (ids.get(key) ?? 0) + 1);
  }
  return ids;
}

/** Entry references, and reasons: both may repeat the id of a statement that stands somewhere else (guide, CF-encounters). */
function isReference(document: CdaDocument, element: XmlElement): boolean {
  const { parent } = element;
  if (parent?.name === 'entryRelationship' && document.attribute(parent, 'typeCode') === 'RSON') return true;
  return element
    .childrenNamed('templateId')
    .some((one) => document.attribute(one, 'root') === entryReference);
}

/** Gives the references that waited the resource that has their identifier, where one has. */
export function settleReferences({ awaited, resources }: Run): void {
  if (awaited.length === 0) return;
  const byIdentifier = new Map<string, { type: string; reference: FhirObject }[]>();
  for (const { type, reference, resource } of resources) {
    const identifiers = resource['identifier'];
    for (const one of Array.isArray(identifiers) ? identifiers : []) {
      const key = identifierKey(one as FhirObject);
      const list = byIdentifier.get(key);
      if (list) list.push({ type, reference });
      else byIdentifier.set(key, [{ type, reference }]);
    }
  }
  for (const { reference, targets } of awaited) {
    const identifier = reference['identifier'] as FhirObject;
    const found = byIdentifier
      .get(identifierKey(identifier))
      ?.find(({ type }) => targets.length === 0 || targets.includes(type));
    if (!found) continue;
    delete reference['identifier'];
    reference['reference'] = found.reference['reference'] as string;
    reference['identifier'] = identifier;
  }
}

function identifierKey({ system, value }: FhirObject): string {
  return JSON.stringify([system, value]);
}
