import type { FhirObject, FhirValue } from '#fhir';
import type { Run } from '../run/run.js';
import { setCode } from './code-of-type.js';
import { type Convert, type Level, partText, separatorOf } from './convert.js';
import { periodOf } from './period.js';
import type { Vocabulary } from './vocabulary.js';

/** Numbers of the parts of a name; 0 when the type has none. */
interface NameParts {
  readonly family: number;
  readonly given: number;
  readonly second: number;
  readonly suffix: number;
  readonly prefix: number;
  readonly degree: number;
  readonly use: number;
  readonly range: number;
  readonly order: number;
  readonly start: number;
  readonly end: number;
  readonly professional: number;
}

const xpn: NameParts = {
  family: 1,
  given: 2,
  second: 3,
  suffix: 4,
  prefix: 5,
  degree: 6,
  use: 7,
  range: 10,
  order: 11,
  start: 12,
  end: 13,
  professional: 14,
};
const xcn: NameParts = {
  family: 2,
  given: 3,
  second: 4,
  suffix: 5,
  prefix: 6,
  degree: 7,
  use: 10,
  range: 17,
  order: 18,
  start: 19,
  end: 20,
  professional: 21,
};
const nameParts: Readonly<Record<string, NameParts>> = {
  XPN: xpn,
  PN: xpn,
  XCN: xcn,
  PPN: xcn,
  CN: xcn,
  CNN: { ...xcn, use: 0, range: 0, order: 0, start: 0, end: 0, professional: 0 },
};

export function hasNameParts(type: string): boolean {
  return type in nameParts;
}

const extensionUrl = 'http://hl7.org/fhir/StructureDefinition/';
/** Subcomponents 2 to 5 of FN. */
const familyExtensions = ['own-prefix', 'own-name', 'partner-prefix', 'partner-name'];

/** XPN, XCN and relatives to HumanName (v2-to-FHIR XPN[HumanName], FN[HumanName]). */
export function nameConvert(
  type: string,
  vocabulary: Vocabulary,
  level: Level,
  withoutDegree: boolean,
): Convert {
  const at = nameParts[type] ?? xpn;
  return (run, start, end) => {
    const part = (number: number): string | undefined =>
      number === 0 ? undefined : partText(run, start, end, number, level);
    const name: FhirObject = {};
    const order = part(at.order);
    if (order !== undefined)
      name['extension'] = [{ url: `${extensionUrl}humanname-assembly-order`, valueCode: order }];
    const use = part(at.use);
    if (use !== undefined) setCode(vocabulary, name, 'use', 'name-use', use);
    const family = run.part(start, end, at.family, separatorOf(run, level));
    if (family >= 0) readFamily(run, family, run.end, level, name);
    const given = listOf(part(at.given), part(at.second));
    if (given) name['given'] = given;
    const prefix = part(at.prefix);
    if (prefix !== undefined) name['prefix'] = [prefix];
    const suffix = listOf(
      part(at.suffix),
      withoutDegree ? undefined : part(at.degree),
      part(at.professional),
    );
    if (suffix) name['suffix'] = suffix;
    if (!name['family'] && !name['_family'] && !given && !prefix && !suffix) return undefined;
    const period = periodOf(run, part(at.start), part(at.end)) ?? readRange(run, start, end, at.range, level);
    if (period) name['period'] = period;
    return name;
  };
}

/** XPN, XCN and relatives to text: `Dr. Ana Maria Huber Jr. MD` (v2-to-FHIR XPN[string]). */
export function nameTextConvert(type: string, level: Level): Convert {
  const at = nameParts[type] ?? xpn;
  return (run, start, end) => {
    const family = run.part(start, end, at.family, separatorOf(run, level));
    const surname = family < 0 ? undefined : surnameOf(run, family, run.end, level);
    const part = (number: number): string | undefined => partText(run, start, end, number, level);
    const words = [
      part(at.prefix),
      part(at.given),
      part(at.second),
      surname,
      part(at.suffix),
      part(at.degree),
    ];
    return listOf(...words)?.join(' ');
  };
}

function surnameOf(run: Run, start: number, end: number, level: Level): string | undefined {
  return run.subLeaf(start, level === 2 ? end : run.cut(start, end, run.subcomponentCode));
}

function listOf(...values: (string | undefined)[]): string[] | undefined {
  const list = values.filter((value) => value !== undefined);
  return list.length > 0 ? list : undefined;
}

/** FN: the surname, and the pieces it is made of. */
function readFamily(run: Run, start: number, end: number, level: Level, name: FhirObject): void {
  if (level === 2) {
    const text = run.subLeaf(start, end);
    if (text !== undefined) name['family'] = text;
    return;
  }
  const first = run.cut(start, end, run.subcomponentCode);
  const family = run.subLeaf(start, first);
  if (family !== undefined) name['family'] = family;
  if (first === end) return;
  const extension: FhirObject[] = [];
  familyExtensions.forEach((kind, i) => {
    const value = partText(run, start, end, i + 2, 2);
    if (value !== undefined) extension.push({ url: `${extensionUrl}humanname-${kind}`, valueString: value });
  });
  if (extension.length > 0) name['_family'] = { extension };
}

/** DR inside a composite value: its two moments are subcomponents. */
function readRange(
  run: Run,
  start: number,
  end: number,
  number: number,
  level: Level,
): FhirObject | undefined {
  if (number === 0 || level === 2) return undefined;
  const from = run.part(start, end, number, run.componentCode);
  if (from < 0) return undefined;
  const to = run.end;
  return periodOf(run, partText(run, from, to, 1, 2), partText(run, from, to, 2, 2));
}

/** XAD, AD and SAD to Address (v2-to-FHIR XAD[Address], SAD[Address]). */
export function addressConvert(vocabulary: Vocabulary, level: Level): Convert {
  return (run, start, end) => {
    const part = (number: number): string | undefined => partText(run, start, end, number, level);
    const address: FhirObject = {};
    const tract = part(10);
    if (tract !== undefined)
      address['extension'] = [{ url: `${extensionUrl}iso21090-ADXP-censusTract`, valueString: tract }];
    const kind = part(7);
    if (kind !== undefined) setKind(vocabulary, address, kind);
    readLines(run, start, end, level, address);
    set(address, 'city', part(3));
    const county = part(9);
    set(address, 'district', county ?? part(8));
    set(address, 'state', part(4));
    set(address, 'postalCode', part(5));
    set(address, 'country', part(6));
    const period = periodOf(run, part(13), part(14)) ?? readRange(run, start, end, 12, level);
    if (period) address['period'] = period;
    for (const key in address) if (!kindKeys.has(key)) return address;
    return undefined;
  };
}

const kindKeys = new Set(['use', '_use', 'type']);

/** One code of v2 says both what an address is for and how it can be used. */
function setKind(vocabulary: Vocabulary, address: FhirObject, kind: string): void {
  const type = vocabulary.row('address-type', kind);
  if (type) address['type'] = type.to;
  if (type && type.toSystem !== '' && !vocabulary.row('address-use', kind)) return;
  setCode(vocabulary, address, 'use', 'address-use', kind);
}

function set(object: FhirObject, name: string, value: FhirValue | undefined): void {
  if (value !== undefined) object[name] = value;
}

function readLines(run: Run, start: number, end: number, level: Level, address: FhirObject): void {
  const lines: string[] = [];
  const street = run.part(start, end, 1, separatorOf(run, level));
  if (street >= 0) {
    const to = run.end;
    const first = level === 1 ? partText(run, street, to, 1, 2) : run.subLeaf(street, to);
    const named = level === 1 ? partText(run, street, to, 2, 2) : undefined;
    const dwelling = level === 1 ? partText(run, street, to, 3, 2) : undefined;
    if (first !== undefined) lines.push(first);
    if (named !== undefined || dwelling !== undefined) {
      const second = [dwelling, named].filter((text) => text !== undefined).join(' ');
      if (second !== first) lines.push(second);
    }
  }
  const other = partText(run, start, end, 2, level);
  if (other !== undefined) lines.push(other);
  const addressee = partText(run, start, end, 19, level);
  if (addressee !== undefined) lines.push(addressee);
  if (lines.length > 0) address['line'] = lines;
}
