import type { XmlElement } from '#cda';
import { Decimal, type FhirObject } from '#fhir';
import type { Run } from '../../run/run.js';
import type { Convert } from '../convert.js';
import { attributeText, elementOf, markAttribute, peekAttribute } from './element-parts.js';
import { isInterval, momentOf, periodOfElement } from './moment.js';

/** Units of time in UCUM, as R4 has them (units-of-time). */
const units = new Map([
  ['s', 's'],
  ['min', 'min'],
  ['h', 'h'],
  ['hr', 'h'],
  ['d', 'd'],
  ['wk', 'wk'],
  ['mo', 'mo'],
  ['a', 'a'],
  ['y', 'a'],
]);

/** Codes of TimingEvent that R4 has too (event-timing); HS alone has another spelling nowhere. */
const events = new Set([
  'HS',
  'WAKE',
  'C',
  'CM',
  'CD',
  'CV',
  'AC',
  'ACM',
  'ACD',
  'ACV',
  'PC',
  'PCM',
  'PCD',
  'PCV',
]);

/** Moments, intervals and periodic intervals to Timing; several of one act make one, see `mergedTiming`. */
export function elementTimingConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    return element && timingOf(run, element);
  };
}

function timingOf(run: Run, element: XmlElement): FhirObject | undefined {
  const type = (peekAttribute(run, element, 'xsi:type') ?? '').replace(/^.*:/, '');
  if (type === 'EIVL_TS' || element.child('event')) return eventTiming(run, element);
  if (type === 'PIVL_TS' || element.child('period')) return periodicTiming(run, element);
  if (isInterval(element)) {
    const bounds = periodOfElement(run, element);
    return bounds && { repeat: { boundsPeriod: bounds } };
  }
  const moment = momentOf(run, element, 'dateTime');
  if (moment !== undefined) return { event: [moment] };
  // SXPR_TS: parts that belong together.
  return mergedTiming(element.childrenNamed('comp').map((one) => timingOf(run, one)));
}

/** PIVL_TS: every so often. */
function periodicTiming(run: Run, element: XmlElement): FhirObject | undefined {
  const period = element.child('period');
  const repeat: FhirObject = {};
  const phase = element.child('phase');
  const bounds = phase && isInterval(phase) ? periodOfElement(run, phase) : undefined;
  if (bounds) repeat['boundsPeriod'] = bounds;
  const low = period && (period.child('low') ?? period);
  const every = low && timeAmount(run, low);
  const high = period?.child('high');
  const most = high && timeAmount(run, high);
  if (every) Object.assign(repeat, timesADay(run, element, every, most) ?? everySoOften(every, most));
  if (Object.keys(repeat).length === 0) return undefined;
  markAttribute(run, element, 'xsi:type');
  return { repeat };
}

interface Amount {
  readonly value: Decimal;
  readonly unit: string;
}

function everySoOften({ value, unit }: Amount, most: Amount | undefined): FhirObject {
  const repeat: FhirObject = { frequency: 1, period: value };
  if (most && most.unit === unit) repeat['periodMax'] = most.value;
  return { ...repeat, periodUnit: unit };
}

/** C-CDA on FHIR, CF-medications: where the institution chooses the hours, every 8 h is three times a day, not every eight hours. */
function timesADay(
  run: Run,
  element: XmlElement,
  every: Amount,
  most: Amount | undefined,
): FhirObject | undefined {
  if (peekAttribute(run, element, 'institutionSpecified') === undefined) return undefined;
  const isChosen = attributeText(run, element, 'institutionSpecified') === 'true';
  const [times, least] = [perDay(every), most && perDay(most)];
  if (!isChosen || times === undefined || (most && least === undefined)) return undefined;
  const often = least === undefined ? { frequency: times } : { frequency: least, frequencyMax: times };
  return { ...often, period: Decimal.parse('1') as Decimal, periodUnit: 'd' };
}

/** How often a day, where that is a whole number of times. */
function perDay({ value, unit }: Amount): number | undefined {
  const times = 24 / value.toNumber();
  return unit === 'h' && Number.isInteger(times) ? times : undefined;
}

/** EIVL_TS: at meals, when going to bed. */
function eventTiming(run: Run, element: XmlElement): FhirObject | undefined {
  const event = element.child('event');
  const code = event && peekAttribute(run, event, 'code');
  if (!event || code === undefined || !events.has(code)) return undefined;
  markAttribute(run, event, 'code');
  const repeat: FhirObject = { when: [code] };
  const offset = element.child('offset');
  const amount = offset && offsetMinutes(run, offset.child('low') ?? offset);
  // R4 tim-9: an offset is counted from a meal or from sleep, not from C, CM, CD, CV.
  if (amount !== undefined && !/^C[MDV]?$/.test(code)) repeat['offset'] = amount;
  return { repeat };
}

function timeAmount(run: Run, element: XmlElement): Amount | undefined {
  const unit = units.get(peekAttribute(run, element, 'unit') ?? '');
  const value = Decimal.parse(peekAttribute(run, element, 'value') ?? '');
  if (unit === undefined || value === undefined || value.toNumber() <= 0) return undefined;
  markAttribute(run, element, 'value');
  markAttribute(run, element, 'unit');
  return { value, unit };
}

const minutes = new Map([
  ['min', 1],
  ['h', 60],
  ['d', 1440],
]);

function offsetMinutes(run: Run, element: XmlElement): number | undefined {
  const factor = minutes.get(peekAttribute(run, element, 'unit') ?? '');
  const value = Number(attributeText(run, element, 'value') ?? '');
  if (factor === undefined || !(value >= 0)) return undefined;
  markAttribute(run, element, 'unit');
  return Math.round(value * factor);
}

/** What several elements say of one timing: the bounds of one, how often of another (C-CDA, Medication Activity). */
export function mergedTiming(parts: readonly (FhirObject | undefined)[]): FhirObject | undefined {
  let event: unknown[] = [];
  let repeat: FhirObject = {};
  for (const part of parts) {
    if (!part) continue;
    event = [...event, ...((part['event'] as unknown[] | undefined) ?? [])];
    repeat = { ...repeat, ...(part['repeat'] as FhirObject | undefined) };
  }
  const timing: FhirObject = {};
  if (event.length > 0) timing['event'] = event as string[];
  if (Object.keys(repeat).length > 0) timing['repeat'] = repeat;
  return Object.keys(timing).length > 0 ? timing : undefined;
}
