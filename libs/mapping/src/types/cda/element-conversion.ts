import type { ConversionOptions } from '../conversion-options.js';
import type { Convert } from '../convert.js';
import { elementCodeConvert, elementCodingConvert, elementConceptConvert } from './coded.js';
import { elementIdentifierConvert, elementUriConvert } from './identifier.js';
import { elementMomentConvert, elementPeriodConvert } from './moment.js';
import { narrativeConvert } from './narrative.js';
import { elementAddressConvert, elementNameConvert, elementTelecomConvert } from './person.js';
import {
  elementMoneyConvert,
  elementQuantityConvert,
  elementRangeConvert,
  elementRatioConvert,
} from './quantity.js';
import {
  elementAnnotationConvert,
  elementAttachmentConvert,
  elementBooleanConvert,
  elementDecimalConvert,
  elementIntegerConvert,
  elementStringConvert,
} from './text.js';
import { elementTimingConvert } from './timing.js';

const quantity = ({ vocabulary, simpleQuantity }: ConversionOptions): Convert =>
  elementQuantityConvert(vocabulary, simpleQuantity);

/** By the type of R4 that is wanted: the data types of CDA are told apart by what is in an element. */
const byTarget: Readonly<Record<string, (options: ConversionOptions) => Convert>> = {
  CodeableConcept: elementConceptConvert,
  Coding: elementCodingConvert,
  code: elementCodeConvert,
  Identifier: ({ vocabulary }) => elementIdentifierConvert(vocabulary),
  uri: ({ vocabulary }) => elementUriConvert(vocabulary),
  url: ({ vocabulary }) => elementUriConvert(vocabulary),
  canonical: ({ vocabulary }) => elementUriConvert(vocabulary),
  HumanName: elementNameConvert,
  Address: elementAddressConvert,
  ContactPoint: elementTelecomConvert,
  date: () => elementMomentConvert('date'),
  dateTime: () => elementMomentConvert('dateTime'),
  instant: () => elementMomentConvert('instant'),
  time: () => elementMomentConvert('time'),
  Period: elementPeriodConvert,
  Timing: elementTimingConvert,
  Quantity: quantity,
  Age: quantity,
  Duration: quantity,
  Count: quantity,
  Distance: quantity,
  Range: ({ vocabulary }) => elementRangeConvert(vocabulary),
  Ratio: ({ vocabulary }) => elementRatioConvert(vocabulary),
  Money: elementMoneyConvert,
  Attachment: elementAttachmentConvert,
  Annotation: elementAnnotationConvert,
  Narrative: narrativeConvert,
  string: elementStringConvert,
  markdown: elementStringConvert,
  id: elementStringConvert,
  boolean: elementBooleanConvert,
  decimal: elementDecimalConvert,
  integer: () => elementIntegerConvert(-2_147_483_648),
  unsignedInt: () => elementIntegerConvert(0),
  positiveInt: () => elementIntegerConvert(1),
};

/** How an element of a document becomes a `target`; undefined when nothing is known to make one of it. */
export function elementConversion(target: string, options: ConversionOptions): Convert | undefined {
  return Object.hasOwn(byTarget, target) ? byTarget[target]?.(options) : undefined;
}
