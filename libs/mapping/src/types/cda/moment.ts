import type { XmlElement } from '#cda';
import type { FhirObject } from '#fhir';
import type { Run } from '../../run/run.js';
import type { Convert } from '../convert.js';
import { checkPeriod } from '../period.js';
import { formatTime, type TimeTarget } from '../time.js';
import { elementOf } from './element-parts.js';

/** Where the moment of an IVL_TS stands that is asked for as one. */
const parts = ['low', 'center', 'high'];

/** TS to a moment; of IVL_TS its only value, its start, its middle or its end. */
export function elementMomentConvert(target: TimeTarget): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    if (!element) return undefined;
    const own = momentOf(run, element, target);
    if (own !== undefined) return own;
    for (const name of parts) {
      const part = element.child(name);
      const moment = part && momentOf(run, part, target);
      if (moment !== undefined) return moment;
    }
    return undefined;
  };
}

/** `@value` of a TS as a moment of R4. What is none stays with the run as `noMoment`, unread. */
export function momentOf(run: Run, element: XmlElement, target: TimeTarget): string | undefined {
  const value = element.attribute('value');
  if (!value) return undefined;
  const before = run.marks[value.start];
  const text = run.leaf(value.start, value.end);
  if (text === undefined) return undefined;
  const moment = formatTime(run, plainMoment(text), target);
  if (moment !== undefined) return moment;
  const mark = run.marks[value.start] ?? 0;
  run.unmark(value.start, before);
  run.noMoment = { text, target, start: value.start, mark };
  return undefined;
}

/** CDA writes moments as HL7 v2 does; some senders write them as XML Schema does. */
function plainMoment(text: string): string {
  const match =
    /^(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?(Z|[+-]\d\d:?\d\d)?)?)?$/.exec(text);
  if (!match) return text;
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', zone = ''] = match;
  return year + month + day + hour + minute + second + (zone === 'Z' ? '+0000' : zone.replace(':', ''));
}

/** IVL_TS to Period; a single moment is both ends. */
export function elementPeriodConvert(): Convert {
  return (run, start) => {
    const element = elementOf(run, start);
    return element && periodOfElement(run, element);
  };
}

/** The interval that an element holds; undefined when it holds no moment. */
export function periodOfElement(run: Run, element: XmlElement): FhirObject | undefined {
  const [low, high] = [element.child('low'), element.child('high')];
  const own = momentOf(run, element, 'dateTime');
  const from = (low && momentOf(run, low, 'dateTime')) ?? own;
  const to = (high && momentOf(run, high, 'dateTime')) ?? own;
  if (from === undefined && to === undefined) return undefined;
  const period: FhirObject = {};
  if (from !== undefined) period['start'] = from;
  if (to !== undefined) period['end'] = to;
  checkPeriod(run, period);
  return period;
}

/** Whether an element is an interval rather than a moment. */
export function isInterval(element: XmlElement): boolean {
  return element.child('low') !== undefined || element.child('high') !== undefined;
}
