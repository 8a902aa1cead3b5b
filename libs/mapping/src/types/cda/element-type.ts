import type { XmlElement } from '#cda';
import type { Run } from '../../run/run.js';
import { peekAttribute } from './element-parts.js';
import { isInterval } from './moment.js';

/** What the data types of CDA may become, the best first (C-CDA on FHIR, data types; `value[x]` of Observation). */
const byType: Readonly<Record<string, readonly string[]>> = {
  CD: ['CodeableConcept', 'Coding', 'string'],
  CE: ['CodeableConcept', 'Coding', 'string'],
  CV: ['CodeableConcept', 'Coding', 'string'],
  CO: ['CodeableConcept', 'Coding', 'string'],
  CS: ['CodeableConcept', 'Coding', 'code', 'string'],
  SC: ['CodeableConcept', 'Coding', 'string'],
  PQ: ['Quantity', 'Age', 'Duration', 'string'],
  REAL: ['Quantity', 'decimal', 'string'],
  INT: ['integer', 'Quantity', 'string'],
  MO: ['Money', 'Quantity', 'string'],
  IVL_PQ: ['Range', 'Quantity', 'string'],
  IVL_INT: ['Range', 'Quantity', 'string'],
  IVL_REAL: ['Range', 'Quantity', 'string'],
  RTO: ['Ratio', 'string'],
  RTO_PQ_PQ: ['Ratio', 'string'],
  RTO_QTY_QTY: ['Ratio', 'string'],
  TS: ['dateTime', 'date', 'instant', 'Period'],
  IVL_TS: ['Period', 'dateTime', 'date', 'Timing'],
  PIVL_TS: ['Timing', 'Period', 'dateTime'],
  EIVL_TS: ['Timing', 'string'],
  BL: ['boolean', 'string'],
  ST: ['string', 'CodeableConcept', 'markdown'],
  ED: ['string', 'Attachment', 'CodeableConcept', 'markdown'],
  II: ['Identifier', 'string', 'uri'],
  AD: ['Address', 'string'],
  TEL: ['ContactPoint', 'url', 'string'],
  PN: ['HumanName', 'string'],
  EN: ['HumanName', 'string'],
  ON: ['string'],
};

/** The types that an element can become, the best first: by `xsi:type`, else by what is in it. */
export function candidateTypes(run: Run, element: XmlElement): readonly string[] {
  const named = peekAttribute(run, element, 'xsi:type')?.replace(/^.*:/, '');
  const type = named !== undefined && byType[named] ? named : guessedType(element);
  // C-CDA on FHIR, ranges of physical quantities: with one boundary it is a Quantity with a comparator.
  if (/^IVL_(?!TS)/.test(type) && !(hasBoundary(element, 'low') && hasBoundary(element, 'high')))
    return ['Quantity', 'Range', 'string'];
  return byType[type] ?? [];
}

function hasBoundary(element: XmlElement, name: string): boolean {
  const boundary = element.child(name);
  return boundary?.attribute('value') !== undefined || boundary?.child('translation') !== undefined;
}

/** Elements whose type the schema of CDA fixes carry no `xsi:type`. */
function guessedType(element: XmlElement): string {
  const has = (name: string): boolean => element.attribute(name) !== undefined;
  if (has('root') || has('extension')) return 'II';
  if (has('code') || has('codeSystem') || element.child('translation') || element.child('originalText'))
    return 'CD';
  if (element.child('numerator')) return 'RTO';
  if (element.child('period')) return 'PIVL_TS';
  if (element.child('event')) return 'EIVL_TS';
  if (isInterval(element)) return isTimed(element) ? 'IVL_TS' : 'IVL_PQ';
  if (has('unit')) return 'PQ';
  if (/[Tt]ime$/.test(element.name)) return 'TS';
  if (has('value')) return 'REAL';
  return 'ST';
}

function isTimed(element: XmlElement): boolean {
  return /[Tt]ime$|Period$/.test(element.name);
}
