const alphabet = 'alphabet of the name';
const context = 'what the name is used for; R4 has the kind of a name alone';
const jurisdiction = 'jurisdiction of the number; R4 has who assigned it';
const department = 'department that assigned the number; R4 has who assigned it';
const check = 'security check of the number; R4 has no place for it';
const expired = 'why it is no longer valid; the period says since when';
const protection = 'whom it may be told; R4 has no place for it at one name, address or number';
const identity = 'number of the address or number itself; R4 has none';
const kind = 'a second word for the kind, which the first one says';

/** Components of data types that R4 has no place for wherever they stand, with the reason. */
const dropped: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  CX: { 9: jurisdiction, 10: department, 11: check, 12: check },
  XCN: {
    8: 'table of the sender that the number was taken from',
    15: alphabet,
    16: context,
    22: jurisdiction,
    23: department,
    24: check,
    25: check,
  },
  XPN: { 8: alphabet, 9: context },
  XON: { 9: alphabet },
  XAD: {
    8: 'another district; R4 has one, and the county is it',
    11: alphabet,
    15: expired,
    16: kind,
    17: kind,
    18: kind,
    22: protection,
    23: identity,
  },
  XTN: {
    10: 'what the exchange of the sender must dial',
    11: 'what the exchange of the sender must dial',
    15: expired,
    16: protection,
    17: identity,
  },
};

/** Why component `number` of `type` is never mapped; undefined when it can be. */
export function droppedPart(type: string, number: number): string | undefined {
  return Object.hasOwn(dropped, type) ? dropped[type]?.[number] : undefined;
}
