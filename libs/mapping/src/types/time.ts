import type { Run } from '../run/run.js';
import type { Convert, Level } from './convert.js';
import { separatorOf } from './convert.js';

/** The four forms R4 has for a moment. */
export type TimeTarget = 'date' | 'dateTime' | 'instant' | 'time';

const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const clockTime = /^\d\d:\d\d(:\d\d(\.\d+)?)?$/;

/**
 * DTM, TS, DT and TM (HL7 v2.5.1 chapter 2.A.22): `YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`. The precision is
 * kept as far as R4 has it: a time of day has minutes and seconds, so missing ones are zero. A time without a zone
 * gets that of the channel. What is no possible date gives nothing, and stays with the run as `noMoment`.
 */
export function timeConvert(target: TimeTarget, level: Level): Convert {
  return (run, start, end) => {
    const to = run.cut(start, end, separatorOf(run, level));
    const text = level === 1 ? run.leaf(start, to) : run.subLeaf(start, to);
    if (text === undefined) return undefined;
    const moment = formatTime(run, text, target);
    if (moment !== undefined) return moment;
    run.noMoment ??= { text, target, start, mark: run.marks[start] ?? 0 };
    // Whoever keeps it marks it again; otherwise it is unread, and the account shows it.
    run.unmark(start);
    return undefined;
  };
}

/** The moment written as `text`, in the form of `target`; undefined when it is none. */
export function formatTime(run: Run, text: string, target: TimeTarget): string | undefined {
  if (text === run.timeText && target === run.timeTarget) return run.timeValue;
  const value = format(run, text, target);
  run.timeText = text;
  run.timeTarget = target;
  run.timeValue = value;
  return value;
}

function format(run: Run, text: string, target: TimeTarget): string | undefined {
  if (target === 'time') return formatTimeOfDay(text);
  const digits = digitCount(text, 0);
  const year = digits >= 4 ? number(text, 0, 4) : 0;
  if (year < 1 || (digits & 1) === 1 || digits > 14) return undefined;
  let out = text.slice(0, 4);
  if (digits === 4) return target === 'instant' || !isDateEnd(text, 4) ? undefined : out;
  const month = number(text, 4, 6);
  if (month === 0 && digits <= 8) return target === 'instant' ? undefined : out;
  if (month < 1 || month > 12) return undefined;
  out += `-${text.slice(4, 6)}`;
  if (digits === 6) return target === 'instant' || !isDateEnd(text, 6) ? undefined : out;
  const day = number(text, 6, 8);
  if (day === 0 && digits === 8) return target === 'instant' ? undefined : out;
  if (!isDay(year, month, day)) return undefined;
  out += `-${text.slice(6, 8)}`;
  if (target === 'date') return out;
  if (digits === 8) return target === 'instant' ? `${out}T00:00:00${run.zone(year, month, day, 0, 0)}` : out;
  return timePart(run, text, digits, { text: out, year, month, day });
}

function timePart(
  run: Run,
  text: string,
  digits: number,
  date: { readonly text: string; readonly year: number; readonly month: number; readonly day: number },
): string | undefined {
  const hour = number(text, 8, 10);
  const minute = digits >= 12 ? number(text, 10, 12) : 0;
  const second = digits >= 14 ? number(text, 12, 14) : 0;
  // R4 knows leap seconds.
  if (hour > 23 || minute > 59 || second > (minute === 59 ? 60 : 59)) return undefined;
  let at = digits;
  let fraction = '';
  if (text.charCodeAt(at) === 0x2e) {
    const count = digitCount(text, at + 1);
    fraction = count > 0 && digits === 14 ? text.slice(at, at + 1 + Math.min(count, 9)) : '';
    at += 1 + count;
  }
  const zone =
    zoneText(text, at) ??
    (at >= text.length ? run.zone(date.year, date.month, date.day, hour, minute) : undefined);
  if (zone === undefined) return undefined;
  const minutes = digits >= 12 ? text.slice(10, 12) : '00';
  const seconds = digits >= 14 ? text.slice(12, 14) : '00';
  return `${date.text}T${text.slice(8, 10)}:${minutes}:${seconds}${fraction}${zone}`;
}

/** `HHMM[SS[.SSSS]]`, or with colons as people write it; R4 `time` has no zone. */
function formatTimeOfDay(source: string): string | undefined {
  const text = clockTime.test(source) ? source.replaceAll(':', '') : source;
  const all = digitCount(text, 0);
  // A DTM where a time is asked for: its time of day.
  const from = all >= 12 ? 8 : 0;
  const digits = all - from;
  if (digits !== 2 && digits !== 4 && digits !== 6) return undefined;
  const minute = digits >= 4 ? text.slice(from + 2, from + 4) : '00';
  const second = digits >= 6 ? text.slice(from + 4, from + 6) : '00';
  if (number(text, from, from + 2) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const count = text.charCodeAt(all) === 0x2e ? digitCount(text, all + 1) : 0;
  const end = count > 0 ? all + 1 + count : all;
  if (end < text.length && zoneText(text, end) === undefined) return undefined;
  const fraction = count > 0 && digits === 6 ? text.slice(all, all + 1 + Math.min(count, 9)) : '';
  return `${text.slice(from, from + 2)}:${minute}:${second}${fraction}`;
}

function isDay(year: number, month: number, day: number): boolean {
  if (day < 1 || day > (daysOfMonth[month - 1] ?? 0)) return false;
  return month !== 2 || day < 29 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
}

/** A date may carry a zone that says nothing about it; anything else behind it is no date. */
function isDateEnd(text: string, at: number): boolean {
  return at >= text.length || zoneText(text, at) !== undefined;
}

/** `+HHMM`, `-HH:MM`, `Z` at the end of a text. */
function zoneText(text: string, at: number): string | undefined {
  const sign = text.charAt(at);
  if (sign === 'Z' && at + 1 === text.length) return 'Z';
  if (sign !== '+' && sign !== '-') return undefined;
  const colon = text.charAt(at + 3) === ':' ? 1 : 0;
  if (
    digitCount(text, at + 1) < 2 ||
    digitCount(text, at + 3 + colon) !== 2 ||
    text.length !== at + 5 + colon
  )
    return undefined;
  const hours = number(text, at + 1, at + 3);
  const minutes = number(text, at + 3 + colon, at + 5 + colon);
  if (hours > 14 || minutes > 59 || (hours === 14 && minutes > 0)) return undefined;
  return hours === 0 && minutes === 0
    ? 'Z'
    : `${sign}${text.slice(at + 1, at + 3)}:${text.slice(at + 3 + colon)}`;
}

function digitCount(text: string, from: number): number {
  let i = from;
  for (let code = text.charCodeAt(i); code >= 0x30 && code <= 0x39; code = text.charCodeAt(i)) i++;
  return i - from;
}

function number(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + text.charCodeAt(i) - 0x30;
  return value;
}
