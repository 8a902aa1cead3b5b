import { elementConversion } from './cda/element-conversion.js';
import {
  type CodedOptions,
  codeConvert,
  codingConvert,
  conceptConvert,
  conceptTextConvert,
  entityCodingConvert,
  plainCodeConvert,
} from './coded.js';
import type { ConversionOptions } from './conversion-options.js';
import type { Convert, Level } from './convert.js';
import {
  entityIdentifierConvert,
  hasIdentifierParts,
  hdTextConvert,
  hdUriConvert,
  identifierConvert,
} from './identifier.js';
import { addressConvert, hasNameParts, nameConvert, nameTextConvert } from './person.js';
import {
  compositeQuantityConvert,
  moneyConvert,
  numberQuantityConvert,
  rangeConvert,
  structuredNumericConvert,
  unitConvert,
} from './quantity.js';
import { telecomConvert } from './telecom.js';
import {
  annotationConvert,
  attachmentConvert,
  booleanConvert,
  decimalConvert,
  integerConvert,
  periodConvert,
  plainCodeTextConvert,
  plainTextConvert,
  pointerConvert,
  stringConvert,
  uriConvert,
} from './text.js';
import { type TimeTarget, timeConvert } from './time.js';
import { remembered } from './value-cache.js';
import type { Vocabulary } from './vocabulary.js';

const concepts = new Set(['CWE', 'CE', 'CNE', 'CF', 'CD', 'ICD', 'LA1', 'LA2']);
/** Of a range the start. */
const times = new Set(['DTM', 'TS', 'DT', 'TM', 'DR']);
const texts = new Set([
  'ST',
  'TX',
  'FT',
  'NM',
  'SI',
  'ID',
  'IS',
  'DTM',
  'DT',
  'TM',
  'TN',
  'GTS',
  'VARIES',
  'CM',
  'SNM',
]);

type ByTarget = (source: string, options: ConversionOptions) => Convert | undefined;

/** Composites whose first component says it: its name or number (v2-to-FHIR CX[string], XON[string]). */
const firstIsText = new Set(['CX', 'CK', 'XON', 'EI', 'DLN', 'PLN']);

const time =
  (target: TimeTarget): ByTarget =>
  (source, { level }) =>
    times.has(source) || texts.has(source) ? timeConvert(target, level) : undefined;

/** The types of R4 that are made of one value, each with what can become it. */
const byTarget: Readonly<Record<string, ByTarget>> = {
  CodeableConcept: (source, options) => coded(source, 'CodeableConcept', options),
  Coding: (source, options) => coded(source, 'Coding', options),
  code: (source, options) => coded(source, 'code', options),
  Identifier: identifier,
  HumanName: (source, { vocabulary, level, withoutDegree }) =>
    hasNameParts(source) ? nameConvert(source, vocabulary, level, withoutDegree) : undefined,
  Address: (source, { vocabulary, level }) =>
    ['XAD', 'AD', 'SAD'].includes(source) ? addressConvert(vocabulary, level) : undefined,
  ContactPoint: (source, { vocabulary, level, use }) =>
    ['XTN', 'TN', 'ST'].includes(source) ? telecomConvert(vocabulary, level, use) : undefined,
  date: time('date'),
  dateTime: time('dateTime'),
  instant: time('instant'),
  time: time('time'),
  Quantity: quantity,
  Age: quantity,
  Duration: quantity,
  Count: quantity,
  Distance: quantity,
  Range: (source, { level }) => {
    if (source === 'NR') return rangeConvert(level);
    return source === 'SN' ? structuredNumericConvert('Range', level) : undefined;
  },
  Ratio: (source, { level }) => (source === 'SN' ? structuredNumericConvert('Ratio', level) : undefined),
  Money: (source, { level }) =>
    source === 'MO' || source === 'CP' ? moneyConvert(source, level) : undefined,
  Period: (source, { level }) => (source === 'DR' ? periodConvert(level) : undefined),
  Attachment: (source, { level }) => {
    if (source === 'ED') return attachmentConvert(level);
    return source === 'RP' ? pointerConvert(level) : undefined;
  },
  Annotation: (source, { level }) => (texts.has(source) ? annotationConvert(level) : undefined),
};

/** How a value of `source` becomes a `target`; undefined when nothing is known to make one of the other. */
export function conversion(source: string, target: string, options: ConversionOptions): Convert | undefined {
  if (source === 'element') return elementConversion(target, options);
  const make = Object.hasOwn(byTarget, target) ? byTarget[target] : undefined;
  return make ? make(source, options) : primitive(source, target, options);
}

function coded(
  source: string,
  target: 'CodeableConcept' | 'Coding' | 'code',
  options: CodedOptions,
): Convert | undefined {
  if (target === 'code') {
    const convert = concepts.has(source) || texts.has(source) ? codeConvert(options) : undefined;
    return convert && options.table ? remembered(convert) : convert;
  }
  if (concepts.has(source))
    return remembered(target === 'Coding' ? codingConvert(options) : conceptConvert(options));
  if (source === 'EI')
    return target === 'Coding' ? entityCodingConvert(options.vocabulary, options.level) : undefined;
  return texts.has(source) ? plainCodeConvert(options, target) : undefined;
}

function identifier(source: string, options: ConversionOptions): Convert | undefined {
  const { vocabulary, level, identifierType } = options;
  if (source === 'EI' || source === 'HD')
    return entityIdentifierConvert(source, vocabulary, level, identifierType);
  if (source === 'DLN') return identifierConvert(source, vocabulary, level, identifierType || 'DL');
  if (hasIdentifierParts(source) || texts.has(source))
    return identifierConvert(source, vocabulary, level, identifierType);
  return concepts.has(source) ? identifierConvert('ST', vocabulary, level, identifierType) : undefined;
}

function quantity(source: string, options: ConversionOptions): Convert | undefined {
  const { vocabulary, level, simpleQuantity } = options;
  switch (source) {
    case 'CQ':
      return compositeQuantityConvert(vocabulary, level);
    case 'SN':
      return structuredNumericConvert('Quantity', level);
    default:
      return texts.has(source) ? numberQuantityConvert(level, simpleQuantity) : undefined;
  }
}

function primitive(
  source: string,
  target: string,
  { vocabulary, level }: ConversionOptions,
): Convert | undefined {
  switch (target) {
    case 'string':
    case 'markdown':
      if (texts.has(source)) return stringConvert(level);
      if (concepts.has(source)) return conceptTextConvert(level);
      if (source === 'HD') return hdTextConvert(level);
      if (hasNameParts(source)) return nameTextConvert(source, level);
      return firstIsText.has(source) ? plainTextConvert(level) : stringConvert(level);
    case 'decimal':
      return decimalConvert(level);
    case 'integer':
      return integerConvert(-2_147_483_648, level);
    case 'positiveInt':
      return integerConvert(1, level);
    case 'unsignedInt':
      return integerConvert(0, level);
    case 'boolean':
      return booleanConvert(vocabulary, level);
    case 'uri':
    case 'url':
      return source === 'HD' ? hdUriConvert(vocabulary, level) : uriConvert(level);
    case 'id':
      return plainCodeTextConvert(level);
    default:
      return undefined;
  }
}

/** The units of a quantity. */
export function unitConversion(source: string, vocabulary: Vocabulary, level: Level): Convert | undefined {
  return concepts.has(source) || texts.has(source) ? remembered(unitConvert(vocabulary, level)) : undefined;
}
