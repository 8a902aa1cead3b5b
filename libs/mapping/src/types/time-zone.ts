/** Offset of local time from UTC at a local date and time, in minutes; undefined when the zone is unknown. */
export type ZoneOffset = (year: number, month: number, day: number, hour: number, minute: number) => string;

const utc: ZoneOffset = () => 'Z';
const known = new Map<string, ZoneOffset>([
  ['UTC', utc],
  ['Z', utc],
]);
const zonesMax = 500;
/** Offsets change at most a few times a year; an hour is a safe step to remember them by. */
const hoursMax = 20_000;

/** Time zones by IANA name or fixed offset (`+01:00`, `-0500`). Knows the zone data of the runtime; reads no clock. */
export const zoneOffsets = {
  utc,
  /** undefined when nobody knows the zone. */
  of(name: string | undefined): ZoneOffset | undefined {
    if (name === undefined) return utc;
    let offset = known.get(name);
    if (!offset) {
      offset = makeZone(name);
      if (offset && known.size < zonesMax) known.set(name, offset);
    }
    return offset;
  },
};

function makeZone(name: string): ZoneOffset | undefined {
  const fixed = /^([+-])(\d\d):?(\d\d)$/.exec(name);
  if (fixed) {
    const [, sign = '+', hours = '00', minutes = '00'] = fixed;
    const text = `${sign}${hours}:${minutes}`;
    return () => text;
  }
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      timeZoneName: 'longOffset',
      hourCycle: 'h23',
    });
  } catch {
    // RangeError: no such zone; the caller says so.
    return undefined;
  }
  const hours = new Map<number, string>();
  return (year, month, day, hour, minute) => {
    const local = Date.UTC(year, month - 1, day, hour, minute);
    const step = Math.floor(local / 3_600_000);
    let text = hours.get(step);
    if (text === undefined) {
      // The offset is asked for at a moment that needs the offset: the second look settles all but the gap itself.
      const first = offsetAt(format, local);
      text = formatOffset(offsetAt(format, local - first * 60_000));
      if (hours.size >= hoursMax) hours.clear();
      hours.set(step, text);
    }
    return text;
  };
}

function offsetAt(format: Intl.DateTimeFormat, ms: number): number {
  const part = format.formatToParts(ms).find((one) => one.type === 'timeZoneName')?.value ?? 'GMT';
  const match = /^GMT(?:([+-])(\d\d):(\d\d))?/.exec(part);
  if (!match?.[1]) return 0;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

function formatOffset(minutes: number): string {
  if (minutes === 0) return 'Z';
  const size = Math.abs(minutes);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
