import { EngineError } from '#kernel';

/** A span of time, its end excluded. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

const DAY_MS = 86_400_000;
// A plus sign that the client did not escape arrives as a space.
const VALUE =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+\- ]\d{2}:\d{2})?)?)?)?$/;

/**
 * The time that a FHIR date, dateTime or instant names, as long as it is exact: a year is a year long. Without a zone it is
 * UTC. undefined for what is none.
 */
export function spanOf(text: string): TimeSpan | undefined {
  const [, year, month = '01', day = '01', time, zone = 'Z'] = VALUE.exec(text) ?? [];
  if (year === undefined) return undefined;
  const fromMs = Date.parse(`${year}-${month}-${day}T${time ?? '00:00'}${zone.replace(' ', '+')}`);
  if (Number.isNaN(fromMs)) return undefined;
  if (text.length === 4) return { fromMs, toMs: Date.UTC(Number(year) + 1, 0) };
  if (text.length === 7) return { fromMs, toMs: Date.UTC(Number(year), Number(month)) };
  if (time === undefined) return { fromMs, toMs: fromMs + DAY_MS };
  return { fromMs, toMs: fromMs + (time.length === 5 ? 60_000 : time.includes('.') ? 1 : 1_000) };
}

/** The time of a parameter. Throws `rejected` SEARCH_VALUE_INVALID. */
export function spanOfParameter(name: string, value: string): TimeSpan {
  const span = spanOf(value);
  if (span !== undefined) return span;
  throw new EngineError('rejected', 'SEARCH_VALUE_INVALID', `'${name}' is a time, as 2026-11-23T08:00:00Z`, {
    cause: { at: `http.${name}` },
  });
}
