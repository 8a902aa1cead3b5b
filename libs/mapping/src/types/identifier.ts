import type { FhirObject } from '#fhir';
import type { Run } from '../run/run.js';
import { type Authority, assignerOf, hdIdentifier, readAuthority, readHd } from './authority.js';
import { tableSystem } from './code-systems.js';
import { type Convert, codeText, type Level, partText } from './convert.js';
import { periodOf } from './period.js';
import type { Vocabulary } from './vocabulary.js';

/** Numbers of the parts that make an identifier; 0 when the type has none. */
interface IdentifierParts {
  readonly value: number;
  readonly checkDigit: number;
  readonly scheme: number;
  readonly authority: number;
  readonly type: number;
  readonly facility: number;
  readonly start: number;
  readonly end: number;
  /** A value to take before `value` (XON.10 before XON.3). */
  readonly newer: number;
  /** Name of the state or other place that issued it. */
  readonly place: number;
}

const none = {
  checkDigit: 0,
  scheme: 0,
  authority: 0,
  type: 0,
  facility: 0,
  start: 0,
  end: 0,
  newer: 0,
  place: 0,
};
const parts: Readonly<Record<string, IdentifierParts>> = {
  CX: { ...none, value: 1, checkDigit: 2, scheme: 3, authority: 4, type: 5, facility: 6, start: 7, end: 8 },
  CK: { ...none, value: 1, checkDigit: 2, scheme: 3, authority: 4 },
  XCN: { ...none, value: 1, authority: 9, checkDigit: 11, scheme: 12, type: 13, facility: 14 },
  CNN: { ...none, value: 1 },
  XON: { ...none, value: 3, newer: 10, checkDigit: 4, scheme: 5, authority: 6, type: 7, facility: 8 },
  DLN: { ...none, value: 1, end: 3, place: 2 },
  PLN: { ...none, value: 1, type: 2, end: 4, place: 3 },
  PPN: { ...none, value: 1, authority: 9, checkDigit: 11, scheme: 12, type: 13, facility: 14 },
};
const checkDigitUrl = 'http://hl7.org/fhir/StructureDefinition/identifier-checkDigit';
const schemeUrl = 'http://hl7.org/fhir/StructureDefinition/namingsystem-checkDigit';
const typeSystem = tableSystem(203);

export function hasIdentifierParts(type: string): boolean {
  return type in parts;
}

/**
 * CX, XCN, XON and relatives to Identifier (v2-to-FHIR CX[Identifier]). The authority names the system, by its
 * universal id where it has one; without an authority the channel's `assigner` does.
 */
export function identifierConvert(
  type: string,
  vocabulary: Vocabulary,
  level: Level,
  defaultType: string,
): Convert {
  const at = parts[type] ?? { ...none, value: 1 };
  return (run, start, end) => {
    const part = (number: number): string | undefined =>
      number === 0 ? undefined : partText(run, start, end, number, level);
    const value = part(at.newer) ?? part(at.value);
    if (value === undefined) return undefined;
    const identifier: FhirObject = {};
    const digit = part(at.checkDigit);
    const scheme = part(at.scheme);
    if (digit !== undefined || scheme !== undefined) identifier['extension'] = checkDigit(digit, scheme);
    const typeCode = part(at.type) ?? defaultType;
    if (typeCode !== '') identifier['type'] = { coding: [{ system: typeSystem, code: codeText(typeCode) }] };
    const authority = at.authority > 0 ? readAuthority(run, start, end, at.authority, level) : undefined;
    const system = systemOf(run, vocabulary, authority, typeCode);
    if (system !== undefined) identifier['system'] = system;
    identifier['value'] = value;
    const period = periodOf(run, part(at.start), part(at.end));
    if (period) identifier['period'] = period;
    const facility = at.facility > 0 ? readAuthority(run, start, end, at.facility, level) : undefined;
    const assigner = authority || facility ? assignerOf(vocabulary, authority, system, facility) : undefined;
    const place = part(at.place);
    if (assigner) identifier['assigner'] = assigner;
    else if (place !== undefined) identifier['assigner'] = { display: place };
    return identifier;
  };
}

function systemOf(
  run: Run,
  vocabulary: Vocabulary,
  authority: Authority | undefined,
  type: string,
): string | undefined {
  const named = authority && vocabulary.authoritySystem(authority.name, authority.id, authority.type);
  if (named !== undefined) return named;
  return type === 'NPI' ? 'http://hl7.org/fhir/sid/us-npi' : run.parameters['assigner'];
}

function checkDigit(digit: string | undefined, scheme: string | undefined): FhirObject[] {
  const list: FhirObject[] = [];
  if (digit !== undefined) list.push({ url: checkDigitUrl, valueString: digit });
  if (scheme !== undefined) list.push({ url: schemeUrl, valueString: scheme });
  return list;
}

/** EI and HD to Identifier (v2-to-FHIR EI[Identifier-Extension]); an HD identifies what it names. */
export function entityIdentifierConvert(
  kind: 'EI' | 'HD',
  vocabulary: Vocabulary,
  level: Level,
  type: string,
): Convert {
  return (run, start, end) => {
    const value = kind === 'EI' ? partText(run, start, end, 1, level) : undefined;
    const shift = kind === 'EI' ? 1 : 0;
    const name = partText(run, start, end, 1 + shift, level);
    const id = partText(run, start, end, 2 + shift, level);
    const idType = id === undefined ? undefined : partText(run, start, end, 3 + shift, level);
    if (kind === 'HD') return hdIdentifier(vocabulary, { name, id, type: idType }, type);
    if (value === undefined) return undefined;
    const identifier: FhirObject = {};
    if (type !== '') identifier['type'] = { coding: [{ system: typeSystem, code: type }] };
    const system = vocabulary.authoritySystem(name, id, idType) ?? run.parameters['assigner'];
    if (system !== undefined) identifier['system'] = system;
    identifier['value'] = value;
    if (id !== undefined || (name !== undefined && system?.endsWith(name) !== true)) {
      const assigner = assignerOf(vocabulary, { name, id, type: idType }, system, undefined);
      if (assigner) identifier['assigner'] = assigner;
    }
    return identifier;
  };
}

/** HD to uri: its universal id, else its name. */
export function hdUriConvert(vocabulary: Vocabulary, level: Level): Convert {
  return (run, start, end) => {
    const hd = readHd(run, start, end, level);
    return hd && vocabulary.authoritySystem(hd.name, hd.id, hd.type);
  };
}

/** HD to text: its name, else its universal id. */
export function hdTextConvert(level: Level): Convert {
  return (run, start, end) => partText(run, start, end, 1, level) ?? partText(run, start, end, 2, level);
}
