import type { parseMessage } from '#hl7v2';

export type Json = Record<string, unknown>;
export type Segment = ReturnType<typeof parseMessage>['segments'][number];

export const v2 = 'http://terminology.hl7.org/CodeSystem/v2-';
const systems: Readonly<Record<string, string>> = { LN: 'http://loinc.org', SCT: 'http://snomed.info/sct' };
export const statuses: Readonly<Record<string, string>> = {
  F: 'final',
  P: 'preliminary',
  C: 'corrected',
  X: 'cancelled',
};
export const genders: Readonly<Record<string, string>> = { M: 'male', F: 'female', O: 'other' };
export const interpretations: Readonly<Record<string, string>> = {
  H: 'High',
  L: 'Low',
  HH: 'Critical high',
  LL: 'Critical low',
  N: 'Normal',
};

export function text(segment: Segment, field: number, component = 1): string | undefined {
  return segment.value(field, 1, component) ?? undefined;
}

export function moment(value: string | undefined): string | undefined {
  if (value === undefined || value.length < 8) return undefined;
  const date = `${value.slice(0, 4)}-${value.slice(4, 6)}-${value.slice(6, 8)}`;
  if (value.length < 12) return date;
  return `${date}T${value.slice(8, 10)}:${value.slice(10, 12)}:${value.slice(12, 14) || '00'}Z`;
}

export function coded(segment: Segment, field: number): Json | undefined {
  const code = text(segment, field);
  if (code === undefined) return undefined;
  const name = text(segment, field, 3);
  const display = text(segment, field, 2);
  const coding: Json = {};
  if (name !== undefined) coding['system'] = systems[name] ?? `urn:x-local:${name}`;
  coding['code'] = code;
  if (display !== undefined) coding['display'] = display;
  return { coding: [coding] };
}

export function identifier(segment: Segment, field: number, type: string): Json | undefined {
  const value = text(segment, field);
  if (value === undefined) return undefined;
  const authority = text(segment, field, type === 'PLAC' || type === 'FILL' ? 2 : 4);
  return {
    type: { coding: [{ system: `${v2}0203`, code: type }] },
    system: `urn:x-local:${authority}`,
    value,
  };
}
