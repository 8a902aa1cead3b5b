import type { XmlElement } from '#cda';
import { Decimal, type FhirObject } from '#fhir';
import type { Run } from '../../run/run.js';
import type { Convert } from '../convert.js';
import type { Vocabulary } from '../vocabulary.js';
import { attributeText, elementOf, lineOf, markAttribute, markLeaf, peekAttribute } from './element-parts.js';

const ucum = 'http://unitsofmeasure.org';
/** As UCUM units may be written (R4 code, and UCUM 1.9 section 1). */
const ucumUnit = /^[\x21-\x7e]+$/;

/** PQ, INT, REAL and MO to Quantity; of an IVL_PQ with one boundary that with a comparator. */
export function elementQuantityConvert(vocabulary: Vocabulary, simple: boolean): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const own = quantityOf(run, element, vocabulary);
    if (own) return own;
    const [low, high] = [element.child('low'), element.child('high')];
    const center = element.child('center');
    if (center) return quantityOf(run, center, vocabulary);
    if (simple) return low && quantityOf(run, low, vocabulary);
    if (low && hasValue(low) && !(high && hasValue(high))) return bounded(run, low, vocabulary, '>');
    return high && bounded(run, high, vocabulary, '<');
  };
}

function hasValue(element: XmlElement): boolean {
  return element.attribute('value') !== undefined;
}

function bounded(
  run: Run,
  element: XmlElement,
  vocabulary: Vocabulary,
  sign: '<' | '>',
): FhirObject | undefined {
  const quantity = quantityOf(run, element, vocabulary);
  if (!quantity) return undefined;
  // CDA R2 datatypes: a boundary belongs to the interval unless it says otherwise.
  const open = peekAttribute(run, element, 'inclusive') === 'false';
  markAttribute(run, element, 'inclusive');
  const { value, ...unit } = quantity;
  return { value: value as Decimal, comparator: open ? sign : `${sign}=`, ...unit };
}

/** IVL_PQ to Range. A Range takes no comparators: open boundaries are not told apart. */
export function elementRangeConvert(vocabulary: Vocabulary): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const [low, high] = [element.child('low'), element.child('high')];
    const range: FhirObject = {};
    const from = low && quantityOf(run, low, vocabulary);
    const to = high && quantityOf(run, high, vocabulary);
    if (from) range['low'] = from;
    if (to) range['high'] = to;
    return from || to ? range : undefined;
  };
}

/** RTO to Ratio; of the pharmacy namespace too. */
export function elementRatioConvert(vocabulary: Vocabulary): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    const part = (name: string) => element?.child(name) ?? element?.child(`pharm:${name}`);
    const [above, below] = [part('numerator'), part('denominator')];
    const numerator = above && quantityOf(run, above, vocabulary);
    const denominator = below && quantityOf(run, below, vocabulary);
    // R4 rat-1: both or none.
    return numerator && denominator ? { numerator, denominator } : undefined;
  };
}

/** MO to Money: R4 takes codes of ISO 4217. */
export function elementMoneyConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    const value = element && decimalOf(run, element);
    if (!element || !value) return undefined;
    const currency = attributeText(run, element, 'currency');
    return currency !== undefined && /^[A-Z]{3}$/.test(currency) ? { value, currency } : { value };
  };
}

/** The number in `@value`, or as text; what is none stays unread. */
export function decimalOf(run: Run, element: XmlElement): Decimal | undefined {
  const one = element.attribute('value');
  if (!one) {
    const text = run.document.textOf(element).trim();
    const value = text === '' ? undefined : Decimal.parse(text);
    if (value) lineOf(run, element);
    return value;
  }
  const value = Decimal.parse(run.document.value(one).trim());
  if (value) markLeaf(run, one);
  return value;
}

function quantityOf(run: Run, element: XmlElement, vocabulary: Vocabulary): FhirObject | undefined {
  const value = decimalOf(run, element);
  if (!value) return translated(run, element, vocabulary);
  return { value, ...unitOf(run, element, vocabulary) };
}

/** A PQ without a value of its own may have one in other units. */
function translated(run: Run, element: XmlElement, vocabulary: Vocabulary): FhirObject | undefined {
  for (const one of element.childrenNamed('translation')) {
    const value = decimalOf(run, one);
    if (!value) continue;
    const code = attributeText(run, one, 'code');
    const system = attributeText(run, one, 'codeSystem');
    const unit = attributeText(run, one, 'displayName') ?? code;
    const quantity: FhirObject = { value };
    if (unit !== undefined) quantity['unit'] = unit;
    if (code !== undefined && system !== undefined) {
      quantity['system'] = vocabulary.systems.uri(system);
      quantity['code'] = code;
    }
    return quantity;
  }
  return undefined;
}

/** Units of CDA are UCUM; what cannot be is text, and what is known under another name gets its code. */
function unitOf(run: Run, element: XmlElement, vocabulary: Vocabulary): FhirObject {
  const unit = attributeText(run, element, 'unit');
  if (unit === undefined || unit === '1') return {};
  const code = vocabulary.translate('ucum', unit) ?? (ucumUnit.test(unit) ? unit : undefined);
  return code === undefined ? { unit } : { unit, system: ucum, code };
}
