import type { FhirObject } from '#fhir';
import type { Run } from '../run/run.js';
import { formatTime } from './time.js';

/** A Period of two HL7 moments; undefined when neither is one. */
export function periodOf(
  run: Run,
  start: string | undefined,
  end: string | undefined,
): FhirObject | undefined {
  const from = start === undefined ? undefined : formatTime(run, start, 'dateTime');
  const to = end === undefined ? undefined : formatTime(run, end, 'dateTime');
  if (from === undefined && to === undefined) return undefined;
  const period: FhirObject = {};
  if (from !== undefined) period['start'] = from;
  if (to !== undefined) period['end'] = to;
  checkPeriod(run, period);
  return period;
}

/** A period that ends before it starts is none (R4 per-1): its end goes, and the report says so. */
export function checkPeriod(run: Run, period: FhirObject): void {
  const start = period['start'];
  const end = period['end'];
  if (typeof start !== 'string' || typeof end !== 'string' || !isReversed(start, end)) return;
  delete period['end'];
  run.failAt('MAPPING_PERIOD_REVERSED', 'the end lies before the start and is left out');
}

/** Compares as far as both are exact. */
function isReversed(start: string, end: string): boolean {
  if (start.length > 10 && end.length > 10) return Date.parse(start) > Date.parse(end);
  const length = Math.min(start.length, end.length, 10);
  return start.slice(0, length) > end.slice(0, length);
}
