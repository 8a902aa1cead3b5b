import type { CdaDocument, XmlAttribute, XmlElement } from '#cda';
import type { V2Type } from '../dictionary/v2-dictionary.js';
import type { XmlStep } from '../language/xml-path.js';
import type { Run } from '../run/run.js';
import { type SeeXml, xmlWalk } from '../run/xml-select.js';
import { isValued, keyText } from '../types/cda/element-parts.js';
import { convertOne, type PathReader } from './path-reader.js';

/** What a path to elements gives: which data type of CDA it is, the target tells, or `xsi:type`. */
export const elementValue: V2Type = { type: 'element', table: 0, repeats: true };
/** What a path to an attribute gives: text. */
const attributeValue: V2Type = { type: 'ST', table: 0, repeats: false };

export type WalkXml = (document: CdaDocument, from: XmlElement, see: SeeXml) => boolean;

/** A reader of an XML path: its values are the elements, or the attributes, that hold something. */
export interface XmlReader extends PathReader {
  readonly walk: WalkXml;
}

/** Reads what a path leads to from the element that the map at work reads. */
export function xmlReader(steps: readonly XmlStep[]): XmlReader {
  const walk = xmlWalk(steps);
  const isAttribute = steps.at(-1)?.axis === 'attribute';
  return {
    walk,
    type: isAttribute ? attributeValue : elementValue,
    level: 1,
    first: (run) => {
      let start = -1;
      if (!run.element) return start;
      walk(run.document, run.element, (element, attribute) => {
        if (!holdsValue(run.document, element, attribute)) return false;
        start = take(run, element, attribute);
        return true;
      });
      return start;
    },
    collect: (run, convert, list) => {
      let out = list;
      const from = run.element;
      if (!from) return out;
      walk(run.document, from, (element, attribute) => {
        if (!holdsValue(run.document, element, attribute)) return false;
        const start = take(run, element, attribute);
        const value = convertOne(run, convert, start);
        if (value === undefined) return false;
        if (out) out.push(value);
        else out = [value];
        return false;
      });
      return out;
    },
    count: (run) => {
      let count = 0;
      if (run.element)
        walk(run.document, run.element, (element, attribute) => {
          if (holdsValue(run.document, element, attribute)) count++;
          return false;
        });
      return count;
    },
  };
}

/** The text of the first value, unmarked: of an attribute, or what an element is told apart by. */
export function xmlPeek(steps: readonly XmlStep[]): (run: Run) => string | undefined {
  const walk = xmlWalk(steps);
  return ({ document, element: from }) => {
    let text: string | undefined;
    if (!from) return text;
    walk(document, from, (element, attribute) => {
      text = textOfFound(document, element, attribute);
      return text !== undefined;
    });
    return text;
  };
}

/** The text of an attribute, or what an element is told apart by. */
export function textOfFound(
  document: CdaDocument,
  element: XmlElement,
  attribute: XmlAttribute | undefined,
): string | undefined {
  if (!attribute) return keyText(document, element);
  const text = document.attribute(element, attribute.name);
  return attribute.name === 'xsi:type' ? text?.replace(/^.*:/, '') : text;
}

/** Whether what a path led to holds something. */
export function holdsValue(
  document: CdaDocument,
  element: XmlElement,
  attribute: XmlAttribute | undefined,
): boolean {
  return attribute ? document.hasText(attribute) : isValued(document, element);
}

function take(run: Run, element: XmlElement, attribute: XmlAttribute | undefined): number {
  const { start, end } = attribute ?? element;
  run.end = end;
  run.document.lastFound = element;
  return start;
}
