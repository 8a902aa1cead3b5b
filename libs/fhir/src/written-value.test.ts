import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Decimal } from './decimal.js';
import { type FhirObject, writeJson, writtenOnce } from './write-json.js';

const leaf = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom('1.50', '0.0010', '-3.0').map((text) => Decimal.parse(text)),
);
const object = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(leaf, fc.array(leaf)), {
  minKeys: 1,
});

test('a shared value is written as the value is, wherever it stands', () => {
  fc.assert(
    fc.property(object, (value) => {
      const whole = (one: unknown) =>
        writeJson({ resourceType: 'Observation', code: one, component: [{ code: one }, one] });
      const shared = writtenOnce(value as FhirObject);
      expect(whole(shared)).toBe(whole(value));
      expect(JSON.stringify(shared)).toBe(JSON.stringify(value));
      expect(shared).toEqual(value);
    }),
    { seed: 20_261 },
  );
});

test('a copy of a shared value is a plain one, that can be changed', () => {
  const shared = writtenOnce({ text: 'Glucose', coding: [{ code: '2345-7' }] });
  expect(writeJson({ ...shared, text: 'other' })).toBe('{"text":"other","coding":[{"code":"2345-7"}]}');
  expect(writeJson(shared)).toBe('{"text":"Glucose","coding":[{"code":"2345-7"}]}');
});
