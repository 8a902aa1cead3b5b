import type { FhirObject } from '#fhir';
import { keepCode, setCode } from './code-of-type.js';
import { type Convert, type Level, partText } from './convert.js';
import { periodOf } from './period.js';
import type { Vocabulary } from './vocabulary.js';

const extensionUrl = 'http://hl7.org/fhir/StructureDefinition/';

/**
 * XTN and TN to ContactPoint (v2-to-FHIR XTN[ContactPoint]). `use` serves when the value names none. One value may hold
 * several numbers, and an address: one of them is the value, the others stand in the comment, unless they say the same.
 */
export function telecomConvert(vocabulary: Vocabulary, level: Level, defaultUse: string): Convert {
  return (run, start, end) => {
    const part = (number: number): string | undefined => partText(run, start, end, number, level);
    const useCode = part(2);
    const equipment = part(3);
    const email = part(4);
    const old = part(1);
    const whole = part(12) ?? old;
    const pieces = [part(5), part(6), part(7), part(8)] as const;
    const number = whole ?? composeNumber(...pieces);
    const chosen = chooseValue(vocabulary, { useCode, equipment, email, number });
    if (!chosen) return undefined;
    const { system, value } = chosen;
    const isMail = value === email && system === 'email';
    const point: FhirObject = {};
    const others = [old, whole, email].filter((other) => other !== undefined && !says(value, other));
    const comment = [part(9), ...new Set(others)].filter((text) => text !== undefined).join('; ');
    const extension = pieceExtensions(pieces, isMail ? '' : whole, comment);
    if (extension.length > 0) point['extension'] = extension;
    point['system'] = system;
    if (equipment !== undefined && (system === 'other' || systemOf(vocabulary, equipment) !== system))
      keepCode(point, 'system', 'telecom-system', equipment);
    point['value'] = value;
    if (useCode !== undefined) setCode(vocabulary, point, 'use', 'telecom-use', useCode);
    if (equipment === 'CP') point['use'] = 'mobile';
    else if (point['use'] === undefined && defaultUse !== '') point['use'] = defaultUse;
    const rank = Number(part(18));
    if (Number.isInteger(rank) && rank > 0) point['rank'] = rank;
    const period = periodOf(run, part(13), part(14));
    if (period) point['period'] = period;
    return point;
  };
}

function systemOf(vocabulary: Vocabulary, equipment: string): string | undefined {
  return vocabulary.translate('telecom-system', equipment);
}

interface TelecomParts {
  readonly useCode: string | undefined;
  readonly equipment: string | undefined;
  readonly email: string | undefined;
  readonly number: string | undefined;
}

/** What is called, and how: the address when the equipment or the lack of a number says so, else the number. */
function chooseValue(
  vocabulary: Vocabulary,
  { useCode, equipment, email, number }: TelecomParts,
): { system: string; value: string } | undefined {
  const named = equipment === undefined ? undefined : systemOf(vocabulary, equipment);
  if (email !== undefined && (named === 'email' || useCode === 'NET' || number === undefined))
    return { system: 'email', value: email };
  if (number === undefined) return undefined;
  if (number.includes('@')) return { system: 'email', value: number };
  if (named === 'email') return { system: 'phone', value: number };
  return { system: named ?? (equipment === undefined ? 'phone' : 'other'), value: number };
}

/** `+1 217 5550100 x12`. */
function composeNumber(
  country?: string,
  area?: string,
  local?: string,
  extension?: string,
): string | undefined {
  if (local === undefined && area === undefined) return undefined;
  let text = country === undefined ? '' : `${country.startsWith('+') ? '' : '+'}${country}`;
  for (const piece of [area, local]) if (piece !== undefined) text += text === '' ? piece : ` ${piece}`;
  return extension === undefined ? text : `${text} x${extension}`;
}

const pieceNames = ['country', 'area', 'local', 'extension'];

/** Whether `other`, one more form of a number or an address, says nothing that `value` does not. */
function says(value: string, other: string): boolean {
  const digits = other.replace(/\D/g, '');
  return value.includes(other) || (digits.length >= 4 && value.replace(/\D/g, '').includes(digits));
}

/** Pieces that stand beside a whole number, or a mail address, and are not in it. */
function pieceExtensions(
  pieces: readonly (string | undefined)[],
  whole: string | undefined,
  comment: string,
): FhirObject[] {
  const list: FhirObject[] = [];
  const digits = whole?.replace(/\D/g, '');
  pieces.forEach((piece, i) => {
    if (piece === undefined || digits === undefined || digits.includes(piece.replace(/\D/g, ''))) return;
    list.push({ url: `${extensionUrl}contactpoint-${pieceNames[i] ?? ''}`, valueString: piece });
  });
  if (comment !== '') list.push({ url: `${extensionUrl}contactpoint-comment`, valueString: comment });
  return list;
}
