import type { XmlElement } from '#cda';
import type { FhirObject } from '#fhir';
import type { Run } from '../../run/run.js';
import type { Convert } from '../convert.js';
import { attributeText, elementOf, lineOf, markLeaf, textOfElement } from './element-parts.js';
import { decimalOf } from './quantity.js';

/** What an element says in words: its text, the display or the original text of a code, its value. */
export function elementStringConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const original = element.child('originalText');
    const own = (original && textOfElement(run, original)) ?? attributeText(run, element, 'displayName');
    if (own !== undefined) return own;
    const text = textOfElement(run, element);
    if (text !== undefined) return text;
    for (const name of ['value', 'code', 'extension', 'root']) {
      const value = attributeText(run, element, name);
      if (value === undefined) continue;
      const unit = name === 'value' ? attributeText(run, element, 'unit') : undefined;
      return unit === undefined ? value : `${value} ${unit}`;
    }
    return undefined;
  };
}

export function elementAnnotationConvert(): Convert {
  const text = elementStringConvert();
  return (run, start, end) => {
    const value = text(run, start, end);
    return value === undefined ? undefined : { text: value };
  };
}

export function elementBooleanConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    const text = element && (attributeText(run, element, 'value') ?? lineOf(run, element));
    return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : undefined;
  };
}

export function elementDecimalConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    return element && decimalOf(run, element);
  };
}

/** A whole number from `least` on; anything else gives nothing. */
export function elementIntegerConvert(least: number): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    const value = element && decimalOf(run, element)?.toNumber();
    const fits = value !== undefined && Number.isInteger(value) && value >= least && value < 2 ** 31;
    return fits ? value : undefined;
  };
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** ED to Attachment: base64 as it is, text in base64, or where it is to be found. */
export function elementAttachmentConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const attachment: FhirObject = {};
    const contentType = attributeText(run, element, 'mediaType');
    const data = dataOf(run, element);
    const reference = element.child('reference');
    const url = reference && attributeText(run, reference, 'value')?.replaceAll(/\s/g, '%20');
    if (data === undefined && url === undefined) return undefined;
    // R4 att-1: data has a type. CDA R2 datatypes: that of an ED is text/plain unless it says otherwise.
    attachment['contentType'] = contentType ?? 'text/plain';
    const language = attributeText(run, element, 'language');
    if (language !== undefined) attachment['language'] = language;
    if (data !== undefined) attachment['data'] = data;
    if (url !== undefined) attachment['url'] = url;
    return attachment;
  };
}

function dataOf(run: Run, element: XmlElement): string | undefined {
  const isBase64 = attributeText(run, element, 'representation') === 'B64';
  let text = '';
  for (let child = element.first; child; child = child.next) {
    if (child.kind !== 'text') continue;
    markLeaf(run, child);
    text += run.document.value(child);
  }
  if (text.trim() === '') return undefined;
  if (!isBase64) return Buffer.from(text.trim(), 'utf8').toString('base64');
  const compact = text.replaceAll(/\s+/g, '');
  return base64.test(compact) && compact.length % 4 === 0 ? compact : undefined;
}
