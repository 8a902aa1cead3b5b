import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Decimal } from './decimal.js';
import { readJson } from './read-json.js';
import { type FhirValue, writeJson } from './write-json.js';

const digits = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.nat(),
    fc.option(fc.stringMatching(/^\d{1,12}$/)),
    fc.option(fc.integer({ min: -20, max: 20 })),
  )
  .map(([sign, whole, fraction, exponent]) => {
    return `${sign}${whole}${fraction === null ? '.0' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`;
  });
const name = fc.string().filter((text) => text !== '__proto__');
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\u00011.5', '"\u0001', '\\u0001', '\u0001', '"\u00012"', '","\u00013'),
);
const { value } = fc.letrec<{ value: FhirValue; array: FhirValue[]; object: { [key: string]: FhirValue } }>(
  (tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      text,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      digits.map((d) => Decimal.of(d)),
      tie('array'),
      tie('object'),
    ),
    array: fc.array(tie('value'), { maxLength: 4 }),
    object: fc.dictionary(fc.oneof(name, fc.constant('\u0001k')), tie('value'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  }),
);

describe('writing JSON', () => {
  test('a decimal keeps its digits', () => {
    const resource = {
      resourceType: 'Observation',
      valueQuantity: { value: Decimal.of('1.50'), unit: 'mmol/L' },
    };
    expect(writeJson(resource)).toBe(
      '{"resourceType":"Observation","valueQuantity":{"value":1.50,"unit":"mmol/L"}}',
    );
  });

  test('content stays content, whatever it looks like', () => {
    const tree = { value: Decimal.of('2.0'), text: '\u00019', other: 'say "\u00019"', '\u0001name': true };
    expect(JSON.parse(writeJson(tree))).toEqual({ ...tree, value: 2 });
    expect(writeJson(tree)).toContain('"value":2.0,');
  });

  test('without decimals it is JSON.stringify', () => {
    fc.assert(fc.property(fc.jsonValue(), (json) => expect(writeJson(json)).toBe(JSON.stringify(json))));
  });

  test('whatever is written is read back the same', () => {
    fc.assert(
      fc.property(value, (tree) => {
        const json = writeJson(tree);
        expect(writeJson(readJson(json))).toBe(json);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(plain(tree))));
      }),
    );
  });
});

/** The tree with plain numbers for decimals. */
function plain(v: unknown): unknown {
  if (v instanceof Decimal) return v.toNumber();
  if (Array.isArray(v)) return v.map(plain);
  if (typeof v !== 'object' || v === null) return v;
  return Object.fromEntries(Object.entries(v).map(([key, member]) => [key, plain(member)]));
}

describe('reading JSON', () => {
  test('plain integers are numbers, all other numbers keep their digits', () => {
    expect(readJson('[0,-7,42]')).toEqual([0, -7, 42]);
    for (const number of ['1.0', '1e3', '-0', '12345678901234567890', '0.10E-2']) {
      const read = readJson(number);
      expect(read).toBeInstanceOf(Decimal);
      expect(writeJson(read)).toBe(number);
    }
  });

  test('what JSON.parse accepts is accepted with the same meaning, what it refuses is refused', () => {
    const bytes = fc
      .array(fc.constantFrom(...'{}[]:,"\\u0123.eE+- \ntrufalsn'), { maxLength: 24 })
      .map((a) => a.join(''));
    const json = fc.jsonValue().map((v) => JSON.stringify(v, null, 1));
    fc.assert(
      fc.property(fc.oneof(bytes, json), (source) => {
        let expected: unknown;
        let valid = true;
        try {
          expected = JSON.parse(source);
        } catch {
          valid = false;
        }
        if (valid && !source.includes('__proto__')) {
          // A member that stands twice is valid to JSON.parse and refused here.
          try {
            expect(JSON.parse(JSON.stringify(plain(readJson(source))))).toEqual(
              JSON.parse(JSON.stringify(expected)),
            );
          } catch (error) {
            expect(error).toMatchObject({ code: 'FHIR_JSON_DUPLICATE_MEMBER' });
          }
        } else if (!valid) expect(() => readJson(source)).toThrow();
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['{"a":1,"a":2}', 'FHIR_JSON_DUPLICATE_MEMBER'],
    ['{"a":1,"\\u0061":2}', 'FHIR_JSON_DUPLICATE_MEMBER'],
    ['{"__proto__":{}}', 'FHIR_JSON_FORBIDDEN_MEMBER'],
    ['{"\\u005f_proto__":{}}', 'FHIR_JSON_FORBIDDEN_MEMBER'],
    ['['.repeat(65) + ']'.repeat(65), 'FHIR_JSON_TOO_DEEP'],
    ['['.repeat(1_000_000), 'FHIR_JSON_TOO_DEEP'],
    ['', 'FHIR_JSON_MALFORMED'],
    ['{"a":01}', 'FHIR_JSON_MALFORMED'],
    ['{"a":1}x', 'FHIR_JSON_MALFORMED'],
    ['"a\nb"', 'FHIR_JSON_MALFORMED'],
    ['{"a":NaN}', 'FHIR_JSON_MALFORMED'],
    ['{"a":1,}', 'FHIR_JSON_MALFORMED'],
  ])('refuses %.20s', (source, code) => {
    expect(() => readJson(source)).toThrow(expect.objectContaining({ kind: 'rejected', code }));
  });

  test('64 levels are read, members named like parts of an object are ordinary', () => {
    expect(() => readJson('['.repeat(64) + ']'.repeat(64))).not.toThrow();
    expect(Object.keys(readJson('{"constructor":1,"toString":2}') as object)).toEqual([
      'constructor',
      'toString',
    ]);
  });
});

describe('decimals of legacy systems', () => {
  test.each([
    ['+5', '5'],
    ['.5', '0.5'],
    ['-.50', '-0.50'],
    ['5.', '5'],
    ['007.10', '7.10'],
    ['000', '0'],
    ['1.50', '1.50'],
    ['1e5', '1e5'],
  ])('%s is written %s', (source, expected) => {
    expect(Decimal.parse(source)?.text).toBe(expected);
  });

  test.each(['', '.', '+', '-', '<5', '5 mg', '1,5', '0x10', '--1'])('%s is no decimal', (source) => {
    expect(Decimal.parse(source)).toBeUndefined();
  });
});
