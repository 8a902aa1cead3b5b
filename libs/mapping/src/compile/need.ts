/**
 * What must be there for a rule to give something: most rules of a map read what most messages lack, and need not be run
 * to find that out. `bit`: of a field of the segment at hand (`Segment.valued`), or of what is in the element at hand
 * (`XmlElement.bits`), of a segment somewhere in the message, of a name that holds a resource.
 */
export type Need =
  | { readonly kind: 'nothing' | 'never' }
  | { readonly kind: 'field' | 'segment' | 'name'; readonly bit: number }
  | { readonly kind: 'any' | 'all'; readonly parts: readonly Need[] };

/** What there is, as bits. */
export interface Presence {
  readonly valued: number;
  readonly segments: number;
  readonly names: number;
}

export const noNeed: Need = { kind: 'nothing' };

export function isMet(need: Need, there: Presence): boolean {
  switch (need.kind) {
    case 'nothing':
      return true;
    case 'never':
      return false;
    case 'field':
      return (there.valued & need.bit) !== 0;
    case 'segment':
      return (there.segments & need.bit) !== 0;
    case 'name':
      return (there.names & need.bit) !== 0;
    case 'any':
      return need.parts.some((part) => isMet(part, there));
    case 'all':
      return need.parts.every((part) => isMet(part, there));
  }
}

/** Fields of the segment at hand of which one must be valued, as bits; all bits when it depends on more. */
export function fieldsOf(need: Need): number {
  switch (need.kind) {
    case 'never':
      return 0;
    case 'field':
      return need.bit;
    case 'any':
      return need.parts.reduce((bits, part) => bits | fieldsOf(part), 0);
    case 'all':
      return need.parts.map(fieldsOf).find((bits) => bits !== -1) ?? -1;
    default:
      return -1;
  }
}

/** All bits that a need looks at, by kind. */
export function bitsOf(need: Need, kind: 'field' | 'segment' | 'name'): number {
  if (need.kind === kind) return need.bit;
  if (need.kind !== 'any' && need.kind !== 'all') return 0;
  return need.parts.reduce((bits, part) => bits | bitsOf(part, kind), 0);
}
