/**
 * The separators a message declares in MSH-1 and MSH-2. A separator that is not declared is the empty string and
 * never occurs. `encoding` is MSH-2 as the sender wrote it; `truncation` exists from version 2.7 on.
 */
export interface Separators {
  readonly field: string;
  readonly encoding: string;
  readonly component: string;
  readonly repetition: string;
  readonly escape: string;
  readonly subcomponent: string;
  readonly truncation: string;
}

/** The separators that HL7 recommends (2.5.1, 2.5.4); what an acknowledgment uses when the sender's are unusable. */
export const standardSeparators: Separators = separatorsOf('|', '^~\\&');

/** Reads MSH-1 and MSH-2; undefined when they repeat, are missing, or could be taken for data. */
export function readSeparators(field: string, encoding: string): Separators | undefined {
  if (field === '|' && encoding === '^~\\&') return standardSeparators;
  if (field.length !== 1 || encoding.length < 1 || encoding.length > 5) return undefined;
  const all = field + encoding;
  for (let i = 0; i < all.length; i++) {
    if (!isSeparator(all.charCodeAt(i)) || all.indexOf(all.charAt(i)) !== i) return undefined;
  }
  return separatorsOf(field, encoding);
}

/** Printable ASCII that is no letter, digit, space or quote (`""` is the explicit null); a tab is in real use. */
function isSeparator(code: number): boolean {
  if (code === 0x09) return true;
  if (code <= 0x22 && code !== 0x21) return false;
  if (code >= 0x7f) return false;
  const isDigit = code >= 0x30 && code <= 0x39;
  const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return !isDigit && !isLetter;
}

function separatorsOf(field: string, encoding: string): Separators {
  return {
    field,
    encoding,
    component: encoding.charAt(0),
    repetition: encoding.charAt(1),
    escape: encoding.charAt(2),
    subcomponent: encoding.charAt(3),
    truncation: encoding.charAt(4),
  };
}
