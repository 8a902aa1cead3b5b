import type { XmlElement } from '#cda';
import type { FhirObject } from '#fhir';
import type { Run } from '../../run/run.js';
import type { Convert } from '../convert.js';
import { attributeText, elementOf, lineOf, markAttribute, peekAttribute } from './element-parts.js';
import { periodOfElement } from './moment.js';

/** EntityNameUse to name-use (R4, v3 maps: cm-name-use-v3). */
const nameUses = new Map([
  ['L', 'usual'],
  ['C', 'official'],
  ['A', 'nickname'],
  ['P', 'nickname'],
  ['ASGN', 'usual'],
  ['I', 'usual'],
  ['OR', 'official'],
]);
/** PostalAddressUse to address-use (cm-address-use-v3). */
const addressUses = new Map([
  ['H', 'home'],
  ['HP', 'home'],
  ['HV', 'temp'],
  ['WP', 'work'],
  ['DIR', 'work'],
  ['PUB', 'work'],
  ['TMP', 'temp'],
  ['BAD', 'old'],
  ['OLD', 'old'],
]);
const addressTypes = new Map([
  ['PHYS', 'physical'],
  ['PST', 'postal'],
]);
/** TelecommunicationAddressUse to contact-point-use (cm-contact-point-use-v3): those of addresses, and one more. */
const telecomUses = new Map([...addressUses, ['MC', 'mobile']]);

/** The first use that R4 has; several are divided by blanks. */
function useOf(run: Run, element: XmlElement, uses: ReadonlyMap<string, string>): string | undefined {
  for (const word of (peekAttribute(run, element, 'use') ?? '').split(/\s+/)) {
    const use = uses.get(word);
    if (use === undefined) continue;
    markAttribute(run, element, 'use');
    return use;
  }
  return undefined;
}

function partsOf(run: Run, element: XmlElement, name: string): string[] {
  return element.childrenNamed(name).flatMap((one) => lineOf(run, one) ?? []);
}

const nameParts = ['family', 'given', 'prefix', 'suffix'] as const;
const qualifierUrl = 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier';
/** Of EntityNamePartQualifier, as R4 has them (iso21090-EN-qualifier). */
const qualifiers = new Set(['LS', 'AC', 'NB', 'PR', 'HON', 'BR', 'AD', 'SP', 'MID', 'CL', 'IN', 'VV']);

/** What is said of the parts of a name, beside each; undefined when nothing is. */
function qualifiersOf(run: Run, element: XmlElement, part: string): (FhirObject | null)[] | undefined {
  let some = false;
  const list: (FhirObject | null)[] = [];
  for (const one of element.childrenNamed(part)) {
    if (lineOf(run, one) === undefined) continue;
    const codes = (peekAttribute(run, one, 'qualifier') ?? '')
      .split(/\s+/)
      .filter((code) => qualifiers.has(code));
    if (codes.length > 0) markAttribute(run, one, 'qualifier');
    some ||= codes.length > 0;
    const extension = codes.map((code): FhirObject => ({ url: qualifierUrl, valueCode: code }));
    list.push(codes.length > 0 ? { extension } : null);
  }
  return some ? list : undefined;
}

/** PN, EN and ON to HumanName. */
export function elementNameConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const name: FhirObject = {};
    const use = useOf(run, element, nameUses);
    if (use !== undefined) name['use'] = use;
    let isDivided = false;
    for (const part of nameParts) {
      const texts = partsOf(run, element, part);
      if (texts.length === 0) continue;
      isDivided = true;
      name[part] = part === 'family' ? texts.join(' ') : texts;
      const qualified = qualifiersOf(run, element, part);
      if (qualified) name[`_${part}`] = part === 'family' ? (qualified[0] ?? qualified[1] ?? {}) : qualified;
    }
    if (!isDivided) {
      const text = lineOf(run, element);
      if (text === undefined) return undefined;
      name['text'] = text;
    }
    const validTime = element.child('validTime');
    const period = validTime && periodOfElement(run, validTime);
    if (period) name['period'] = period;
    return name;
  };
}

/** Parts of a street line, in the order in which people write them. */
const streetParts = [
  'houseNumber',
  'houseNumberNumeric',
  'direction',
  'streetName',
  'streetNameBase',
  'streetNameType',
];
const lineParts = [
  'additionalLocator',
  'unitType',
  'unitID',
  'careOf',
  'buildingNumberSuffix',
  'postBox',
  'deliveryAddressLine',
  'precinct',
];
const placeParts = [
  ['city', 'city'],
  ['county', 'district'],
  ['state', 'state'],
  ['postalCode', 'postalCode'],
  ['country', 'country'],
] as const;

/** AD to Address. */
export function elementAddressConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const address: FhirObject = {};
    const use = useOf(run, element, addressUses);
    if (use !== undefined) address['use'] = use;
    const type = useOf(run, element, addressTypes);
    if (type !== undefined) address['type'] = type;
    const street = streetParts.flatMap((part) => partsOf(run, element, part)).join(' ');
    const lines = [
      ...partsOf(run, element, 'streetAddressLine'),
      ...(street === '' ? [] : [street]),
      ...lineParts.flatMap((part) => partsOf(run, element, part)),
    ];
    if (lines.length > 0) address['line'] = lines;
    let isDivided = lines.length > 0;
    for (const [part, target] of placeParts) {
      const text = partsOf(run, element, part).join(', ');
      if (text === '') continue;
      address[target] = text;
      isDivided = true;
    }
    if (!isDivided) {
      const text = lineOf(run, element);
      if (text === undefined) return undefined;
      address['text'] = text;
    }
    const useable = element.child('useablePeriod');
    const period = useable && periodOfElement(run, useable);
    if (period) address['period'] = period;
    return address;
  };
}

const telecomSystems = new Map([
  ['tel', 'phone'],
  ['fax', 'fax'],
  ['x-text-fax', 'fax'],
  ['mailto', 'email'],
  ['sms', 'sms'],
  ['http', 'url'],
  ['https', 'url'],
  ['ftp', 'url'],
]);

/** TEL to ContactPoint: the scheme of the URL is its system. */
export function elementTelecomConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    const url = element && (attributeText(run, element, 'value') ?? lineOf(run, element));
    if (!element || url === undefined) return undefined;
    const point = pointOf(url);
    if (!point) return undefined;
    const use = useOf(run, element, telecomUses);
    if (use !== undefined) point['use'] = use;
    if (/(?:^|\s)PG(?:\s|$)/.test(peekAttribute(run, element, 'use') ?? '')) {
      point['system'] = 'pager';
      markAttribute(run, element, 'use');
    }
    const useable = element.child('useablePeriod');
    const period = useable && periodOfElement(run, useable);
    if (period) point['period'] = period;
    return point;
  };
}

function pointOf(url: string): FhirObject | undefined {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\s*(.*)$/s.exec(url);
  const system = telecomSystems.get(match?.[1]?.toLowerCase() ?? '');
  if (system === 'url') return { system, value: url };
  const value = (system === undefined ? url : (match?.[2] ?? '')).trim();
  // `tel:` with nothing behind it says nothing.
  if (value === '') return undefined;
  if (system !== undefined) return { system, value };
  return {
    system: /^[^@\s]+@[^@\s]+$/.test(value) ? 'email' : /\d{3}/.test(value) ? 'phone' : 'other',
    value,
  };
}
