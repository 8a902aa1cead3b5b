import { spanOf, type TimeSpan } from './date-span.js';

/** Elements that say when care was given, the first that stands decides (as the R4 parameter `date` of each type). */
const elements = [
  'effectiveDateTime',
  'effectivePeriod',
  'effectiveInstant',
  'performedDateTime',
  'performedPeriod',
  'occurrenceDateTime',
  'occurrencePeriod',
  'period',
  'servicedPeriod',
  'billablePeriod',
  'started',
  'start',
  'whenHandedOver',
  'whenPrepared',
  'authoredOn',
  'authored',
  'onsetDateTime',
  'onsetPeriod',
  'issued',
  'date',
  'sent',
  'created',
  'recordedDate',
  'recorded',
];

/** When the care that a resource tells of was given; undefined where it does not say. A period may be open. */
export function clinicalTime(resource: object): TimeSpan | undefined {
  const content = resource as Readonly<Record<string, unknown>>;
  for (const name of elements) {
    const value = content[name];
    if (typeof value === 'string') {
      const span = spanOf(value);
      if (span !== undefined) return span;
    } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const { start, end } = value as { start?: unknown; end?: unknown };
      const from = typeof start === 'string' ? spanOf(start) : undefined;
      const to = typeof end === 'string' ? spanOf(end) : undefined;
      if (from ?? to) return { fromMs: from?.fromMs ?? -Infinity, toMs: to?.toMs ?? Infinity };
    }
  }
  return undefined;
}
